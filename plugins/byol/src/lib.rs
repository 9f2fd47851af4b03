//! BYOL: an online network predicts a momentum network's projection of the other view.
//!
//! Grill et al., "Bootstrap Your Own Latent", 2020, arXiv:2006.07733. Follows the authors' code
//! (google-deepmind/deepmind-research, folder `byol`, at f5de0ed).

mod framework;
mod loss;

pub use framework::{Byol, ByolConfig};
pub use loss::regression;

ssl_plugin_kit::export_frameworks!(Byol);
