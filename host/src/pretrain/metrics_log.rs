//! The run's numbers, one JSON object per line, and the same for TensorBoard.

use super::error::PretrainError;
use super::event_file::EventFile;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the file in the run's folder.
const FILE: &str = "metrics.jsonl";

/// A line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum MetricsLine {
    /// An optimiser step.
    Step {
        step: u64,
        epoch: u64,
        loss: f64,
        lr: f64,
        weight_decay: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        momentum: Option<f64>,
        images_per_s: f64,
        /// Seconds the step waited for its images.
        data_wait_s: f64,
        /// Metrics of the framework beside the loss.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        #[serde(serialize_with = "numbers")]
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
        #[serde(skip_serializing_if = "Option::is_none")]
        feature_std: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
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

/// What a line says of its place; its numbers need not be read for that.
#[derive(Deserialize)]
struct Place {
    kind: String,
    step: u64,
}

impl Place {
    /// Whether the line is from before the place where a run goes on: after `step` optimiser steps, with
    /// the last epoch's kNN evaluation still to be done or not.
    fn is_before(&self, step: u64, monitor_due: bool) -> bool {
        match self.kind.as_str() {
            "step" => self.step < step,
            "probe" if monitor_due => self.step < step,
            _ => self.step <= step,
        }
    }
}

/// Numbers that need not be finite: JSON has no form for those, so they are the text `NaN`, `inf` or `-inf`.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.collect_str(value)
    }
}

/// [`number`] for every value of a map.
fn numbers<S: Serializer>(
    values: &BTreeMap<String, f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Number<'a>(&'a f64);
    impl Serialize for Number<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            number(self.0, serializer)
        }
    }
    serializer.collect_map(values.iter().map(|(name, value)| (name, Number(value))))
}

/// The numbers of a line with the tags that TensorBoard shows them under, `kind/name`.
fn scalars(line: &Value) -> Vec<(String, f64)> {
    let kind = line["kind"].as_str().unwrap_or_default();
    let own = line.as_object().into_iter().flatten();
    let own = own.filter(|(name, _)| !matches!(name.as_str(), "step" | "epoch"));
    let metrics = line["metrics"].as_object().into_iter().flatten();
    let mut scalars: Vec<(String, f64)> = own
        .chain(metrics)
        .filter_map(|(name, value)| {
            // A number that is not finite is a text.
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
            Some((format!("{kind}/{name}"), number))
        })
        .collect();
    if let (Some(correct), Some(n)) = (line["correct"].as_f64(), line["n"].as_f64()) {
        scalars.push((format!("{kind}/accuracy"), correct / n));
    }
    scalars
}

fn add_event(events: &mut EventFile, line: &Value) -> io::Result<()> {
    events.write(line["step"].as_u64().unwrap_or_default(), &scalars(line))
}

/// The open files. TensorBoard's begins anew with every attempt, from the lines that are kept.
pub(super) struct MetricsLog {
    file: File,
    path: PathBuf,
    events: EventFile,
}

impl MetricsLog {
    /// Opens the file to go on after `step` optimiser steps; later lines of an attempt that did not get
    /// to its next checkpoint are dropped. `monitor_due` says whether the last epoch's kNN evaluation is
    /// still to be done.
    pub(super) fn open(dir: &Path, step: u64, monitor_due: bool) -> Result<Self, PretrainError> {
        let path = dir.join(FILE);
        let open = || -> io::Result<(File, EventFile)> {
            let old = match crate::regular::read_text(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(error),
            };
            let kept: String = old
                .lines()
                .filter(|line| {
                    serde_json::from_str::<Place>(line)
                        .is_ok_and(|place| place.is_before(step, monitor_due))
                })
                .flat_map(|line| [line, "\n"])
                .collect();
            crate::atomic::write(&path, kept.as_bytes())?;
            let mut events = EventFile::create(dir)?;
            for line in kept.lines() {
                add_event(&mut events, &serde_json::from_str(line)?)?;
            }
            let file = crate::atomic::options().append(true).open(&path)?;
            Ok((file, events))
        };
        match open() {
            Ok((file, events)) => Ok(Self { file, path, events }),
            Err(source) => Err(PretrainError::Io {
                doing: "write",
                path,
                source,
            }),
        }
    }

    /// Adds a line.
    pub(super) fn write(&mut self, line: &MetricsLine) -> Result<(), PretrainError> {
        let mut write = || -> io::Result<()> {
            writeln!(self.file, "{}", serde_json::to_string(line)?)?;
            add_event(&mut self.events, &serde_json::to_value(line)?)
        };
        write().map_err(|source| PretrainError::Io {
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
    use crate::pretrain::event_file;

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
            metrics: BTreeMap::from([("ratio".to_owned(), f64::NAN)]),
        }
    }

    fn steps(dir: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        let lines = text.lines();
        lines.map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    #[test]
    fn metrics_log_drops_lines_after_the_resumed_step_and_keeps_nan() {
        let dir = tempfile::tempdir().unwrap();
        let mut metrics_log = MetricsLog::open(dir.path(), 0, false).unwrap();
        for n in 0..4 {
            metrics_log.write(&step(n)).unwrap();
        }
        drop(metrics_log);
        let mut metrics_log = MetricsLog::open(dir.path(), 2, false).unwrap();
        metrics_log.write(&step(2)).unwrap();
        let lines = steps(dir.path());
        let numbers: Vec<u64> = lines.iter().map(|l| l["step"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2]);
        for line in &lines {
            assert_eq!(line["metrics"]["ratio"], "NaN", "{line}");
        }
    }

    #[test]
    fn events_are_those_of_the_kept_lines() {
        let dir = tempfile::tempdir().unwrap();
        let length = || {
            std::fs::metadata(dir.path().join(event_file::FILE))
                .unwrap()
                .len()
        };
        let mut metrics_log = MetricsLog::open(dir.path(), 0, false).unwrap();
        let empty = length();
        metrics_log.write(&step(0)).unwrap();
        let one = length();
        metrics_log.write(&step(1)).unwrap();
        let two = length();
        assert!(empty < one && one < two);
        for (kept, expected) in [(2, two), (1, one), (0, empty)] {
            MetricsLog::open(dir.path(), kept, false).unwrap();
            assert_eq!(length(), expected, "{kept}");
        }
    }

    #[test]
    fn scalars_are_the_numbers_of_a_line_without_its_place() {
        let line = serde_json::to_value(step(3)).unwrap();
        let tags: Vec<String> = scalars(&line).into_iter().map(|(tag, _)| tag).collect();
        let expected = [
            "data_wait_s",
            "images_per_s",
            "loss",
            "lr",
            "weight_decay",
            "ratio",
        ];
        assert_eq!(tags, expected.map(|name| format!("step/{name}")));
        let probe = serde_json::json!({ "kind": "probe", "step": 2, "epoch": 1, "k": 1, "correct": 1, "n": 4 });
        assert!(scalars(&probe).contains(&("probe/accuracy".to_owned(), 0.25)));
    }

    #[test]
    fn a_knn_evaluation_that_is_still_to_be_done_has_no_line() {
        let monitor = MetricsLine::KnnMonitor {
            epoch: 0,
            step: 2,
            k: 1,
            correct: 1,
            n: 2,
        };
        for (due, left) in [(true, 0), (false, 1)] {
            let dir = tempfile::tempdir().unwrap();
            let mut metrics_log = MetricsLog::open(dir.path(), 0, false).unwrap();
            metrics_log.write(&monitor).unwrap();
            MetricsLog::open(dir.path(), 2, due).unwrap();
            assert_eq!(steps(dir.path()).len(), left);
        }
    }
}
