//! Distances between what came out and what the reference says.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Largest relative error by kind of output; fixed by the golden format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of the loss, relative.
    pub loss: f64,
    /// Of a gradient, `‖out − ref‖ / ‖ref‖`.
    pub grad: f64,
    /// Of state and rewritten parameters, `‖out − ref‖ / ‖ref‖`.
    pub state: f64,
    /// Of soft assignments and whitened Gram matrices, `‖out − ref‖ / ‖ref‖`.
    pub assignment: f64,
    /// Of a k-means objective above the best known one.
    pub inertia: f64,
    /// The same where the objective is only a yardstick, because centroids are given.
    pub yardstick: f64,
}

impl Tolerance {
    /// The golden format's tolerances in single precision.
    pub const SINGLE: Self = Self {
        loss: 1e-5,
        grad: 1e-4,
        state: 1e-5,
        assignment: 1e-4,
        inertia: 0.02,
        yardstick: 0.25,
    };
}

/// The largest error seen, by kind of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaxErrors {
    /// Of the loss.
    pub loss: Option<f64>,
    /// Of the gradients.
    pub grad: Option<f64>,
    /// Of state, rewritten parameters, assignments.
    pub state: Option<f64>,
}

/// Collects comparisons of one case.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The largest errors.
    pub errors: MaxErrors,
    /// One sentence for each comparison out of tolerance.
    pub faults: Vec<String>,
}

/// `‖out − ref‖ / ‖ref‖` in double precision; `‖out‖` itself where the reference is zero.
#[must_use]
pub fn relative(out: &Tensor, reference: &Tensor) -> f64 {
    let (out, reference) = (out.to_kind(Kind::Double), reference.to_kind(Kind::Double));
    let norm = reference.norm().double_value(&[]);
    let distance = (out - reference).norm().double_value(&[]);
    if norm > 0.0 {
        distance / norm
    } else {
        distance
    }
}

/// Whether an error is out of tolerance; NaN always is.
#[must_use]
pub(super) fn exceeds(error: f64, tolerance: f64) -> bool {
    error.is_nan() || error > tolerance
}

fn raise(most: &mut Option<f64>, error: f64) {
    *most = Some(most.map_or(error, |m| {
        if error > m || error.is_nan() {
            error
        } else {
            m
        }
    }));
}

impl Comparison {
    /// Notes a fault.
    pub fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    fn judge(&mut self, name: &str, error: f64, tolerance: f64) {
        if exceeds(error, tolerance) {
            self.fault(format!(
                "{name}: expected an error of at most {tolerance:e}, found {error:.3e}"
            ));
        }
    }

    /// Compares the loss.
    pub fn loss(&mut self, out: f64, reference: f64) {
        let error = (out - reference).abs() / reference.abs().max(f64::MIN_POSITIVE);
        raise(&mut self.errors.loss, error);
        self.judge("loss", error, Tolerance::SINGLE.loss);
    }

    /// Compares a gradient; an absent one is zero.
    pub fn grad(&mut self, name: &str, out: Option<&Tensor>, reference: &Tensor) {
        let zeros = reference.zeros_like();
        let out = out.unwrap_or(&zeros);
        if self.same_shape(name, out, reference) {
            let error = relative(out, reference);
            raise(&mut self.errors.grad, error);
            self.judge(name, error, Tolerance::SINGLE.grad);
        }
    }

    /// Compares state: integers exactly, floats by norm within `tolerance`.
    pub fn state(&mut self, name: &str, out: Option<&Tensor>, reference: &Tensor, tolerance: f64) {
        let Some(out) = out else {
            self.fault(format!(
                "{name}: expected a tensor of shape {:?}, found none",
                reference.size()
            ));
            return;
        };
        if !self.same_shape(name, out, reference) {
            return;
        }
        if reference.kind() == Kind::Int64 {
            let differing = out
                .not_equal_tensor(reference)
                .sum(Kind::Int64)
                .int64_value(&[]);
            raise(
                &mut self.errors.state,
                if differing == 0 { 0.0 } else { 1.0 },
            );
            if differing > 0 {
                self.fault(format!(
                    "{name}: expected equal integers, found {differing} that differ"
                ));
            }
        } else {
            let error = relative(out, reference);
            raise(&mut self.errors.state, error);
            self.judge(name, error, tolerance);
        }
    }

    /// Compares a k-means objective with the best known.
    pub fn inertia(&mut self, name: &str, out: f64, best: f64, tolerance: f64) {
        let above = out / best - 1.0;
        if exceeds(above, tolerance) {
            self.fault(format!(
                "{name}: expected an objective of at most {:.6} ({:.0} % above the best known), found {out:.6}",
                best * (1.0 + tolerance),
                100.0 * tolerance
            ));
        }
    }

    fn same_shape(&mut self, name: &str, out: &Tensor, reference: &Tensor) -> bool {
        let same = out.size() == reference.size();
        if !same {
            self.fault(format!(
                "{name}: expected shape {:?}, found {:?}",
                reference.size(),
                out.size()
            ));
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_never_passes() {
        let mut comparison = Comparison::default();
        comparison.loss(f64::NAN, 1.0);
        let nan = Tensor::from_slice(&[f32::NAN, 1.0]);
        comparison.grad("g", Some(&nan), &Tensor::from_slice(&[1.0_f32, 1.0]));
        assert_eq!(comparison.faults.len(), 2);
    }

    #[test]
    fn errors_are_relative_to_the_reference_norm() {
        let reference = Tensor::from_slice(&[3.0_f32, 4.0]);
        let out = Tensor::from_slice(&[3.0_f32, 4.0005]);
        assert!((relative(&out, &reference) - 1e-4).abs() < 1e-7);
        let mut comparison = Comparison::default();
        comparison.state("s", Some(&out), &reference, 1e-5);
        assert_eq!(comparison.faults.len(), 1);
        comparison.grad(
            "g",
            None,
            &Tensor::zeros([2], (Kind::Float, tch::Device::Cpu)),
        );
        assert_eq!(comparison.faults.len(), 1, "an absent gradient is zero");
    }
}
