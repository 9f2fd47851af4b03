//! Choice of the learning rate on held-out training samples, and the final heads.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{Heads, Hyper, LinearProtocol, Samples, stratified, train};
use crate::evaluate::{EvaluateError, Result, TrainingState, TrainingStates};

/// Rows whose logits are computed at once.
const ROWS: usize = 4096;

/// One point of the grid and how it did on the held-out samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridPoint {
    /// Base learning rate.
    pub base_lr: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// The held-out samples, seed by seed; `None` where the head diverged.
    pub held_out: Vec<Option<HeldOut>>,
}

/// How a head did on the held-out samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Right answers.
    pub correct: u64,
    /// Mean cross-entropy.
    pub loss: f64,
}

/// The chosen hyper-parameters and the heads trained with them on all training samples.
#[derive(Debug)]
pub struct Selection {
    /// The whole grid, rates outermost.
    pub grid: Vec<GridPoint>,
    /// Number of held-out samples.
    pub held_out: u64,
    /// Index of the chosen point.
    pub chosen: usize,
    /// Whether the chosen rate is the first or last of several: the best may lie outside.
    pub at_edge: bool,
    /// One set of heads per seed, each with one head.
    pub heads: Vec<Heads>,
}

/// Trains the whole grid on the training part of a stratified split, chooses the point with the most
/// right answers over all seeds on the held-out part, and trains it again on all samples. Equal points
/// are told apart by the lower cross-entropy (a small held-out part leaves many equal, from the barely
/// trained to the best), then by the lower rate; a point that diverged with any seed is out.
///
/// `samples` are what the heads learn from; held-out ones are judged by their rows of `clean`, the
/// features without augmentation. With `states` a training that was stopped goes on where it was.
///
/// # Shapes
/// - `clean`: `[samples, dim]`
///
/// # Errors
/// [`EvaluateError::Setting`] for settings out of range, [`EvaluateError::TooFew`] when nothing can
/// be held out, [`EvaluateError::AllDiverged`] when no point survives.
pub fn select(
    samples: &Samples<'_>,
    clean: &Tensor,
    labels: &[u32],
    num_classes: usize,
    protocol: &LinearProtocol,
    states: Option<&TrainingStates>,
) -> Result<Selection> {
    protocol.validate()?;
    let split = stratified(labels, protocol.held_out, protocol.split_seed)?;
    let hypers = grid(protocol);
    let mut points: Vec<GridPoint> = hypers
        .iter()
        .map(|hyper| GridPoint {
            base_lr: hyper.base_lr,
            weight_decay: hyper.weight_decay,
            held_out: Vec::new(),
        })
        .collect();
    let all = Samples::all(clean, labels)
        .on(samples.device())
        .watched(samples.pulse());
    let held = all.only(&split.held_out);
    let training = samples.only(&split.train);
    let state = |part: &str, seed: u64, chosen: Option<usize>| {
        let name = format!("linear-{part}-{seed}");
        states.map_or_else(TrainingState::default, |states| {
            states.of(&name, &(protocol, chosen))
        })
    };
    for &seed in &protocol.seeds {
        let state = state("grid", seed, None);
        let heads = train(&training, num_classes, &hypers, protocol, seed, state)?;
        for (point, result) in points.iter_mut().zip(held_out(&heads, &held)?) {
            point.held_out.push(result);
        }
    }
    let chosen = best(&points).ok_or(EvaluateError::AllDiverged {
        heads: points.len(),
    })?;
    let heads = protocol
        .seeds
        .iter()
        .map(|&seed| {
            let hypers = &hypers[chosen..=chosen];
            let state = state("chosen", seed, Some(chosen));
            train(samples, num_classes, hypers, protocol, seed, state)
        })
        .collect::<Result<_>>()?;
    let rate = points[chosen].base_lr;
    let edges = [protocol.base_lrs.first(), protocol.base_lrs.last()];
    Ok(Selection {
        held_out: split.held_out.len() as u64,
        chosen,
        at_edge: protocol.base_lrs.len() > 1 && edges.contains(&Some(&rate)),
        grid: points,
        heads,
    })
}

/// All combinations, rates outermost.
fn grid(protocol: &LinearProtocol) -> Vec<Hyper> {
    let decays = &protocol.weight_decays;
    protocol
        .base_lrs
        .iter()
        .flat_map(|&base_lr| {
            decays.iter().map(move |&weight_decay| Hyper {
                base_lr,
                weight_decay,
            })
        })
        .collect()
}

/// The point with the most right answers; the lowest loss, then the first, among equals.
fn best(points: &[GridPoint]) -> Option<usize> {
    let mut best: Option<(u64, f64, usize)> = None;
    for (index, point) in points.iter().enumerate() {
        let Some(results) = point.held_out.iter().copied().collect::<Option<Vec<_>>>() else {
            continue;
        };
        let correct: u64 = results.iter().map(|result| result.correct).sum();
        let loss: f64 = results.iter().map(|result| result.loss).sum();
        if best.is_none_or(|(c, l, _)| correct > c || (correct == c && loss < l)) {
            best = Some((correct, loss, index));
        }
    }
    best.map(|(_, _, index)| index)
}

