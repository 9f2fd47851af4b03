//! SimCLR: two augmented views of an image attract, all other images of the batch repel.
//!
//! Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning of Visual
//! Representations", 2020, arXiv:2002.05709; "Big Self-Supervised Models…", arXiv:2006.10029.
//! Follows the authors' code (google-research/simclr at 383d414) where paper and code differ.

mod framework;
mod loss;

pub use framework::{SimClr, SimClrConfig};
pub use loss::nt_xent;

ssl_plugin_kit::export_frameworks!(SimClr);
