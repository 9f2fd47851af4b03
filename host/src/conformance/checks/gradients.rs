//! Gradients against the slopes of the loss.
//!
//! A central difference `s(η) = (L(x + η·d) − L(x − η·d)) / 2η` along a unit direction `d` is `g·d` up to
//! `η²`. Two distances tell how large that error is: it is at most `|s(η) − s(η/2)|`, and the
//! rounding of a loss in single precision adds `ε·|L|/η`. Directions are the gradient itself, where
//! the slope is largest, and the gradient mixed with noise, where a missing part shows. Where they
//! disagree, the gradient's parts tell a wrong scale, one factor for all of them, from a missing term.
//! A kink of the loss near by (a ReLU that is about to switch) has another slope on each side; it is told
//! from a wrong gradient by trying other batches.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::inputs::{Batch, generator, normal};
use crate::conformance::session::{Session, tensor_bytes};
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::verdict::{
    Broken, Finding, Verdict, broken, expect, holds, skipped, warning,
};
use ssl_plugin_api::foreign::Plugin;
use tch::{Kind, Tensor, no_grad};

/// Largest relative difference of gradient and slope, beside what the differences' own errors allow.
const TOLERANCE: f64 = 0.03;
/// Factors between gradient and slope from which the scale is wrong.
const SCALE: f64 = 1.1;
/// Relative rounding of a loss: some sums in single precision.
const ROUNDING: f64 = 16.0 * f32::EPSILON as f64;
/// Batches that are tried before a gradient is called wrong.
const BATCHES: u64 = 3;
/// Tensors that are tried; of more the first and the last.
const MOST: usize = 4;

inventory::submit! {
    Definition {
        id: "feature-gradients-are-slopes",
        group: Group::Mathematics,
        level: 3,
        says: "The gradient of every online feature is the slope of the loss along it, by finite differences.",
        why: "A wrong sign, scale or a missing term trains something else than the paper's loss, and looks like a bad idea in the report.",
        mend: "Compare with the loss by hand on two samples; a mean that became a sum is a factor of the batch. A loss that stops gradients on purpose says so in its description: \"stops_gradient\": true.",
        run: Run::Framework(feature_gradients_are_slopes),
    }
}

inventory::submit! {
    Definition {
        id: "parameter-gradients-are-slopes",
        group: Group::Mathematics,
        level: 3,
        says: "The gradient of every parameter is the slope of the loss along it, by finite differences.",
        why: "As for features: heads that are trained along another direction than the loss's.",
        mend: "As for features. A parameter that the step itself rewrites is not looked at.",
        run: Run::Framework(parameter_gradients_are_slopes),
    }
}

inventory::submit! {
    Definition {
        id: "loss-falls-along-the-gradient",
        group: Group::Mathematics,
        level: 2,
        says: "The loss falls when the features go a little against their gradients.",
        why: "This is what training does; a loss that is reported with the wrong sign, or a gradient that points uphill, ends in a backbone worse than an untrained one.",
        mend: "Check the sign of the loss and of the gradient: the host descends.",
        run: Run::Framework(loss_falls_along_the_gradient),
    }
}

/// What is moved.
#[derive(Clone, Copy)]
enum What {
    Features,
    Parameters,
}

/// A framework at a point: what its loss is there, and how to ask for it elsewhere.
struct Point<'a> {
    subject: &'a Subject,
    plugin: &'a Plugin,
    what: What,
    /// Which batch after the first of the epoch.
    nth: u64,
    loss: f64,
    names: Vec<String>,
    values: Vec<Tensor>,
    /// In double precision; nothing where there is none or the tensor is not looked at.
    grads: Vec<Option<Tensor>>,
    stops_gradient: Option<bool>,
}

impl<'a> Point<'a> {
    fn new(subject: &'a Subject, plugin: &'a Plugin, what: What, nth: u64) -> Result<Self, Broken> {
        let mut session = Session::at_epoch(subject, plugin, LATE)?;
        session.at.step += nth;
        session.passes()?;
        let batch = session.batch();
        let before: Vec<Vec<u8>> = session
            .parameters
            .iter()
            .map(|(_, t)| tensor_bytes(t))
            .collect();
        let stepped = session.step(&batch)?;
        let double =
            |grad: &Option<Tensor>| grad.as_ref().map(|grad| grad.to_kind(Kind::Double).copy());
        let (names, values, grads) = match what {
            What::Features => (
                batch.features.iter().map(|input| input.name()).collect(),
                batch
                    .features
                    .iter()
                    .map(|input| input.tensor.copy())
                    .collect(),
                stepped.features.iter().map(double).collect(),
            ),
            What::Parameters => {
                let untouched = session
                    .parameters
                    .iter()
                    .zip(&before)
                    .map(|((_, t), old)| tensor_bytes(t) == *old);
                (
                    session
                        .parameters
                        .iter()
                        .map(|(name, _)| name.clone())
                        .collect::<Vec<_>>(),
                    session
                        .parameters
                        .iter()
                        .map(|(_, tensor)| tensor.copy())
                        .collect::<Vec<_>>(),
                    stepped
                        .parameters
                        .iter()
                        .map(double)
                        .zip(untouched)
                        .map(|(grad, untouched)| grad.filter(|_| untouched))
                        .collect(),
                )
            }
        };
        Ok(Self {
            subject,
            plugin,
            what,
            nth,
            loss: stepped.loss,
            names,
            values,
            grads,
            stops_gradient: session.description.stops_gradient,
        })
    }

