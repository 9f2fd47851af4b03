//! The run's numbers, one JSON object per line.

use super::error::PretrainError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the file in the run's folder.
const FILE: &str = "metrics.jsonl";

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum MetricsLine {
    /// An optimiser step.
    Step {
        step: u64,
        epoch: u64,
        loss: f64,
        lr: f64,
        weight_decay: f64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        momentum: Option<f64>,
        images_per_s: f64,
        /// Seconds the step waited for its images.
        data_wait_s: f64,
        /// Metrics of the framework beside the loss.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        metrics: BTreeMap<String, f64>,
    },
    /// An epoch.
    Epoch {
        epoch: u64,
        /// Optimiser steps done.
        step: u64,
        /// Mean over the epoch's steps.
        loss: f64,
        images_per_s: f64,
        seconds: f64,
        /// Spread of the last batch's features.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        feature_std: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        effective_rank: Option<f64>,
    },
    /// The online kNN evaluation of the backbone.
    #[serde(rename = "probe")]
    KnnMonitor {
        epoch: u64,
        /// Optimiser steps done.
        step: u64,
        /// Neighbours.
        k: usize,
        correct: u64,
        n: u64,
    },
}

impl MetricsLine {
    /// Whether the line is from before optimiser step `step`.
    const fn is_before(&self, step: u64) -> bool {
        match self {
            Self::Step { step: at, .. } => *at < step,
            Self::Epoch { step: done, .. } | Self::KnnMonitor { step: done, .. } => *done <= step,
        }
    }
}

/// The open file.
pub(super) struct MetricsLog {
    file: File,
    path: PathBuf,
}

impl MetricsLog {
    /// Opens the file to go on at optimiser step `step`; later lines of an attempt that did not get
    /// to its next checkpoint are dropped.
    pub(super) fn open(dir: &Path, step: u64) -> Result<Self, PretrainError> {
        let path = dir.join(FILE);
        let open = || -> io::Result<File> {
            let old = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error),
            };
            let kept: String = old
                .lines()
                .filter(|line| {
                    serde_json::from_str::<MetricsLine>(line).is_ok_and(|line| line.is_before(step))
                })
                .flat_map(|line| [line, "\n"])
                .collect();
            crate::atomic::write(&path, kept.as_bytes())?;
            OpenOptions::new().append(true).open(&path)
        };
        match open() {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(PretrainError::Io {
                doing: "write",
                path,
                source,
            }),
        }
    }

    /// Adds a line.
    pub(super) fn write(&mut self, line: &MetricsLine) -> Result<(), PretrainError> {
        serde_json::to_string(line)
            .map_err(io::Error::other)
            .and_then(|text| writeln!(self.file, "{text}"))
            .map_err(|source| PretrainError::Io {
                doing: "write",
                path: self.path.clone(),
                source,
            })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;

    fn step(step: u64) -> MetricsLine {
        MetricsLine::Step {
            step,
            epoch: step / 2,
            loss: 0.5,
            lr: 0.1,
            weight_decay: 0.0,
            momentum: None,
            images_per_s: 10.0,
            data_wait_s: 0.0,
            metrics: BTreeMap::new(),
        }
    }

    #[test]
    fn metrics_log_drops_lines_after_the_resumed_step() {
        let dir = tempfile::tempdir().unwrap();
        let mut metrics_log = MetricsLog::open(dir.path(), 0).unwrap();
        for n in 0..4 {
            metrics_log.write(&step(n)).unwrap();
        }
        drop(metrics_log);
        let mut metrics_log = MetricsLog::open(dir.path(), 2).unwrap();
        metrics_log.write(&step(2)).unwrap();
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        let lines: Vec<MetricsLine> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines, [step(0), step(1), step(2)]);
    }
}
