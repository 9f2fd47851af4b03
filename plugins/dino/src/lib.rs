//! DINO: a student matches the centred, sharpened distribution of a momentum teacher.
//!
//! Caron, Touvron, Misra, Jégou, Mairal, Bojanowski, Joulin, "Emerging Properties in Self-Supervised
//! Vision Transformers", ICCV 2021, arXiv:2104.14294. Follows the authors' code
//! (facebookresearch/dino at 7c446df, `main_dino.py`), on a ResNet.

mod config;
mod describe;
mod framework;
mod heads;
mod loss;

pub use config::DinoConfig;
pub use framework::Dino;
pub use heads::Head;
pub use loss::{moved_center, sharpened};

ssl_plugin_kit::export_frameworks!(Dino);
