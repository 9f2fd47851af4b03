//! SwAV's configuration keys.

use serde::{Deserialize, Serialize};
use serde_json::json;
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};
use ssl_plugin_kit::recipe::check_crops;

/// SwAV's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwavConfig {
    /// Crops by resolution: large ones, then small ones.
    pub num_crops: Vec<usize>,
    /// Crops that give codes.
    pub crops_for_assign: Vec<usize>,
    /// Width of the projector's hidden layer.
    pub projector_hidden_dim: usize,
    /// Width of the projections.
    pub projector_dim: usize,
    /// Number of prototypes.
    pub num_prototypes: usize,
    /// Temperature of the prediction.
    pub temperature: f64,
    /// Regularisation of Sinkhorn's codes.
    pub epsilon: f64,
    /// Rounds of Sinkhorn.
    pub sinkhorn_iters: usize,
    /// Rows of the queue over all ranks; 0 for none.
    pub queue_size: usize,
    /// Epoch from which the queue is kept.
    pub queue_start_epoch: u64,
    /// Steps for which the prototypes' gradient is dropped.
    pub freeze_prototypes_steps: u64,
}

impl SwavConfig {
    /// Number of views.
    #[must_use]
    pub fn views(&self) -> usize {
        self.num_crops.iter().sum()
    }
}

impl Config for SwavConfig {
    fn schema() -> Schema {
        let code = "main_swav.py";
        let count = ValueKind::at_least(1);
        Schema {
            keys: vec![
                key(
                    "num_crops",
                    ValueKind::list(count.clone(), 1, 2),
                    json!([2]),
                    "crops by resolution; [2, 6] in the best recipe",
                    code,
                ),
                key(
                    "crops_for_assign",
                    ValueKind::list(ValueKind::at_least(0), 1, usize::MAX),
                    json!([0, 1]),
                    "crops that give codes",
                    code,
                ),
                key(
                    "projector_hidden_dim",
                    count.clone(),
                    2048,
                    "width of the projector's hidden layer",
                    code,
                ),
                key(
                    "projector_dim",
                    count.clone(),
                    128,
                    "width of the projections",
                    code,
                ),
                key(
                    "num_prototypes",
                    count,
                    3000,
                    "number of prototypes",
                    "arXiv:2006.09882 section 4",
                ),
                key(
                    "temperature",
                    ValueKind::positive(),
                    0.1,
                    "temperature of the prediction",
                    "arXiv:2006.09882 section 4",
                ),
                key(
                    "epsilon",
                    ValueKind::positive(),
                    0.05,
                    "regularisation of the codes",
                    "arXiv:2006.09882 section 4",
                ),
                key(
                    "sinkhorn_iters",
                    ValueKind::at_least(1),
                    3,
                    "rounds of Sinkhorn",
                    "arXiv:2006.09882 section 4",
                ),
                key(
                    "queue_size",
                    ValueKind::at_least(0),
                    0,
                    "rows of the queue over all ranks, rounded down to whole batches; 3840 at batch 256",
                    code,
                ),
                key(
                    "queue_start_epoch",
                    ValueKind::at_least(0),
                    15,
                    "epoch from which the queue is kept",
                    code,
                ),
                key(
                    "freeze_prototypes_steps",
                    ValueKind::at_least(0),
                    313,
                    "steps for which the prototypes' gradient is dropped; 5005 at batch 256",
                    code,
                ),
            ],
        }
    }

    fn check(&self) -> Result<(), Fault> {
        check_crops(&self.num_crops, &self.crops_for_assign)
    }
}
