//! MoCo: a query finds its key, from a momentum encoder, among the keys of other images.
//!
//! - v2 keeps the other keys in a queue: He, Fan, Wu, Xie, Girshick, "Momentum Contrast for
//!   Unsupervised Visual Representation Learning", CVPR 2020, arXiv:1911.05722; Chen, Fan, Girshick,
//!   He, "Improved Baselines with Momentum Contrastive Learning", arXiv:2003.04297. Follows
//!   facebookresearch/moco at 7397dfe.
//! - v3 takes them from the batch, and adds a predictor: Chen, Xie, He, "An Empirical Study of
//!   Training Self-Supervised Vision Transformers", ICCV 2021, arXiv:2104.02057. Follows
//!   facebookresearch/moco-v3 at c349e6e.

mod config;
mod describe;
mod framework;
mod heads;
mod loss;
mod schema;
mod state;

pub use config::{MocoConfig, Version};
pub use framework::Moco;
pub use loss::in_batch_contrast;

ssl_plugin_kit::export_frameworks!(Moco);
