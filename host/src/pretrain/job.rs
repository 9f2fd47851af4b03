//! What a pretraining needs, and what it gives.

use super::knn_monitor::KnnMonitorConfig;
use crate::backbone::{Backbone, BackboneConfig, ComputePrecision};
use ssl_datasets::source::Source;
use ssl_distributed::Ranks;
use ssl_plugin_api::description::{Description, Recipe, ViewGroup};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tch::Device;

/// A pretraining: a framework, a backbone, data.
pub struct PretrainJob<'a> {
    /// The framework's id.
    pub framework: &'a str,
    /// SHA-256 of the plugin's file, which its checkpoints name; `None` for a framework that is in
    /// no file.
    pub plugin: Option<&'a str>,
    /// Whether a checkpoint of another build of the plugin is resumed.
    pub allow_other_build: bool,
    /// Its configuration.
    pub config: &'a serde_json::Value,
    /// What the framework asks for.
    pub description: &'a Description,
    /// The recipe, a benchmark's departures applied.
    pub recipe: &'a Recipe,
    /// The description's views, fitted to the run's image size.
    pub views: &'a [ViewGroup],
    /// Side in pixels of the evaluation transform, for feature passes over centre crops.
    pub image_size: usize,
    /// The training set.
    pub source: Arc<dyn Source>,
    /// The network; `zero_init_residual` also holds when the recipe says so.
    pub backbone: &'a BackboneConfig,
    /// Numbers the network computes with.
    pub precision: ComputePrecision,
    /// Seed of every random number.
    pub seed: u64,
    /// Where to compute.
    pub device: Device,
    /// The ranks that share every batch; `None` for this process alone.
    pub ranks: Option<Arc<Ranks>>,
    /// Threads that load images.
    pub workers: usize,
    /// Threads libtorch computes with; results on the CPU are the same for the same number.
    pub threads: usize,
    /// The online kNN evaluation of the backbone every few epochs.
    pub knn_monitor: KnnMonitorConfig,
    /// Time after which another checkpoint is written; one is also written at each epoch's end and
    /// when the run stops.
    pub checkpoint_every: Duration,
    /// Folder of checkpoints, metrics and the exported backbones; created where missing.
    pub dir: PathBuf,
    /// Shows that the run lives while the framework works on its own, from any thread.
    pub sign_of_life: fn(),
    /// Set when the run is to stop.
    pub cancel: Arc<AtomicBool>,
}

/// What a pretraining gives.
#[derive(Debug)]
pub struct PretrainOutcome {
    /// The trained backbone; it computes in f32.
    pub backbone: Backbone,
    /// The momentum backbone, where the framework has one.
    pub target: Option<Backbone>,
    /// Epochs done by this call and the ones it resumed from.
    pub epochs: u64,
    /// Optimiser steps done.
    pub steps: u64,
    /// Mean loss of the last epoch, whichever call trained it; `None` without epochs.
    pub loss: Option<f64>,
    /// Training images per second over all epochs, those of earlier calls among them.
    pub images_per_s: Option<f64>,
    /// SHA-256 of the plugin files that trained it, in order; several where a run went on with
    /// another build.
    pub builds: Vec<String>,
    /// Files written: the exported backbones, without heads.
    pub exports: Vec<PathBuf>,
}
