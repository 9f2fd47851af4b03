//! A golden file: metadata and named tensors.

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::Value;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::{FeatureDim, RunContext, TrainStep};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// Why a golden file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// It cannot be read.
    #[error("{}: expected a readable file, found: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not safetensors.
    #[error("{}: expected a safetensors file, found: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: safetensors::SafeTensorError,
    },
    /// Its metadata lack something, or it is of another format.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is needed.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

#[derive(Deserialize)]
struct Context {
    epoch: u64,
    epochs: u64,
    step: u64,
    steps_per_epoch: u64,
}

/// One golden case.
pub struct Case {
    /// The file.
    pub path: PathBuf,
    /// The framework's id.
    pub framework: String,
    /// Its configuration.
    pub config: Value,
    /// Where training is.
    pub at: TrainStep,
    /// Parameters whose gradient is exactly zero, by full name (`param.…`).
    pub zero_grad: Vec<String>,
    /// All tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Case {
    /// Reads a golden file.
    ///
    /// # Errors
    /// A [`CaseError`] that names the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let bytes = std::fs::read(path).map_err(|source| CaseError::Io {
            path: path.to_owned(),
            source,
        })?;
        let format = |source| CaseError::Format {
            path: path.to_owned(),
            source,
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(format)?;
        let file = SafeTensors::deserialize(&bytes).map_err(format)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let read = |key: &'static str| {
            metadata.get(key).ok_or_else(|| CaseError::Metadata {
                path: path.to_owned(),
                expected: key,
                found: "no such metadata key".to_owned(),
            })
        };
        let json = |key: &'static str, text: &str| {
            serde_json::from_str::<Value>(text).map_err(|error| CaseError::Metadata {
                path: path.to_owned(),
                expected: key,
                found: error.to_string(),
            })
        };
        let version = read("format")?;
        if version != "1" {
            return Err(CaseError::Metadata {
                path: path.to_owned(),
                expected: "format 1",
                found: version.clone(),
            });
        }
        let context = json("context", read("context")?)?;
        let context: Context =
            serde_json::from_value(context).map_err(|error| CaseError::Metadata {
                path: path.to_owned(),
                expected: "context",
                found: error.to_string(),
            })?;
        let zero_grad = match metadata.get("zero_grad") {
            None => Vec::new(),
            Some(text) => serde_json::from_value(json("zero_grad", text)?).unwrap_or_default(),
        };
        let tensors = file
            .iter()
            .filter_map(|(name, view)| Some((name.to_owned(), tensor(&view)?)))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            framework: read("framework")?.clone(),
            config: json("config", read("config")?)?,
            at: TrainStep {
                epoch: context.epoch,
                epochs: context.epochs,
                step: context.step,
                steps_per_epoch: context.steps_per_epoch,
                seed: 0,
            },
            zero_grad,
            tensors,
        })
    }

    /// The id of its check: `golden/` and the file's stem.
    #[must_use]
    pub fn id(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default();
        format!("golden/{}", stem.to_string_lossy())
    }

    /// Tensors whose name starts with `prefix.`, with the rest of the name.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Tensor)> {
        self.tensors.iter().filter_map(move |(name, tensor)| {
            Some((name.strip_prefix(prefix)?.strip_prefix('.')?, tensor))
        })
    }

    /// Whether the file holds a bank to cluster rather than a step.
    #[must_use]
    pub fn is_bank(&self) -> bool {
        self.tensors.contains_key("bank.features")
    }

    /// The features of the step, by encoder, view and level.
    #[must_use]
    pub fn features(&self) -> Vec<(Encoder, usize, Level, &Tensor)> {
        let mut list = Vec::new();
        for (prefix, encoder) in [("online", Encoder::Online), ("target", Encoder::Target)] {
            for (name, tensor) in self.under(prefix) {
                let (view, level) = name.split_once('.').unwrap_or((name, "pooled"));
                if let (Ok(view), Some(level)) = (view.parse(), Level::from_name(level)) {
                    list.push((encoder, view, level, tensor));
                }
            }
        }
        list.sort_by_key(|(encoder, view, level, _)| (*encoder as u8, *view, *level as u8));
        list
    }

    /// The circumstances that the tensors imply. A bank to cluster is an epoch of single samples.
    #[must_use]
    pub fn context(&self) -> RunContext {
        let mut features: Vec<FeatureDim> = Vec::new();
        for (_, _, level, tensor) in self.features() {
            if features.iter().all(|f| f.level != level) {
                features.push(FeatureDim {
                    level,
                    dim: tensor.size()[1] as usize,
                });
            }
        }
        let mut steps_per_epoch = self.at.steps_per_epoch;
        if let Some(bank) = self.tensors.get("bank.features") {
            let size = bank.size();
            let dim = size.last().copied().unwrap_or(0) as usize;
            features.push(FeatureDim {
                level: Level::Pooled,
                dim,
            });
            let rows = size.iter().rev().nth(1).copied().unwrap_or(0);
            steps_per_epoch = steps_per_epoch.max(rows as u64);
        }
        RunContext {
            features,
            samples: self.samples(),
            batch_size: self.batch(),
            steps_per_epoch,
            epochs: self.at.epochs,
            world_size: 1,
            rank: 0,
            device: "cpu".to_owned(),
            seed: 0,
        }
    }

    /// Samples of the step, 1 where there is none.
    fn batch(&self) -> usize {
        let index = self.tensors.get("index");
        index.map_or(1, |index| index.size()[0] as usize)
    }

    /// Size of the training set: the width of the assignments, else what an epoch of steps or the
    /// indices reach.
    fn samples(&self) -> usize {
        let assignments = ["state.assignments", "expect.state.assignments"]
            .iter()
            .find_map(|name| self.tensors.get(*name)?.size().last().copied());
        let reach = ["index", "bank.index", "state.memory_index"]
            .iter()
            .filter_map(|name| self.tensors.get(*name))
            .filter(|index| index.numel() > 0)
            .map(|index| index.max().int64_value(&[]) + 1)
            .max()
            .unwrap_or(1);
        let epoch = if self.is_bank() {
            0
        } else {
            self.at.steps_per_epoch as i64 * self.batch() as i64
        };
        assignments.unwrap_or_else(|| reach.max(epoch)) as usize
    }
}

