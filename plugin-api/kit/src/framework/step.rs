//! What a framework gets when it starts, and what it gives back for a step.

use crate::random::Random;
use crate::ranks::Ranks;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::{Metric, RunContext};

/// What a framework gets when it starts.
pub struct Start {
    /// The circumstances of the run.
    pub context: RunContext,
    /// Where its tensors live.
    pub device: Device,
    /// The other ranks.
    pub ranks: Ranks,
}

impl Start {
    /// The seeded random stream of this purpose.
    #[must_use]
    pub fn random(&self, purpose: &str) -> Random {
        Random::new(self.context.seed, purpose)
    }

    /// Width of the pooled features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.context.dim()
    }
}

/// A loss and what to log beside it.
pub struct Loss {
    /// The loss, `[1]`, with its graph.
    pub value: Tensor<1>,
    /// Numbers to log.
    pub metrics: Vec<Metric>,
}

impl Loss {
    /// A loss without further numbers.
    #[must_use]
    pub const fn new(value: Tensor<1>) -> Self {
        Self {
            value,
            metrics: Vec::new(),
        }
    }

    /// Adds a number to log.
    #[must_use]
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.metrics.push(Metric {
            name: name.to_owned(),
            value,
        });
        self
    }
}

impl From<Tensor<1>> for Loss {
    fn from(value: Tensor<1>) -> Self {
        Self::new(value)
    }
}
