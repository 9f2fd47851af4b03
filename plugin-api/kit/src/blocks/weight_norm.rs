//! The linear layer with weight normalisation.

use super::error::{BlockError, check_columns};
use super::init::Init;
use super::linear::times_transposed;
use crate::module::{Buffer, Module, Path, Visitor, Weight};
use crate::random::Random;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::export::called;

/// Lengths of the rows of a [`WeightNormLinear`].
#[derive(Debug)]
pub enum Gain {
    /// Trained.
    Trained(Weight<2>),
    /// Kept as it is, and listed as state (DINO's `norm_last_layer`).
    Fixed(Buffer<2>),
}

impl Gain {
    fn val(&self) -> Tensor<2> {
        match self {
            Self::Trained(weight) => weight.val(),
            Self::Fixed(buffer) => buffer.val(),
        }
    }
}

/// A linear layer whose rows have direction and length apart: `y = x Wᵀ`, `W_k = g_k · v_k / ‖v_k‖`.
///
/// ```
/// use ssl_plugin_kit::{blocks::WeightNormLinear, module::Weight, random::Random};
/// use ssl_plugin_kit::testing::{close, cpu, matrix, values};
///
/// let mut layer = WeightNormLinear::new(2, 1, true, &mut Random::new(1, "last"), &cpu());
/// layer.direction = Weight::new(matrix([[3.0, 4.0]])); // the row (0.6, 0.8)
/// close(&values(layer.forward(matrix([[1.0, 2.0]])).unwrap()), &[2.2], 1e-6);
/// ```
///
/// Names: `weight_g` `[outputs, 1]` (starts at 1) and `weight_v` `[outputs, inputs]` (starts as PyTorch's linear
/// layer). A row of `weight_v` must not be zero.
///
/// A fixed gain is a buffer, so a momentum copy keeps its own; both start at 1.
///
/// # Source
/// Salimans and Kingma (arXiv:1602.07868), `torch.nn.utils.weight_norm` with `dim` 0; DINO's last layer.
#[derive(Debug)]
pub struct WeightNormLinear {
    /// Lengths of the rows, `[outputs, 1]`.
    pub gain: Gain,
    /// Directions of the rows, `[outputs, inputs]`.
    pub direction: Weight<2>,
}

impl WeightNormLinear {
    /// A layer with fresh directions and rows of length 1, for ever if `fixed_gain`.
    pub fn new(
        inputs: usize,
        outputs: usize,
        fixed_gain: bool,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let ones = Tensor::ones([outputs, 1], device);
        Self {
            gain: if fixed_gain {
                Gain::Fixed(Buffer::new(ones))
            } else {
                Gain::Trained(Weight::new(ones))
            },
            direction: Weight::new(Init::Torch.weight([outputs, inputs], random, device)),
        }
    }

    /// `x Wᵀ`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - returns `[rows, outputs]`
    ///
    /// # Errors
    /// [`BlockError::Shape`] when `x` has other than `inputs` columns.
    #[track_caller]
    pub fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        check_columns(
            x.dims(),
            self.direction.dims()[1],
            "input",
            "weight-normalised linear",
        )?;
        let direction = self.direction.val();
        let length = direction.clone().square().sum_dim(1).sqrt(); // [outputs, 1]
        let weight = direction * (self.gain.val() / length);
        Ok(times_transposed(x, weight))
    }
}

impl Module for WeightNormLinear {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        match &mut self.gain {
            Gain::Trained(weight) => visitor.slot(&path.name("weight_g"), weight),
            Gain::Fixed(buffer) => visitor.slot(&path.name("weight_g"), buffer),
        }
        visitor.slot(&path.name("weight_v"), &mut self.direction);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, values};
    use crate::module::{Role, visit_slots};

    fn layer(fixed: bool) -> WeightNormLinear {
        let mut layer = WeightNormLinear::new(2, 2, fixed, &mut Random::new(1, "last"), &cpu());
        layer.direction = Weight::new(matrix([[3.0, 4.0], [0.0, -0.5]]));
        if !fixed {
            layer.gain = Gain::Trained(Weight::new(matrix([[2.0], [0.5]])));
        }
        layer
    }

    #[test]
    fn rows_have_the_gains_length() {
        let x = matrix([[1.0, 2.0], [-1.0, 0.5]]);
        // Rows (1.2, 1.6) and (0, −0.5).
        let y = layer(false).forward(x.clone()).unwrap();
        close(&values(y), &[4.4, -1.0, -0.4, -0.25], 1e-6);
        // Rows (0.6, 0.8) and (0, −1).
        close(
            &values(layer(true).forward(x).unwrap()),
            &[2.2, -2.0, -0.2, -0.5],
            1e-6,
        );
    }

    #[test]
    fn gradient_splits_into_length_and_direction() {
        let mut layer = layer(false);
        visit_slots(&mut layer, |_, slot| slot.begin_step());
        let y = layer.forward(matrix([[1.0, 2.0]])).unwrap();
        let gradients = (y * matrix([[1.0, 10.0]])).sum().backward();
        let direction = layer.direction.val().grad(&gradients).unwrap();
        // g/‖v‖ (u x − n (n·u x)): row 0: 2/5 ((1, 2) − 2.2 (0.6, 0.8)); row 1: 1 ((10, 20) − (0, 20)).
        close(&values(direction), &[-0.128, 0.096, 10.0, 0.0], 1e-5);
        let Gain::Trained(gain) = layer.gain else {
            panic!("the gain is trained")
        };
        close(
            &values(gain.val().grad(&gradients).unwrap()),
            &[2.2, -20.0],
            1e-6,
        );
    }

    #[test]
    fn a_fixed_gain_is_state() {
        let roles = |fixed| {
            let mut roles = Vec::new();
            visit_slots(&mut layer(fixed), |name, slot| {
                roles.push((name.to_owned(), slot.role()))
            });
            roles
        };
        let named = |role| {
            vec![
                ("weight_g".to_owned(), role),
                ("weight_v".to_owned(), Role::Weight),
            ]
        };
        assert_eq!(roles(false), named(Role::Weight));
        assert_eq!(roles(true), named(Role::Buffer));
    }
}
