//! One linear head by a framework's own recipe.

use serde::{Deserialize, Serialize};
use ssl_plugin_api::description::{
    Decay, LearningRate, LinearRecipe, LinearSchedule, Ramp, Scaling,
};
use ssl_plugin_api::description::{Optimizer as Rule, Recipe};
use tch::{Kind, Tensor};

use super::train::{Orders, logit_gradient, onehot};
use super::{Heads, LinearProtocol, Samples};
use crate::evaluate::{EvaluateError, Result, TrainingState};
use crate::optim::{Length, Optimizer, Owner, ParameterSpec, Update};

/// Settings of the protocol `paper` that are the same for every framework; the recipes themselves
/// differ by design and are recorded with the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaperProtocol {
    /// Seeds of initial weights and sample order.
    pub seeds: Vec<u64>,
    /// Standard deviation of the initial weights.
    pub init_std: f64,
    /// Passes with augmentation that are cycled through; 0 for none.
    pub augmented_passes: usize,
}

impl From<&LinearProtocol> for PaperProtocol {
    fn from(shared: &LinearProtocol) -> Self {
        Self {
            seeds: shared.seeds.clone(),
            init_std: shared.init_std,
            augmented_passes: shared.augmented_passes,
        }
    }
}

/// Trains one head as `recipe` says: its optimiser, weight decay (on the bias too, as the authors'
/// codes do) and schedule. A batch larger than the training set is the whole set, and the rate shrinks
/// with it in proportion.
///
/// # Errors
/// What the optimiser or the tensor library reports; [`EvaluateError::Cancelled`] when the work is to end,
/// after the state was kept.
pub fn train_recipe(
    samples: &Samples<'_>,
    num_classes: usize,
    recipe: &LinearRecipe,
    protocol: &PaperProtocol,
    seed: u64,
    mut state: TrainingState,
) -> Result<Heads> {
    let (dim, device) = (samples.dim(), samples.device());
    let heads = Heads::init(1, num_classes, dim, protocol.init_std, seed, device)?;
    let batch = recipe.batch_size.min(samples.len()).max(1);
    let steps_per_epoch = samples.len().div_ceil(batch) as u64;
    let length = Length {
        batch_size: batch,
        epochs: recipe.epochs,
        steps_per_epoch,
    };
    let spec = |name: &str, shape: Vec<i64>| ParameterSpec {
        owner: Owner::Heads,
        name: name.to_owned(),
        shape,
    };
    let specs = vec![
        spec("fc.weight", heads.weight.size()),
        spec("fc.bias", heads.bias.size()),
    ];
    let share = batch as f64 / recipe.batch_size.max(1) as f64;
    let whole = training(
        recipe.epochs,
        batch,
        recipe.lr * share,
        recipe.weight_decay,
        recipe.optimizer.clone(),
        &recipe.schedule,
    );
    let mut optimizer = Optimizer::new(&whole, length, specs)?;
    let mut orders = Orders::new(samples, seed);
    let done = go_on(&state, &heads, &mut optimizer)?;
    for epoch in 0..recipe.epochs {
        let batches = orders.shuffled().chunks(batch);
        for (step, rows) in (epoch * steps_per_epoch..).zip(batches) {
            if step < done {
                continue;
            }
            let found = samples.batch(epoch, rows);
            if state.is_due() || matches!(found, Err(EvaluateError::Cancelled)) {
                let kept = kept(&heads, &optimizer);
                state.keep(step, kept.iter().map(|(name, it)| (name.clone(), it)));
            }
            let (x, y) = found?;
            let gradient = logit_gradient(&heads.logits(&x)?, &onehot(&y, num_classes)?)?;
            let of_weight = gradient.f_transpose(0, 1)?.f_matmul(&x)?; // [classes, dim]
            let of_bias = gradient.f_sum_dim_intlist(0_i64, false, Kind::Float)?;
            optimizer.step(
                step,
                &[
                    Update {
                        parameter: &heads.weight,
                        grad: Some(&of_weight),
                    },
                    Update {
                        parameter: &heads.bias,
                        grad: Some(&of_bias),
                    },
                ],
            )?;
        }
    }
    let kept = kept(&heads, &optimizer);
    let all = kept.iter().map(|(name, it)| (name.clone(), it));
    state.finish(recipe.epochs * steps_per_epoch, all);
    Ok(heads)
}

/// Names of the head's tensors and the prefix of the optimiser's in a kept state.
const WEIGHT: &str = "weight";
const BIAS: &str = "bias";
const OPTIMIZER: &str = "optimizer.";

