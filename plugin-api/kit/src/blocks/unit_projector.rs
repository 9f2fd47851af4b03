//! The head that SwAV, DeepCluster-v2 and SeLa-v2 share, and prototypes of unit length.

use super::error::BlockError;
use super::mlp::{Mlp, MlpBuilder};
use super::normalize::unit_rows;
use crate::module::{Module, Path, Visitor, Weight};
use crate::random::Random;
use crate::ranks::Ranks;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::export::called;

/// Linear with bias, batch norm, ReLU, Linear with bias, rows of unit length.
///
/// ```
/// use ssl_plugin_kit::{blocks::UnitProjector, random::Random, ranks::Ranks};
/// use ssl_plugin_kit::testing::{close, cpu, matrix, values};
///
/// let mut random = Random::new(1, "heads");
/// let mut head = UnitProjector::new([2, 5, 3], &mut random, &cpu(), &Ranks::single());
/// let crop = matrix([[1.0, 2.0], [3.0, -1.0]]);
/// let z = head.forward(vec![crop]).unwrap();
/// close(&values(z.square().sum_dim(1)), &[1.0, 1.0], 1e-6);
/// ```
///
/// Names: `0`, `1` and `3`, as in PyTorch's `Sequential`.
///
/// # Source
/// SwAV (arXiv:2006.09882), `src/resnet50.py:ResNet` (`projection_head`).
pub struct UnitProjector(Mlp);

impl UnitProjector {
    /// A projector with fresh weights; `widths` are those of input, hidden layer and output.
    pub fn new(
        [inputs, hidden, outputs]: [usize; 3],
        random: &mut Random,
        device: &Device,
        ranks: &Ranks,
    ) -> Self {
        let layers = MlpBuilder::new(inputs)
            .hidden(&[hidden], true)
            .linear(outputs, true);
        Self(layers.build(random, device, ranks))
    }

    /// Unit projections of all crops, stacked one after another and normalised as one batch.
    ///
    /// # Shapes
    /// - `crops`: each `[batch, inputs]`
    /// - returns `[crops · batch, outputs]`
    ///
    /// # Errors
    /// [`BlockError`] for crops of another width or a batch without statistics.
    #[track_caller]
    pub fn forward(&mut self, crops: Vec<Tensor<2>>) -> Result<Tensor<2>, BlockError> {
        let _call = called();
        Ok(unit_rows(self.0.forward(Tensor::cat(crops, 0))?))
    }
}

impl Module for UnitProjector {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.0.visit(path, visitor);
    }
}

/// Divides every row of a weight by its length, in the parameter itself and without gradient: what SwAV and
/// SeLa-v2 do with their prototypes before anything else in a step.
#[track_caller]
pub fn rewrite_unit_rows(weight: &mut Weight<2>) {
    let _call = called();
    let unit = unit_rows(weight.val().without_autodiff());
    weight.rewrite(&unit);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, names, values};

    #[test]
    fn crops_share_one_batch_and_rows_have_unit_length() {
        let new = || {
            UnitProjector::new(
                [2, 5, 3],
                &mut Random::new(1, "heads"),
                &cpu(),
                &Ranks::single(),
            )
        };
        let (a, b) = (
            matrix([[1.0, 2.0], [3.0, -1.0]]),
            matrix([[0.5, 7.0], [-4.0, 1.0]]),
        );
        let z = new().forward(vec![a.clone(), b.clone()]).unwrap();
        let whole = new()
            .forward(vec![Tensor::cat(vec![a.clone(), b], 0)])
            .unwrap();
        assert_eq!(values(z.clone()), values(whole));
        // Alone, a crop has other batch statistics.
        let alone = values(new().forward(vec![a]).unwrap());
        assert!((alone[0] - values(z.clone())[0]).abs() > 1e-3);
        close(&values(z.square().sum_dim(1)), &[1.0; 4], 1e-6);
        assert_eq!(names(&mut new())[0], "0.weight");
    }

    #[test]
    fn weights_are_rewritten_in_place() {
        let mut weight = Weight::new(matrix([[3.0, 4.0], [0.0, 0.5]]));
        rewrite_unit_rows(&mut weight);
        close(&values(weight.val()), &[0.6, 0.8, 0.0, 1.0], 1e-6);
    }
}
