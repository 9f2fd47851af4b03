//! MoCo: a query finds its key, from a momentum encoder, among the keys of other images.
//!
//! - v2 keeps the other keys in a queue: He, Fan, Wu, Xie, Girshick, "Momentum Contrast for
//!   Unsupervised Visual Representation Learning", CVPR 2020, arXiv:1911.05722; Chen, Fan, Girshick,
//!   He, "Improved Baselines with Momentum Contrastive Learning", arXiv:2003.04297. Follows
//!   facebookresearch/moco at 7397dfe.
//! - v3 takes them from the batch, and adds a predictor: Chen, Xie, He, "An Empirical Study of
//!   Training Self-Supervised Vision Transformers", ICCV 2021, arXiv:2104.02057. Follows
//!   facebookresearch/moco-v3 at c349e6e.

mod loss;
mod v2;
mod v3;

pub use loss::in_batch_contrast;
pub use v2::{V2, V2Config};
pub use v3::{V3, V3Config};

use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::momentum_contrast_checkpoint;

versions! {
    /// MoCo, in two versions.
    pub Moco = "v2": V2, "v3": V3;
    "v2: queue of keys; v3: keys of the batch, and a predictor",
    from "arXiv:2003.04297 and arXiv:2104.02057"
}

const IDENTITY: Identity = Identity {
    id: "moco",
    name: "MoCo",
    family: Family::Contrastive,
    paper: "arXiv:1911.05722",
    year: 2019,
};

/// Names of both repositories, whichever version asks.
fn checkpoint() -> CheckpointMap {
    momentum_contrast_checkpoint(
        r"module\.(?:encoder_q|base_encoder)\.",
        r"module\.(?:encoder_k|momentum_encoder)\.",
    )
    .head(r"module\.predictor\.", "predictor")
}

ssl_plugin_kit::export_frameworks!(Moco);
