//! VICReg's configuration keys.

use crate::loss::Coefficients;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ssl_plugin_kit::api::description::{Schema, ValueKind};
use ssl_plugin_kit::framework::{Config, key};

/// VICReg's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VicRegConfig {
    /// Widths of the projector's layers, the embedding's last.
    pub projector_dims: Vec<usize>,
    /// Weight of the invariance term.
    pub sim_coeff: f64,
    /// Weight of the variance term.
    pub std_coeff: f64,
    /// Weight of the covariance term.
    pub cov_coeff: f64,
    /// Added to the variance under the root.
    pub variance_eps: f64,
}

impl VicRegConfig {
    /// The loss's constants.
    #[must_use]
    pub const fn coefficients(&self) -> Coefficients {
        Coefficients {
            sim: self.sim_coeff,
            std: self.std_coeff,
            cov: self.cov_coeff,
            variance_eps: self.variance_eps,
        }
    }
}

impl Config for VicRegConfig {
    fn schema() -> Schema {
        let weight = || ValueKind::Float {
            min: 0.0,
            max: f64::MAX,
            above: false,
        };
        Schema {
            keys: vec![
                key(
                    "projector_dims",
                    ValueKind::list(ValueKind::at_least(1), 1, usize::MAX),
                    json!([8192, 8192, 8192]),
                    "widths of the projector's layers, the embedding's last",
                    "arXiv:2105.04906 section 4.2; main_vicreg.py --mlp",
                ),
                key(
                    "sim_coeff",
                    weight(),
                    25.0,
                    "weight of the invariance term, a mean over batch and width",
                    "main_vicreg.py --sim-coeff",
                ),
                key(
                    "std_coeff",
                    weight(),
                    25.0,
                    "weight of the variance term, the mean of both views",
                    "main_vicreg.py --std-coeff",
                ),
                key(
                    "cov_coeff",
                    weight(),
                    1.0,
                    "weight of the covariance term, the sum of both views",
                    "main_vicreg.py --cov-coeff",
                ),
                key(
                    "variance_eps",
                    ValueKind::positive(),
                    1e-4,
                    "added to the variance under the root",
                    "arXiv:2105.04906 section 4.1; main_vicreg.py",
                ),
            ],
        }
    }
}