    /// The loss with tensor `n` moved by `by`.
    fn loss_at(&self, moves: &[(usize, &Tensor, f64)]) -> Result<f64, Broken> {
        let mut session = Session::at_epoch(self.subject, self.plugin, LATE)?;
        session.at.step += self.nth;
        session.passes()?;
        let shift = |n: usize, tensor: &Tensor| {
            let mut moved = tensor.to_kind(Kind::Double);
            for (_, direction, by) in moves.iter().filter(|(place, ..)| *place == n) {
                moved += *direction * *by;
            }
            moved.to_kind(Kind::Float)
        };
        let batch = session.batch();
        let batch: Batch = match self.what {
            What::Features => batch.map(|n, input| shift(n, &input.tensor)),
            What::Parameters => {
                for (n, (_, tensor)) in session.parameters.iter_mut().enumerate() {
                    if moves.iter().any(|(place, ..)| *place == n) {
                        let moved = shift(n, tensor);
                        no_grad(|| tensor.copy_(&moved));
                    }
                }
                batch
            }
        };
        Ok(session.step(&batch)?.loss)
    }

    /// Slope along `direction` of tensor `n`, with a bound of its error.
    fn slope(&self, n: usize, direction: &Tensor, steepness: f64) -> Result<(f64, f64), Broken> {
        let size = self.values[n]
            .to_kind(Kind::Double)
            .norm()
            .double_value(&[])
            .max(1e-2);
        let wanted = 1e-3 * self.loss.abs().max(1e-3) / steepness.max(f64::MIN_POSITIVE);
        let far = wanted.clamp(3e-4 * size, 5e-3 * size);
        let at = |eta: f64| -> Result<f64, Broken> {
            let up = self.loss_at(&[(n, direction, eta)])?;
            let down = self.loss_at(&[(n, direction, -eta)])?;
            Ok((up - down) / (2.0 * eta))
        };
        let (coarse, fine) = (at(far)?, at(far / 2.0)?);
        let rounding = ROUNDING * self.loss.abs().max(1e-3) / far;
        Ok((fine, (coarse - fine).abs() + rounding))
    }

    /// The tensors that are tried: those whose gradient is not zero but for rounding, as that of a bias
    /// before a normalisation is.
    fn places(&self) -> Vec<usize> {
        let norm =
            |grad: &Option<Tensor>| grad.as_ref().map_or(0.0, |g| g.norm().double_value(&[]));
        let largest = self.grads.iter().map(norm).fold(0.0, f64::max);
        let with: Vec<usize> = (0..self.grads.len())
            .filter(|&n| norm(&self.grads[n]) > 1e-4 * largest)
            .collect();
        let half = MOST / 2;
        let ends = |place: usize| place < half || place + half >= with.len();
        let kept = with.iter().enumerate().filter(|(place, _)| ends(*place));
        kept.map(|(_, n)| *n).collect()
    }
}

/// Gradient and slope of one tensor along a direction.
struct Compared {
    place: usize,
    expected: f64,
    found: f64,
    agrees: bool,
}