fn tensor(view: &safetensors::tensor::TensorView<'_>) -> Option<Tensor> {
    let kind = match view.dtype() {
        Dtype::F32 => tch::Kind::Float,
        Dtype::F64 => tch::Kind::Double,
        Dtype::I64 => tch::Kind::Int64,
        _ => return None,
    };
    let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    Some(Tensor::from_data_size(view.data(), &shape, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn context(steps_per_epoch: u64, tensors: Vec<(&str, Tensor)>) -> RunContext {
        let case = Case {
            path: PathBuf::new(),
            framework: "toy".to_owned(),
            config: Value::Null,
            at: TrainStep {
                epoch: 0,
                epochs: 1,
                step: 0,
                steps_per_epoch,
                seed: 0,
            },
            zero_grad: Vec::new(),
            tensors: tensors
                .into_iter()
                .map(|(name, tensor)| (name.to_owned(), tensor))
                .collect(),
        };
        case.context()
    }

    fn floats(size: &[i64]) -> Tensor {
        Tensor::zeros(size, (Kind::Float, Device::Cpu))
    }

    fn count(to: i64) -> Tensor {
        Tensor::arange(to, (Kind::Int64, Device::Cpu))
    }

    #[test]
    fn an_epoch_is_as_long_as_the_bank_to_cluster() {
        let bank = || {
            vec![
                ("bank.features", floats(&[2, 20, 4])),
                ("bank.index", count(20)),
            ]
        };
        let found = context(3, bank());
        assert_eq!((found.batch_size, found.steps_per_epoch), (1, 20));
        assert_eq!((found.samples, found.dim()), (20, 4));
        assert_eq!(context(300, bank()).samples, 20);
    }

    #[test]
    fn a_step_without_assignments_is_one_of_an_epoch() {
        let step = || vec![("online.0", floats(&[8, 5])), ("index", count(8))];
        assert_eq!(context(10, step()).samples, 80);
        let mut more = step();
        more.push(("state.assignments", count(60).unsqueeze(0)));
        assert_eq!(context(10, more).samples, 60);
    }
}
