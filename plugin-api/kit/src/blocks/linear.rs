//! The linear layer.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::error::{BlockError, check_columns};
use super::init::Init;
use crate::graph::{enter, record};
use crate::module::{Module, Path, Visitor, Weight};
use crate::random::Random;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, binary};
use burn::tensor::{Device, Tensor};
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::export::called;

/// A linear layer in PyTorch's convention: `y = x Wᵀ + b`.
///
/// ```
/// use ssl_plugin_kit::{blocks::Linear, module::Weight, testing::{matrix, values}};
///
/// let layer = Linear { weight: Weight::new(matrix([[1.0, 2.0]])), bias: None };
/// assert_eq!(values(layer.forward(matrix([[3.0, 4.0]])).unwrap()), [11.0]);
/// ```
///
/// Names: `weight` `[outputs, inputs]`, and `bias` `[outputs]` if there is one.
#[derive(Debug)]
pub struct Linear {
    /// `[outputs, inputs]`.
    pub weight: Weight<2>,
    /// `[outputs]`.
    pub bias: Option<Weight<1>>,
}

impl Linear {
    /// A layer with fresh weights from `init`; the weight is drawn before the bias.
    pub fn new(
        inputs: usize,
        outputs: usize,
        bias: bool,
        init: Init,
        random: &mut Random,
        device: &Device,
    ) -> Self {
        let weight = Weight::new(init.weight([outputs, inputs], random, device));
        let bias = bias.then(|| Weight::new(init.bias(outputs, inputs, random, device)));
        Self { weight, bias }
    }

    /// `x Wᵀ + b`.
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
        check_columns(x.dims(), self.weight.dims()[1], "input", "linear")?;
        let y = times_transposed(x, self.weight.val());
        Ok(match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        })
    }
}

/// `x Wᵀ`, whose gradient of `W` lies in memory as `W` does; that of a product with a transposed matrix would be
/// transposed, and the optimiser would take longer for it.
///
/// # Shapes
/// - `x`: `[rows, inputs]`
/// - `weight`: `[outputs, inputs]`
/// - returns `[rows, outputs]`
pub(super) fn times_transposed(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ((x, of_x), (weight, of_weight)) = (enter(x), enter(weight));
    let product = TchTensor::new(x.tensor.matmul(&weight.tensor.transpose(0, 1)));
    record(TimesTransposed, [of_x, of_weight], product, (x, weight))
}

#[derive(Debug)]
struct TimesTransposed;

impl Backward<LibTorch, 2> for TimesTransposed {
    type State = (TchTensor, TchTensor);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight) = ops.state;
        binary::<LibTorch, _, _>(
            ops.parents,
            ops.node,
            gradients,
            |g| TchTensor::new(g.tensor.matmul(&weight.tensor)),
            |g| TchTensor::new(g.tensor.transpose(0, 1).matmul(&x.tensor)),
        );
    }
}

impl Module for Linear {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        visitor.slot(&path.name("weight"), &mut self.weight);
        if let Some(bias) = &mut self.bias {
            visitor.slot(&path.name("bias"), bias);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, names, values, vector};

    fn layer() -> Linear {
        Linear {
            weight: Weight::new(matrix([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])),
            bias: Some(Weight::new(vector([10.0, -20.0]))),
        }
    }

    #[test]
    fn forward_multiplies_by_the_transposed_weight() {
        let y = layer()
            .forward(matrix([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]]))
            .unwrap();
        assert_eq!(values(y), [17.0, -13.0, 8.5, -21.0]);
    }

    #[test]
    fn gradients_are_those_of_the_product() {
        let mut linear = layer();
        crate::module::visit_slots(&mut linear, |_, slot| slot.begin_step());
        let x = matrix([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])
            .autodiff()
            .require_grad();
        let upstream = matrix([[1.0, 2.0], [3.0, -1.0]]);
        let gradients = (linear.forward(x.clone()).unwrap() * upstream)
            .sum()
            .backward();
        assert_eq!(
            values(x.grad(&gradients).unwrap()),
            [-1.0, 3.0, 11.0, 4.0, 5.5, 5.0]
        );
        assert_eq!(
            values(linear.weight.val().grad(&gradients).unwrap()),
            [2.5, -3.0, 2.0, 1.5, 1.0, 4.0]
        );
        assert_eq!(
            values(linear.bias.unwrap().val().grad(&gradients).unwrap()),
            [4.0, 1.0]
        );
    }

    #[test]
    fn names_follow_the_state_dict() {
        assert_eq!(names(&mut layer()), ["weight", "bias"]);
    }

    #[test]
    fn wrong_width_is_refused() {
        let error = layer().forward(matrix([[1.0, 2.0]])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected input of shape [rows, 3], found [1, 2] (linear)"
        );
    }

    #[test]
    fn initialisations_have_their_spread() {
        let device = cpu();
        let spread = |init: Init| {
            let linear = Linear::new(400, 100, true, init, &mut Random::new(3, "heads"), &device);
            let weight = values(linear.weight.val());
            let std = (weight.iter().map(|w| w * w).sum::<f32>() / 40_000.0).sqrt();
            let largest = weight.iter().fold(0.0_f32, |a, w| a.max(w.abs()));
            let bias = values(linear.bias.unwrap().val())
                .iter()
                .fold(0.0_f32, |a, b| a.max(b.abs()));
            [std, largest, bias]
        };
        // 1/√400 = 0.05; a uniform distribution has 1/√3 of its bound as spread.
        let [std, largest, bias] = spread(Init::Torch);
        close(&[std], &[0.05 / 3_f32.sqrt()], 0.01);
        assert!(largest <= 0.05 && largest > 0.0499 && bias <= 0.05 && bias > 0.04);
        let [std, _, bias] = spread(Init::Normal(0.01));
        close(&[std], &[0.01], 0.01);
        assert_eq!(bias, 0.0);
        let [std, largest, bias] = spread(Init::FanIn);
        close(&[std], &[0.05 * 0.8796], 0.01);
        assert!(largest <= 0.1 && largest > 0.0999);
        assert_eq!(bias, 0.0);
        let [std, largest, _] = spread(Init::TruncatedNormal {
            std: 0.02,
            limit: 2.0,
        });
        close(&[std], &[0.02], 0.01);
        assert!(largest > 0.06);
    }
}