impl Point<'_> {
    /// Compares along one direction of tensor `n`.
    fn compare(&self, n: usize, direction: &Tensor) -> Result<Compared, Broken> {
        let grad = self.grads[n]
            .as_ref()
            .ok_or_else(|| broken("expected a gradient, found none"))?;
        let norm = grad.norm().double_value(&[]);
        let expected = (grad * direction).sum(Kind::Double).double_value(&[]);
        let (found, error) = self.slope(n, direction, norm)?;
        let tolerance = TOLERANCE * norm + error.min(norm / 4.0);
        Ok(Compared {
            place: n,
            expected,
            found,
            agrees: (found - expected).abs() <= tolerance,
        })
    }

    /// Compares along each gradient, and along each mixed with noise.
    fn compare_all(&self) -> Result<Vec<Compared>, Broken> {
        let mut list = Vec::new();
        for n in self.places() {
            let Some(grad) = &self.grads[n] else { continue };
            let uphill = grad / grad.norm();
            let mut random = generator(self.subject.seed(), &[6, n as u64]);
            let noise = normal(&mut random, &grad.size()).to_kind(Kind::Double);
            let mixed = &uphill * 0.6 + &noise / noise.norm() * 0.8;
            list.push(self.compare(n, &uphill)?);
            list.push(self.compare(n, &(&mixed / mixed.norm()))?);
        }
        Ok(list)
    }

    /// By which factor the gradient of tensor `n` is larger than the slope, if it is the same factor
    /// for all its parts.
    fn factor(&self, n: usize) -> Result<Option<f64>, Broken> {
        let Some(grad) = &self.grads[n] else {
            return Ok(None);
        };
        let mut factors = Vec::new();
        for dimension in 0..grad.dim().min(2) as i64 {
            let length = grad.size()[dimension as usize];
            for (first, count) in [(0, length / 2), (length / 2, length - length / 2)] {
                let part = grad.zeros_like();
                let from = grad.narrow(dimension, first, count);
                part.narrow(dimension, first, count).copy_(&from);
                let norm = part.norm().double_value(&[]);
                if norm > 0.0 {
                    let along = self.compare(n, &(part / norm))?;
                    factors.push(along.expected / along.found);
                }
            }
        }
        let least = factors.iter().copied().fold(f64::INFINITY, f64::min);
        let most = factors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let same = factors.len() > 1 && least > 0.0 && most / least < 1.0 + 2.0 * TOLERANCE;
        let wrong = !(1.0 / SCALE..=SCALE).contains(&least);
        Ok((same && wrong).then_some(f64::midpoint(least, most)))
    }

    fn judge(&self) -> Verdict {
        let list = self.compare_all()?;
        if list.is_empty() {
            return skipped("there is no gradient to compare");
        }
        let wrong: Vec<&Compared> = list.iter().filter(|it| !it.agrees).collect();
        let Some(worst) = wrong.first() else {
            return holds(format!("{} slopes agree with the gradients", list.len()));
        };
        let back = list
            .iter()
            .step_by(2)
            .find(|it| it.found < 0.0 && !it.agrees);
        if let Some(back) = back {
            return Err(broken(format!(
                "{}: expected the loss to rise along the gradient with slope {:.4e}, found {:.4e}: the sign is wrong",
                self.names[back.place], back.expected, back.found
            )));
        }
        if self.stops_gradient == Some(true) {
            return holds(
                "the loss stops gradients, as its description says; it rises along every gradient",
            );
        }
        for it in list.iter().step_by(2).filter(|it| !it.agrees) {
            if let Some(factor) = self.factor(it.place)? {
                return Err(broken(format!(
                    "{}: expected the slope of the loss, {:.4e}, found a gradient of {:.4e}, {factor:.3} times as \
                     much in all its parts: the scale is wrong",
                    self.names[it.place], it.found, it.expected
                )));
            }
        }
        let message = format!(
            "{}: expected a slope of {:.4e} along a direction, found {:.4e}: a term is missing, or the gradient is \
             stopped somewhere",
            self.names[worst.place], worst.expected, worst.found
        );
        if self.stops_gradient == Some(false) {
            return Err(broken(format!("{message}, which the description denies")));
        }
        warning(format!(
            "{message}, which the description does not say (\"stops_gradient\")"
        ))
    }
}

/// The verdict of the first batch whose gradients agree, or that of the last.
fn judged(subject: &Subject, plugin: &Plugin, what: What) -> Verdict {
    let mut verdict = skipped("there is no batch");
    for nth in 0..BATCHES {
        verdict = Point::new(subject, plugin, what, nth)?.judge();
        if matches!(verdict, Ok(Finding::Holds(_) | Finding::Skipped(_))) {
            break;
        }
    }
    verdict
}

fn feature_gradients_are_slopes(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    judged(subject, &plugin, What::Features)
}

fn parameter_gradients_are_slopes(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    judged(subject, &plugin, What::Parameters)
}

fn loss_falls_along_the_gradient(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let point = Point::new(subject, &plugin, What::Features, 0)?;
    let square: f64 = point
        .grads
        .iter()
        .flatten()
        .map(|g| g.square().sum(Kind::Double).double_value(&[]))
        .sum();
    if square == 0.0 {
        return Err(broken(
            "expected a gradient of some feature, found none or zeros: the backbone does not train",
        ));
    }
    // So far that the loss should fall by two hundredths, or a part of the features' size.
    let size: f64 = point
        .values
        .iter()
        .map(|v| v.square().sum(Kind::Double).double_value(&[]))
        .sum();
    let wanted = 0.02 * point.loss.abs().max(1e-2) / square;
    let rate = wanted.min(0.05 * (size / square).sqrt());
    let moves: Vec<(usize, &Tensor, f64)> = point
        .grads
        .iter()
        .enumerate()
        .filter_map(|(n, grad)| Some((n, grad.as_ref()?, -rate)))
        .collect();
    let after = point.loss_at(&moves)?;
    expect(after < point.loss, || {
        format!(
            "expected a loss below {:.6} after a step against the gradient, found {after:.6}",
            point.loss
        )
    })?;
    holds(format!("from {:.6} to {after:.6}", point.loss))
}
