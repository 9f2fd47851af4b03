//! A square matrix on and off its diagonal.

use burn::tensor::{Bool, Tensor};
use ssl_plugin_api::export::called;

/// The matrix with zeros everywhere but on its diagonal; no gradient goes elsewhere.
///
/// # Shapes
/// - `m`: `[dim, dim]`
/// - returns `[dim, dim]`
#[must_use]
#[track_caller]
pub fn diagonal(m: Tensor<2>) -> Tensor<2> {
    let _call = called();
    let elsewhere = elsewhere(&m);
    m.mask_fill(elsewhere, 0.0)
}

/// The matrix with zeros on its diagonal; no gradient goes there.
///
/// ```
/// use ssl_plugin_kit::{blocks::off_diagonal, testing::{matrix, values}};
///
/// let m = matrix([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(values(off_diagonal(m)), [0.0, 2.0, 3.0, 0.0]);
/// ```
///
/// # Shapes
/// - `m`: `[dim, dim]`
/// - returns `[dim, dim]`
#[must_use]
#[track_caller]
pub fn off_diagonal(m: Tensor<2>) -> Tensor<2> {
    let _call = called();
    let on = elsewhere(&m).bool_not();
    m.mask_fill(on, 0.0)
}

/// True off the diagonal.
fn elsewhere(m: &Tensor<2>) -> Tensor<2, Bool> {
    Tensor::diag_mask(m.dims(), 0, &m.device())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{matrix, values};

    #[test]
    fn the_two_parts_make_the_matrix() {
        let m = || matrix([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
        assert_eq!(
            values(diagonal(m())),
            [1.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 9.0]
        );
        assert_eq!(
            values(off_diagonal(m())),
            [0.0, 2.0, 3.0, 4.0, 0.0, 6.0, 7.0, 8.0, 0.0]
        );
    }

    #[test]
    fn gradients_stay_on_their_side() {
        let m = matrix([[1.0, 2.0], [3.0, 4.0]]).autodiff().require_grad();
        let loss = diagonal(m.clone()).square().sum() + off_diagonal(m.clone()).sum() * 10.0;
        let gradient = m.grad(&loss.backward()).unwrap();
        assert_eq!(values(gradient), [2.0, 10.0, 10.0, 8.0]);
    }
}
