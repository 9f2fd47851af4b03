//! Slopes of a loss, by finite differences.
//!
//! A central difference `s(η) = (L(x + η·d) − L(x − η·d)) / 2η` along a unit direction `d` is `g·d` up to
//! `η²`. Two distances tell how large that error is: it is at most `|s(η) − s(η/2)|`, and the
//! rounding of a loss in single precision adds `ε·|L|/η`. Directions are the gradient itself, where
//! the slope is largest, and the gradient mixed with noise, where a missing part shows. Where they
//! disagree, the gradient's parts tell a wrong scale, one factor for all of them, from a missing term.
//! A kink of the loss near by (a ReLU that is about to switch) has another slope on each side; it is told
//! from a wrong gradient by trying other batches.

use super::inputs::{Batch, generator, normal};
use super::session::Session;
use super::subject::{LATE, Subject};
use super::tensors::{Named, tensor_bytes};
use super::verdict::{Broken, broken};
use ssl_plugin_api::foreign::Plugin;
use std::cell::RefCell;
use tch::{Kind, Tensor, no_grad};

/// Largest relative difference of gradient and slope, beside what the differences' own errors allow.
const TOLERANCE: f64 = 0.03;
/// Factors between gradient and slope from which the scale is wrong.
const SCALE: f64 = 1.1;
/// Relative rounding of a loss: some sums in single precision.
const ROUNDING: f64 = 16.0 * f32::EPSILON as f64;
/// Tensors that are tried; of more the first and the last.
const MOST: usize = 4;

/// What is moved.
#[derive(Clone, Copy)]
pub enum What {
    Features,
    Parameters,
}

/// A framework at a point: what its loss is there, and how to ask for it elsewhere.
pub struct Point<'a> {
    subject: &'a Subject,
    plugin: &'a Plugin,
    what: What,
    /// Which batch after the first of the epoch.
    nth: u64,
    pub loss: f64,
    pub names: Vec<String>,
    pub values: Vec<Tensor>,
    /// In double precision; nothing where there is none or the tensor is not looked at.
    pub grads: Vec<Option<Tensor>>,
    pub stops_gradient: Option<bool>,
    again: Option<RefCell<Again>>,
}

/// An instance that computes the same loss again after its parameters and state were loaded. For frameworks in another
/// process a new instance for every loss costs seconds.
struct Again {
    session: Session,
    saved: [Named; 2],
}

impl Again {
    /// The instance, if loading `saved` gives it back this loss to the bit.
    fn new(session: Session, saved: [Named; 2], batch: &Batch, loss: f64) -> Option<RefCell<Self>> {
        let mut again = Self { session, saved };
        let found = again.rewound().ok()?.step(batch).ok()?.loss;
        (found == loss).then_some(RefCell::new(again))
    }

    fn rewound(&mut self) -> Result<&mut Session, Broken> {
        self.session.load(&self.saved)?;
        self.session.refresh()?;
        Ok(&mut self.session)
    }
}

/// An instance at the point.
fn at_point(subject: &Subject, plugin: &Plugin, nth: u64) -> Result<Session, Broken> {
    let mut session = Session::at_epoch(subject, plugin, LATE)?;
    session.at.step += nth;
    session.passes()?;
    Ok(session)
}

impl<'a> Point<'a> {
    /// Goes to the point: a late epoch, some batches in.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn new(
        subject: &'a Subject,
        plugin: &'a Plugin,
        what: What,
        nth: u64,
    ) -> Result<Self, Broken> {
        let mut session = at_point(subject, plugin, nth)?;
        // What keeps a framework from being saved is told by other checks.
        let saved = session.saved().ok();
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
            again: saved.and_then(|saved| Again::new(session, saved, &batch, stepped.loss)),
        })
    }

    /// The loss with tensor `n` moved by `by`.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn loss_at(&self, moves: &[(usize, &Tensor, f64)]) -> Result<f64, Broken> {
        let (mut kept, mut fresh);
        let session = if let Some(again) = &self.again {
            kept = again.borrow_mut();
            kept.rewound()?
        } else {
            fresh = at_point(self.subject, self.plugin, self.nth)?;
            &mut fresh
        };
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
pub struct Compared {
    /// Which tensor.
    pub place: usize,
    /// The gradient's part in the direction.
    pub expected: f64,
    /// The slope.
    pub found: f64,
    /// Whether they agree.
    pub agrees: bool,
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
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn compare_all(&self) -> Result<Vec<Compared>, Broken> {
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
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn factor(&self, n: usize) -> Result<Option<f64>, Broken> {
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
}
