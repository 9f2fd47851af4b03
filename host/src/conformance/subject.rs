//! What checks run on: a library, or one of its frameworks under a small configuration.

use super::verdict::{Broken, broken};
use serde_json::Value;
use ssl_plugin_api::description::{Description, Level, Metadata};
use ssl_plugin_api::foreign::{Instance, Plugin};
use ssl_plugin_api::{Fault, FeatureDim, RunContext, Services, SingleProcess};
use std::path::PathBuf;
use std::sync::Arc;

/// A library, not open yet.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its file.
    pub path: PathBuf,
    /// From which everything random is drawn.
    pub seed: u64,
}

/// One framework of a library.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its library.
    pub library: Library,
    /// Who it is.
    pub metadata: Metadata,
    /// The configuration that most checks use: the defaults, with everything wide made narrow.
    pub config: Value,
}

/// Samples of the training set.
pub const SAMPLES: usize = 64;
/// Samples of a step.
pub const BATCH: usize = 8;
/// Epochs of a run: long enough for warm-ups of frameworks to end.
pub const EPOCHS: u64 = 100;
/// The epoch of most checks: whatever starts late has started, whatever ends early has ended.
pub const LATE: u64 = 50;

/// Channels of the levels; all different but for the last and the pooled one, as in a backbone.
const CHANNELS: [(Level, usize); 5] = [
    (Level::Pooled, 12),
    (Level::Layer1, 5),
    (Level::Layer2, 7),
    (Level::Layer3, 10),
    (Level::Layer4, 12),
];

impl Library {
    /// Opens it.
    ///
    /// # Errors
    /// The refusal.
    pub fn open(&self) -> Result<Plugin, Broken> {
        Plugin::open(&self.path).map_err(|refusal| broken(refusal.to_string()))
    }
}

impl Subject {
    /// The framework's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.metadata.id
    }

    /// The seed of the check.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.library.seed
    }

    /// Opens its library.
    ///
    /// # Errors
    /// The refusal.
    pub fn open(&self) -> Result<Plugin, Broken> {
        self.library.open()
    }

    /// What it asks of the host under the small configuration.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn describe(&self, plugin: &Plugin) -> Result<Description, Broken> {
        Ok(plugin.describe(self.id(), &self.config)?)
    }

    /// The circumstances of most checks.
    #[must_use]
    pub fn context(&self) -> RunContext {
        context(self.seed())
    }

    /// Starts it under the small configuration.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn create(&self, plugin: &Plugin) -> Result<Instance, Fault> {
        self.create_in(plugin, &self.context(), Arc::new(SingleProcess))
    }

    /// Starts it under the small configuration in these circumstances.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn create_in(
        &self,
        plugin: &Plugin,
        context: &RunContext,
        services: Arc<dyn Services>,
    ) -> Result<Instance, Fault> {
        plugin.create(self.id(), &self.config, context, services)
    }
}

/// A small run of one rank on the CPU.
#[must_use]
pub fn context(seed: u64) -> RunContext {
    RunContext {
        features: CHANNELS
            .map(|(level, dim)| FeatureDim { level, dim })
            .to_vec(),
        samples: SAMPLES,
        batch_size: BATCH,
        steps_per_epoch: (SAMPLES / BATCH) as u64,
        epochs: EPOCHS,
        world_size: 1,
        rank: 0,
        device: "cpu".to_owned(),
        seed,
    }
}
