//! The state of a fine-tuning: network and optimiser as named tensors.

use tch::{Tensor, no_grad};

use super::train::Network;
use crate::evaluate::{Result, TrainingState};
use crate::optim::Optimizer;

const BACKBONE: &str = "backbone.";
const WEIGHT: &str = "fc.weight";
const BIAS: &str = "fc.bias";
const OPTIMIZER: &str = "optimizer.";

/// Keeps the state after so many steps.
pub(super) fn keep(
    state: &mut TrainingState,
    steps: u64,
    network: &Network,
    optimizer: &Optimizer,
) {
    let memory = optimizer.state().into_iter();
    let memory: Vec<(String, Tensor)> = memory
        .map(|(name, tensor)| (format!("{OPTIMIZER}{name}"), tensor))
        .collect();
    let memory = memory.iter().map(|(name, tensor)| (name.clone(), tensor));
    state.keep(steps, tensors(network).chain(memory));
}

/// Keeps the network at the end, for which the optimiser does nothing any more.
pub(super) fn finish(state: &mut TrainingState, steps: u64, network: &Network) {
    state.finish(steps, tensors(network));
}

fn tensors(network: &Network) -> impl Iterator<Item = (String, &Tensor)> {
    let backbone = network.backbone.tensors();
    backbone
        .map(|named| (format!("{BACKBONE}{}", named.name), &named.tensor))
        .chain([
            (WEIGHT.to_owned(), &network.weight),
            (BIAS.to_owned(), &network.bias),
        ])
}

