//! What each side tells the other once: the plugin's greeting, the host's circumstances.

use crate::description::{Level, Metadata};
use serde::{Deserialize, Serialize};

/// A plugin's greeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// What the plugin was built with: the version of `ssl-plugin-api`, or words of its own.
    #[serde(default)]
    pub api: String,
    /// Version of libtorch that the plugin was built for; `None` if it uses none.
    #[serde(default)]
    pub libtorch: Option<String>,
    /// Capabilities without which the plugin cannot run.
    #[serde(default)]
    pub requires: Vec<String>,
    /// The frameworks inside.
    pub frameworks: Vec<Metadata>,
    /// Why frameworks that the user asked for are not among them, one sentence each. The host reports each as refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Why a library that finds its frameworks elsewhere has none, in one sentence. This is no fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<String>,
}

/// Size of one level of the backbone's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureDim {
    /// The level.
    pub level: Level,
    /// Its number of channels.
    pub dim: usize,
}

/// The circumstances of a run, handed to a framework at creation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunContext {
    /// Channels of every level.
    pub features: Vec<FeatureDim>,
    /// Number of training samples.
    pub samples: usize,
    /// Batch size of one rank.
    pub batch_size: usize,
    /// Optimiser steps per epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the run.
    pub epochs: u64,
    /// Number of ranks.
    pub world_size: usize,
    /// This rank.
    pub rank: usize,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Seed of the run; every random number of a framework derives from it.
    pub seed: u64,
}

impl RunContext {
    /// Channels of the pooled features; 0 when the host gives none.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.level_dim(Level::Pooled).unwrap_or(0)
    }

    /// Channels of a level.
    #[must_use]
    pub fn level_dim(&self, level: Level) -> Option<usize> {
        self.features
            .iter()
            .find(|f| f.level == level)
            .map(|f| f.dim)
    }

    /// Batch size over all ranks.
    #[must_use]
    pub const fn global_batch(&self) -> usize {
        self.batch_size * self.world_size
    }
}
