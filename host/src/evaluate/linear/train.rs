//! Training of many linear heads at once, by gradients in closed form.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

use super::{Heads, Hyper, LinearProtocol, Samples};
use crate::evaluate::{EvaluateError, Result, TrainingState};

/// Gradient of the mean cross-entropy with respect to the logits: `(softmax(l) − onehot(y))/n`,
/// head by head.
///
/// # Shapes
/// - `logits`: `[batch, heads, classes]`, `onehot`: `[batch, 1, classes]`
/// - returns `[batch, heads · classes]`
pub(super) fn logit_gradient(logits: &Tensor, onehot: &Tensor) -> Result<Tensor> {
    let size = logits.size();
    let mut gradient = logits.f_softmax(2, Kind::Float)?;
    let _ = gradient.f_sub_(onehot)?;
    let _ = gradient.f_div_scalar_(size[0] as f64)?;
    Ok(gradient.f_view([size[0], size[1] * size[2]])?)
}

/// `onehot(y)`, `[batch, 1, classes]`.
pub(super) fn onehot(labels: &Tensor, classes: usize) -> Result<Tensor> {
    Ok(labels
        .f_one_hot(classes as i64)?
        .f_to_kind(Kind::Float)?
        .f_unsqueeze(1)?)
}

/// Orders of the samples, a new one each epoch, from a stream of its own: equal weights in another
/// order are a real variation.
pub(super) struct Orders {
    rng: ChaCha8Rng,
    rows: Vec<usize>,
}

impl Orders {
    pub(super) fn new(samples: &Samples<'_>, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(1);
        Self {
            rng,
            rows: samples.rows().to_vec(),
        }
    }

    pub(super) fn shuffled(&mut self) -> &[usize] {
        self.rows.shuffle(&mut self.rng);
        &self.rows
    }
}

/// Trains one head per entry of `hypers`, all on the same batches, from the same initial weights.
///
/// SGD with momentum on the mean cross-entropy, gradients in closed form:
/// `m ← μm + Gᵀx + λw`, `w ← w − lr·m`. The order of the samples is drawn anew each epoch; the last,
/// smaller batch of an epoch is used. Heads do not influence each other, so a diverging one leaves
/// the rest untouched.
///
/// # Errors
/// What the tensor library reports; [`EvaluateError::Cancelled`] when the work is to end, after the state
/// was kept.
pub fn train(
    samples: &Samples<'_>,
    num_classes: usize,
    hypers: &[Hyper],
    protocol: &LinearProtocol,
    seed: u64,
    mut state: TrainingState,
) -> Result<Heads> {
    let (dim, device) = (samples.dim(), samples.device());
    let mut heads = Heads::init(
        hypers.len(),
        num_classes,
        dim,
        protocol.init_std,
        seed,
        device,
    )?;
    // One entry per row of the weight matrix.
    let per_class = |value: fn(&Hyper) -> f64| -> Result<Tensor> {
        let values: Vec<f32> = hypers
            .iter()
            .flat_map(|hyper| std::iter::repeat_n(value(hyper) as f32, num_classes))
            .collect();
        Ok(Tensor::f_from_slice(&values)?.f_to_device(device)?)
    };
    let peak =
        per_class(|hyper| hyper.base_lr)?.f_mul_scalar(-(protocol.batch_size as f64) / 256.0)?;
    let decay = per_class(|hyper| hyper.weight_decay)?.f_unsqueeze(1)?;
    let decays = hypers.iter().any(|hyper| hyper.weight_decay != 0.0);

    let mut weight_momentum = heads.weight.f_zeros_like()?; // [heads·classes, dim]
    let mut bias_momentum = heads.bias.f_zeros_like()?;
    let mut orders = Orders::new(samples, seed);
    let epochs = protocol.epochs_on(samples.len());
    let steps_per_epoch = protocol.steps_per_epoch(samples.len());
    let steps = epochs * steps_per_epoch;
    let mut tensors = [
        ("weight", heads.weight.shallow_clone()),
        ("bias", heads.bias.shallow_clone()),
        ("weight.momentum", weight_momentum.shallow_clone()),
        ("bias.momentum", bias_momentum.shallow_clone()),
    ];
    let done = go_on(&state, &mut tensors)?;
    let named = || tensors.iter().map(|(name, it)| ((*name).to_owned(), it));
    for epoch in 0..epochs {
        let batches = orders.shuffled().chunks(protocol.batch_size.max(1));
        for (step, rows) in (epoch * steps_per_epoch..).zip(batches) {
            if step < done {
                continue;
            }
            let batch = samples.batch(epoch, rows);
            if state.is_due() || matches!(batch, Err(EvaluateError::Cancelled)) {
                state.keep(step, named());
            }
            let (x, y) = batch?;
            let gradient = logit_gradient(&heads.logits(&x)?, &onehot(&y, num_classes)?)?;
            let _ = weight_momentum
                .f_mul_scalar_(protocol.momentum)?
                .f_addmm_(&gradient.f_transpose(0, 1)?, &x)?;
            if decays {
                let _ = weight_momentum.f_addcmul_(&heads.weight, &decay)?;
            }
            let sums = gradient.f_sum_dim_intlist(0_i64, false, Kind::Float)?;
            let _ = bias_momentum
                .f_mul_scalar_(protocol.momentum)?
                .f_add_(&sums)?;
            let lr = peak.f_mul_scalar(protocol.schedule.at(step, steps))?;
            let _ = heads
                .weight
                .f_addcmul_(&weight_momentum, &lr.f_unsqueeze(1)?)?;
            let _ = heads.bias.f_addcmul_(&bias_momentum, &lr)?;
        }
    }
    state.finish(steps, named());
    Ok(heads)
}

