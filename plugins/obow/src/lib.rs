//! OBoW: a student predicts, from crops, which visual words a teacher sees in the whole image.
//!
//! Gidaris, Bursuc, Puy, Komodakis, Cord, Pérez, "OBoW: Online Bag-of-Visual-Words Generation for
//! Self-Supervised Learning", CVPR 2021, arXiv:2012.11552. Follows the authors' code (valeoai/obow at
//! 3758504, `builder_obow.py`).

mod bags;
mod config;
mod describe;
mod framework;
mod heads;
mod locations;
mod loss;
mod maps;
mod vocabulary;

pub use bags::{Bags, Sharpness, bags};
pub use config::ObowConfig;
pub use framework::Obow;
pub use loss::{divergence, student_loss};
pub use maps::{averaged, inner, words_at};

ssl_plugin_kit::export_frameworks!(Obow; requires: ["stage-maps", "patch-views"]);
