//! Barlow Twins: the cross-correlation of two views' embeddings is driven to the identity.
//!
//! Zbontar, Jing, Misra, LeCun, Deny, "Barlow Twins: Self-Supervised Learning via Redundancy
//! Reduction", ICML 2021, arXiv:2103.03230. Follows the authors' code (facebookresearch/barlowtwins
//! at 8e8d284).

mod framework;
mod loss;

pub use framework::{BarlowConfig, BarlowTwins};
pub use loss::redundancy_reduction;

ssl_plugin_kit::export_frameworks!(BarlowTwins);