/// Writes the tensors that were kept over those of the same names, and gives back the steps that are done.
fn go_on(state: &TrainingState, tensors: &mut [(&str, Tensor)]) -> Result<u64> {
    let Some((done, kept)) = state.read() else {
        return Ok(0);
    };
    for (name, tensor) in tensors {
        if let Some((_, kept)) = kept.iter().find(|(it, _)| it == name) {
            tensor.f_copy_(kept)?;
        }
    }
    Ok(done)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::RngExt;
    use tch::Device;

    use super::*;

    fn problem(n: usize, dim: usize, classes: u32) -> (Tensor, Vec<u32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let labels: Vec<u32> = (0..n).map(|_| rng.random_range(0..classes)).collect();
        let values: Vec<f32> = labels
            .iter()
            .flat_map(|&label| {
                let mut row: Vec<f32> = (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect();
                row[label as usize] += 0.8;
                row
            })
            .collect();
        let features = Tensor::from_slice(&values).reshape([n as i64, dim as i64]);
        (features, labels)
    }

    fn protocol() -> LinearProtocol {
        LinearProtocol {
            epochs: Some(7),
            batch_size: 32,
            ..LinearProtocol::default()
        }
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn heads_trained_together_equal_heads_trained_alone() {
        let (features, labels) = problem(150, 9, 4);
        let hypers: Vec<Hyper> = [(0.01, 0.0), (0.3, 1e-3), (0.3, 0.0), (2.0, 1e-2)]
            .map(|(base_lr, weight_decay)| Hyper {
                base_lr,
                weight_decay,
            })
            .to_vec();
        let together = train(
            &Samples::all(&features, &labels),
            4,
            &hypers,
            &protocol(),
            5,
            TrainingState::default(),
        )
        .unwrap();
        let all = together.logits(&features).unwrap();
        for (head, hyper) in hypers.iter().enumerate() {
            let alone = train(
                &Samples::all(&features, &labels),
                4,
                &[*hyper],
                &protocol(),
                5,
                TrainingState::default(),
            )
            .unwrap();
            let alone = alone.logits(&features).unwrap().squeeze_dim(1);
            let together = all.select(1, head as i64);
            let scale = alone.abs().max().double_value(&[]);
            let difference = largest_difference(&together, &alone) / scale;
            assert!(difference < 1e-6, "head {head}: {difference}");
        }
        // The heads must differ for this to mean anything.
        assert!(largest_difference(&all.select(1, 1), &all.select(1, 2)) > 1e-4);
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let options = (Kind::Float, Device::Cpu);
        let logits = Tensor::arange(24, options).reshape([4, 2, 3]).sin() * 2.0;
        let targets = Tensor::from_slice(&[2_i64, 0, 1, 1]);
        let onehot = targets.one_hot(3).to_kind(Kind::Float).unsqueeze(1);
        let gradient = logit_gradient(&logits, &onehot).unwrap().view([4, 2, 3]);
        let loss = |logits: &Tensor| -> f64 {
            let picked = (logits.log_softmax(2, Kind::Double) * &onehot).sum(Kind::Double);
            -picked.double_value(&[]) / 4.0
        };
        let logits = logits.to_kind(Kind::Double);
        let delta = 1e-5;
        for (b, h, c) in [(0, 0, 0), (0, 1, 2), (2, 1, 1), (3, 0, 1)] {
            let nudge = Tensor::zeros([4, 2, 3], (Kind::Double, Device::Cpu));
            let _ = nudge.get(b).get(h).get(c).fill_(delta);
            let numeric = (loss(&(&logits + &nudge)) - loss(&(&logits - &nudge))) / (2.0 * delta);
            let analytic = gradient.double_value(&[b, h, c]);
            assert!(
                (numeric - analytic).abs() < 1e-7,
                "({b}, {h}, {c}): {numeric} against {analytic}"
            );
        }
    }

    #[test]
    fn linear_head_step_matches_hand_computation() {
        // Zero weights, one batch: softmax is uniform, w = −lr·((1/2 − onehot)ᵀx)/n.
        let features = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).reshape([2, 2]);
        let protocol = LinearProtocol {
            epochs: Some(1),
            batch_size: 256,
            init_std: 0.0,
            ..LinearProtocol::default()
        };
        let hyper = Hyper {
            base_lr: 1.0,
            weight_decay: 0.5,
        };
        let heads = train(
            &Samples::all(&features, &[0, 1]),
            2,
            &[hyper],
            &protocol,
            0,
            TrainingState::default(),
        )
        .unwrap();
        let expected = Tensor::from_slice(&[-0.5_f32, -0.5, 0.5, 0.5]).reshape([2, 2]);
        assert!(largest_difference(&heads.weight, &expected) < 1e-7);
        assert!(heads.bias.abs().max().double_value(&[]) < 1e-7);
    }

    #[test]
    fn diverging_linear_head_does_not_change_the_others() {
        let (features, labels) = problem(150, 9, 4);
        let sane = Hyper {
            base_lr: 0.1,
            weight_decay: 0.0,
        };
        let wild = Hyper {
            base_lr: 1e36,
            weight_decay: 1.0,
        };
        let heads = train(
            &Samples::all(&features, &labels),
            4,
            &[wild, sane],
            &protocol(),
            0,
            TrainingState::default(),
        )
        .unwrap();
        assert_eq!(heads.finite().unwrap(), [false, true]);
    }

    #[test]
    fn linear_heads_are_bit_identical_for_one_seed() {
        let (features, labels) = problem(150, 9, 4);
        let hyper = [Hyper {
            base_lr: 0.1,
            weight_decay: 0.0,
        }];
        let run = |seed| {
            train(
                &Samples::all(&features, &labels),
                4,
                &hyper,
                &protocol(),
                seed,
                TrainingState::default(),
            )
            .unwrap()
        };
        assert_eq!(run(1).weight, run(1).weight);
        assert_ne!(run(1).weight, run(2).weight);
    }
}