fn kept(heads: &Heads, optimizer: &Optimizer) -> Vec<(String, Tensor)> {
    let state = optimizer.state().into_iter();
    state
        .map(|(name, tensor)| (format!("{OPTIMIZER}{name}"), tensor))
        .chain([
            (WEIGHT.to_owned(), heads.weight.shallow_clone()),
            (BIAS.to_owned(), heads.bias.shallow_clone()),
        ])
        .collect()
}

/// Brings head and optimiser to the kept state, and gives back the steps that are done.
fn go_on(state: &TrainingState, heads: &Heads, optimizer: &mut Optimizer) -> Result<u64> {
    let Some((done, kept)) = state.read() else {
        return Ok(0);
    };
    let mut memory = Vec::new();
    for (name, tensor) in &kept {
        match name.as_str() {
            WEIGHT => heads.weight.shallow_clone().f_copy_(tensor)?,
            BIAS => heads.bias.shallow_clone().f_copy_(tensor)?,
            other => {
                let name = other.strip_prefix(OPTIMIZER).unwrap_or(other);
                memory.push((name, tensor.f_to_device(heads.weight.device())?));
            }
        }
    }
    optimizer.load_state(memory.iter().map(|(name, tensor)| (*name, tensor)))?;
    Ok(done)
}

/// An evaluation's recipe in the words of a pretraining's: no warm-up, no scaling with the batch.
pub(in crate::evaluate) fn training(
    epochs: u64,
    batch_size: usize,
    lr: f64,
    weight_decay: f64,
    optimizer: Rule,
    schedule: &LinearSchedule,
) -> Recipe {
    let decay = match schedule {
        LinearSchedule::Cosine { per } => Decay::Cosine {
            end_fraction: 0.0,
            end: None,
            per: *per,
        },
        // Half an epoch early, so that no rounding of the share can be an epoch late.
        LinearSchedule::Steps {
            epochs: places,
            factor,
        } => Decay::Steps {
            milestones: places
                .iter()
                .map(|&epoch| (epoch as f64 - 0.5) / epochs.max(1) as f64)
                .collect(),
            factor: *factor,
        },
    };
    Recipe {
        batch_size,
        epochs,
        optimizer,
        lr: LearningRate {
            base: lr,
            scaling: Scaling::None,
            warmup: None,
            decay,
        },
        weight_decay: Ramp::constant(weight_decay),
        groups: Vec::new(),
        clipping: None,
        zero_init_residual: false,
        mixed_precision: false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use ssl_plugin_api::description::Period;

    fn recipe(optimizer: Rule) -> LinearRecipe {
        LinearRecipe {
            epochs: 1,
            batch_size: 4,
            lr: 2.0,
            weight_decay: 0.5,
            optimizer,
            schedule: LinearSchedule::Cosine { per: Period::Epoch },
        }
    }

    fn settings(init_std: f64) -> PaperProtocol {
        PaperProtocol {
            seeds: vec![0],
            init_std,
            augmented_passes: 0,
        }
    }

    #[test]
    fn own_linear_recipe_step_matches_hand_computation_with_smaller_batch() {
        // Zero weights, the whole set of two as a batch of half the recipe's: rate 2·2/4 = 1. Softmax is
        // uniform, so w = −((1/2 − onehot)ᵀx)/2; the Nesterov form adds 0.9 of the same once more.
        let features = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
        let samples = Samples::all(&features, &[0, 1]);
        for (nesterov, factor) in [(false, 1.0), (true, 1.9)] {
            let recipe = recipe(Rule::Sgd {
                momentum: 0.9,
                nesterov,
            });
            let heads = train_recipe(
                &samples,
                2,
                &recipe,
                &settings(0.0),
                0,
                TrainingState::default(),
            )
            .unwrap();
            let expected = Tensor::from_slice(&[-0.5_f32, -0.5, 0.5, 0.5]).reshape([2, 2]) * factor;
            let error = (&heads.weight - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{error}");
        }
    }

    #[test]
    fn learning_rate_drops_at_the_milestones() {
        let schedule = LinearSchedule::Steps {
            epochs: vec![85, 128],
            factor: 0.1,
        };
        let rule = Rule::Sgd {
            momentum: 0.9,
            nesterov: false,
        };
        let recipe = training(146, 10, 3.0, 0.0, rule, &schedule);
        let at = |epoch: u64| recipe.lr.at(epoch * 7, 7, 146, 10);
        assert_eq!(at(84), 3.0);
        assert!((at(85) - 0.3).abs() < 1e-12 && (at(127) - 0.3).abs() < 1e-12);
        assert!((at(128) - 0.03).abs() < 1e-12);
    }
}