/// Brings network and optimiser to the kept state, and gives back the steps that are done.
///
/// # Errors
/// What backbone, optimiser and tensor library report.
pub(super) fn go_on(
    state: &TrainingState,
    network: &mut Network,
    optimizer: &mut Optimizer,
) -> Result<u64> {
    let Some((done, kept)) = state.read() else {
        return Ok(0);
    };
    let part = |prefix: &'static str| {
        let kept = kept.iter();
        kept.filter_map(move |(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
    };
    network.backbone.import(part(BACKBONE))?;
    for (wanted, own) in [(WEIGHT, &network.weight), (BIAS, &network.bias)] {
        for (_, tensor) in kept.iter().filter(|(name, _)| name == wanted) {
            no_grad(|| own.shallow_clone().f_copy_(tensor))?;
        }
    }
    let device = network.backbone.device();
    let memory = part(OPTIMIZER)
        .map(|(name, tensor)| Ok((name, tensor.f_to_device(device)?)))
        .collect::<Result<Vec<_>>>()?;
    optimizer.load_state(memory.iter().map(|(name, tensor)| (*name, tensor)))?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::super::{FinetuneProtocol, FinetuneRun, LabelFraction, fallback};
    use crate::backbone::{Backbone, BackboneConfig, Depth, Stem};
    use crate::evaluate::{
        EvaluateError, FeatureSet, Labels, TestSet, TrainingStates, classifier_view,
    };
    use crate::progress::Progress;
    use serde_json::json;
    use ssl_datasets::source::{Source, SourceConfig, open};
    use ssl_datasets::views::{EvalTransform, ViewTuning, evaluation};
    use ssl_plugin_api::description::FinetuneRecipe;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;
    use tch::{Device, Kind, Tensor};

    const SIDE: usize = 16;

    /// Asks for the end at a step, where the states are copied as a kill would leave them.
    #[derive(Default)]
    struct Stop {
        flag: Arc<AtomicBool>,
        steps: u64,
        at: u64,
        copy: Option<(PathBuf, PathBuf)>,
    }

    impl Progress for Stop {
        fn progress(&mut self, _done: u64, _total: u64, _note: &str) {
            self.steps += 1;
            if self.steps != self.at {
                return;
            }
            self.flag.store(true, Ordering::Relaxed);
            let Some((from, to)) = &self.copy else { return };
            fs::create_dir(to).unwrap();
            for entry in fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
        fn note(&mut self, _text: &str) {}
        fn warning(&mut self, _text: &str) {}
    }

    fn images(split: &str, count: usize) -> (Arc<dyn Source>, FeatureSet) {
        let source = json!({ "name": split, "kind": "shapes", "split": split, "count": count });
        let source: SourceConfig = serde_json::from_value(source).unwrap();
        let source = open(&source, None).unwrap();
        let features = Tensor::ones([count as i64, 1], (Kind::Float, Device::Cpu));
        let labels = Labels::of_source(source.as_ref()).unwrap();
        let ids = (0..count).map(|n| format!("{split}-{n}")).collect();
        let set = FeatureSet::try_new(split, features, labels, ids).unwrap();
        (source, set)
    }

    /// Fine-tunes until the stop; what was found, if it came to the end, and the warnings.
    fn finetune(folder: &Path, every: Duration, stop: &mut Stop) -> (Option<String>, Vec<String>) {
        let config = BackboneConfig {
            depth: Depth::Resnet18,
            stem: Stem::Cifar,
            width: 0.125,
            zero_init_residual: false,
        };
        let backbone = Backbone::new(&config, 1, Device::Cpu).unwrap();
        let protocol = FinetuneProtocol {
            shares: vec![LabelFraction {
                labels: 1.0,
                list: None,
            }],
            lr_factors: vec![0.1, 1.0],
            ..FinetuneProtocol::default()
        };
        let recipe = FinetuneRecipe {
            epochs: 2,
            batch_size: 16,
            ..fallback(1.0)
        };
        let ((train_images, train), (val_images, val)) = (images("train", 64), images("val", 10));
        let states = TrainingStates::new(folder.to_owned(), every, String::new());
        let cancel = Arc::clone(&stop.flag);
        let found = FinetuneRun {
            backbone: &backbone,
            protocol: &protocol,
            recipes: &[recipe],
            train: &train,
            train_images: &train_images,
            tests: &[TestSet {
                set: &val,
                reference: true,
            }],
            test_images: &[val_images],
            train_view: &classifier_view(SIDE, &ViewTuning::default(), None),
            test_view: &evaluation(EvalTransform::default(), SIDE, None),
            data_root: None,
            workers: 1,
            cancel: &cancel,
            states: Some(&states),
        }
        .run(stop);
        let found = match found {
            Ok(found) => Some(format!("{:?} {:?}", found.details, found.rankings)),
            Err(EvaluateError::Cancelled) => None,
            Err(other) => panic!("{other}"),
        };
        (found, states.warnings())
    }

    #[test]
    fn networks_that_were_stopped_or_killed_go_on_at_their_step() {
        // Threads that wait for each other take minutes on a busy machine.
        tch::set_num_threads(1);
        let place = tempfile::tempdir().unwrap();
        let path = |name: String| place.path().join(name);
        let mut whole = Stop::default();
        let straight = finetune(&path("straight".into()), Duration::MAX, &mut whole).0;
        assert!(straight.is_some());
        // Three or four steps in each of two epochs, for two factors and for the chosen one.
        assert_eq!(whole.steps, 20);
        // The last step of a training, the first of the next, in a first and in a second epoch, at the end; and
        // the most steps that are then left. A kill costs two. A stop costs none of the training under way; those
        // before it are so short that they are not kept.
        let stops = [
            (1, true, 20),
            (3, false, 17),
            (5, true, 17),
            (6, false, 20),
            (7, true, 15),
            (10, false, 16),
            (13, true, 9),
            (18, false, 14),
            (20, true, 2),
        ];
        for (n, (at, killed, most)) in stops.into_iter().enumerate() {
            let (folder, copy) = (path(format!("{n}")), path(format!("{n}-copy")));
            // What a stop keeps must not depend on the interval; a kill leaves what was kept before.
            let every = if killed {
                Duration::ZERO
            } else {
                Duration::MAX
            };
            let mut stop = Stop {
                at,
                copy: killed.then(|| (folder.clone(), copy.clone())),
                ..Stop::default()
            };
            let ended = finetune(&folder, every, &mut stop).0;
            // After the last step nothing looks at the flag but the loader of the test set.
            assert_eq!(ended, None, "stopped at {at}");
            let mut rest = Stop::default();
            let left = if killed { copy } else { folder };
            let (found, warnings) = finetune(&left, every, &mut rest);
            assert!(found == straight, "stopped at {at}");
            assert_eq!(warnings, [""; 0]);
            assert!(rest.steps <= most, "{} steps after {at}", rest.steps);
        }
    }

    #[test]
    fn a_damaged_state_of_a_network_costs_its_training() {
        let place = tempfile::tempdir().unwrap();
        let straight = finetune(&place.path().join("a"), Duration::MAX, &mut Stop::default()).0;
        let folder = place.path().join("b");
        let mut stop = Stop {
            at: 4,
            ..Stop::default()
        };
        assert_eq!(finetune(&folder, Duration::MAX, &mut stop).0, None);
        let file = fs::read_dir(&folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        let mut rest = Stop::default();
        let (found, warnings) = finetune(&folder, Duration::MAX, &mut rest);
        assert!(found == straight);
        assert_eq!((rest.steps, warnings.len()), (20, 1));
        assert!(warnings[0].contains("begins anew"), "{warnings:?}");
    }
}
