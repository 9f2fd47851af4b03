//! VICReg: embeddings of two views agree (invariance), spread out (variance) and carry nothing
//! twice (covariance).
//!
//! Bardes, Ponce, LeCun, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
//! Learning", ICLR 2022, arXiv:2105.04906. Follows the authors' code (facebookresearch/vicreg at
//! 4e12602) where paper and code differ.

mod framework;
mod loss;

pub use framework::{VicReg, VicRegConfig};
pub use loss::{Coefficients, covariance, invariance, variance, vicreg};

ssl_plugin_kit::export_frameworks!(VicReg);