/// Right answers and loss of every head, `None` for those that diverged.
fn held_out(heads: &Heads, samples: &Samples<'_>) -> Result<Vec<Option<HeldOut>>> {
    let mut totals = vec![(0_u64, 0.0_f64); heads.len()];
    for rows in samples.rows().chunks(ROWS) {
        let (features, labels) = samples.batch(0, rows)?;
        let logits = heads.logits(&features)?; // [len, heads, classes]
        let labels = labels.f_unsqueeze(1)?; // [len, 1]
        let correct = logits
            .f_argmax(2, false)?
            .f_eq_tensor(&labels)?
            .f_sum_dim_intlist(0_i64, false, Kind::Int64)?;
        let labels = labels
            .f_unsqueeze(2)?
            .f_expand([rows.len() as i64, heads.len() as i64, 1], false)?;
        let losses = logits
            .f_log_softmax(2, Kind::Float)?
            .f_gather(2, &labels, false)?
            .f_sum_dim_intlist([0_i64, 2].as_slice(), false, Kind::Double)?;
        let correct = Vec::<i64>::try_from(correct)?;
        let losses = Vec::<f64>::try_from(losses)?;
        for (total, (correct, loss)) in totals.iter_mut().zip(correct.iter().zip(losses)) {
            total.0 += *correct as u64;
            total.1 -= loss;
        }
    }
    Ok(totals
        .into_iter()
        .zip(heads.finite()?)
        .map(|((correct, loss), finite)| {
            let loss = loss / samples.len() as f64;
            (finite && loss.is_finite()).then_some(HeldOut { correct, loss })
        })
        .collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::evaluate::LabelSpace;

    fn point(base_lr: f64, results: &[Option<(u64, f64)>]) -> GridPoint {
        let held_out = |&(correct, loss): &(u64, f64)| HeldOut { correct, loss };
        GridPoint {
            base_lr,
            weight_decay: 0.0,
            held_out: results.iter().map(|r| r.as_ref().map(held_out)).collect(),
        }
    }

    #[test]
    fn grid_search_breaks_ties_by_loss_then_by_lower_rate() {
        let points = [
            point(0.1, &[Some((9, 0.9)), Some((4, 0.8))]),
            point(0.2, &[Some((6, 0.3)), Some((7, 0.5))]),
            point(0.3, &[Some((5, 0.5)), Some((8, 0.3))]),
            point(0.4, &[Some((5, 0.1)), Some((6, 0.1))]),
            point(0.5, &[Some((99, 0.1)), None]),
        ];
        assert_eq!(best(&points), Some(1));
        assert_eq!(best(&points[4..]), None);
    }

    #[test]
    fn held_out_counts_and_loss_match_hand_computation() {
        // Zero weights: all classes equal, the first wins, the loss is ln 2.
        let features = Tensor::from_slice(&[1.0_f32, -2.0, 0.5]).reshape([3, 1]);
        let protocol = LinearProtocol {
            epochs: Some(1),
            init_std: 0.0,
            ..LinearProtocol::default()
        };
        let still = Hyper {
            base_lr: 1e-60, // rounds to no step at all
            weight_decay: 0.0,
        };
        let samples = Samples::all(&features, &[0, 1, 1]);
        let heads = train(
            &samples,
            2,
            &[still; 2],
            &protocol,
            0,
            TrainingState::default(),
        )
        .unwrap();
        let results = held_out(&heads, &samples).unwrap();
        assert_eq!(results.len(), 2);
        for result in results {
            let result = result.unwrap();
            assert_eq!(result.correct, 1);
            assert!((result.loss - 2.0_f64.ln()).abs() < 1e-6);
        }
    }

    /// Two classes told apart by one coordinate, on a scale that only some rates can learn.
    fn problem(scale: f32) -> (Tensor, Vec<u32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let labels: Vec<u32> = (0..400).map(|i| i % 2).collect();
        let values: Vec<f32> = labels
            .iter()
            .flat_map(|&label| {
                let sign = if label == 0 { -1.0 } else { 1.0 };
                [
                    scale * (sign + rng.random_range(-0.9..0.9)),
                    scale * rng.random_range(-4.0..4.0),
                ]
            })
            .collect();
        (Tensor::from_slice(&values).reshape([400, 2]), labels)
    }

    #[test]
    fn chosen_rate_follows_the_scale_of_the_features() {
        let protocol = LinearProtocol {
            epochs: Some(10),
            batch_size: 64,
            ..LinearProtocol::default()
        };
        let chosen = |scale| {
            let (features, labels) = problem(scale);
            let selection = select(
                &Samples::all(&features, &labels),
                &features,
                &labels,
                2,
                &protocol,
                None,
            )
            .unwrap();
            assert_eq!(selection.held_out, 40);
            assert_eq!(selection.heads.len(), 3);
            let space = [LabelSpace::Full { classes: 2 }];
            for heads in &selection.heads {
                let ranking = &heads.rank(&features, &space).unwrap()[0][0];
                let correct = (0..400).filter(|&i| ranking.get(i)[0] == labels[i]).count();
                assert!(correct > 380, "{correct} of 400 at scale {scale}");
            }
            selection.grid[selection.chosen].base_lr
        };
        let (small, large) = (chosen(0.03), chosen(30.0));
        assert!(small > 10.0 * large, "{small} against {large}");
    }
}
