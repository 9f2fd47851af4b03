//! SimSiam: two views of an image predict each other; a stopped gradient keeps them from collapse.
//!
//! Chen, He, "Exploring Simple Siamese Representation Learning", CVPR 2021, arXiv:2011.10566.
//! Follows the authors' code (facebookresearch/simsiam at a7bc177).

mod framework;
mod loss;

pub use framework::{SimSiam, SimSiamConfig};
pub use loss::negative_cosine;

ssl_plugin_kit::export_frameworks!(SimSiam);
