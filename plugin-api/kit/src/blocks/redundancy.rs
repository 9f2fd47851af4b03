//! Squared entries off the diagonal of a product, without the product where that is the larger way.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::error::{BlockError, check_same};
use crate::graph::{enter, record};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, binary, unary};
use burn::tensor::Tensor;
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::export::called;
use tch::Kind;

/// Redundancy of two embeddings: the sum of squares off the diagonal of their product, `Σ_{d≠e} (uᵀv)_de²`.
///
/// With fewer rows than columns the `[dim, dim]` product and its gradient are never made: the sum of all squares
/// follows from two `[rows, rows]` matrices, `‖uᵀv‖² = Σ (uuᵀ ∘ vvᵀ)`, the diagonal from `Σ_b u_bd v_bd`.
///
/// ```
/// use ssl_plugin_kit::{blocks::cross_redundancy, testing::{matrix, values}};
///
/// let (u, v) = (matrix([[1.0, 2.0]]), matrix([[3.0, 4.0]])); // product [[3, 4], [6, 8]]
/// assert_eq!(values(cross_redundancy(u, v).unwrap()), [52.0]);
/// ```
///
/// # Shapes
/// - `u`, `v`: `[rows, dim]`
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes differ.
///
/// # Source
/// The redundancy term of Barlow Twins (arXiv:2103.03230, equation 1).
#[track_caller]
pub fn cross_redundancy(u: Tensor<2>, v: Tensor<2>) -> Result<Tensor<1>, BlockError> {
    let _call = called();
    check_same(v.dims(), u.dims(), "second embedding", "redundancy")?;
    let ((u, of_u), (v, of_v)) = (enter(u), enter(v));
    let (squares, state) = if few_rows(&u.tensor) {
        let (gram_u, gram_v) = (gram(&u.tensor), gram(&v.tensor));
        let diagonal = diagonal_of_product(&u.tensor, &v.tensor);
        let squares = sum_of(&(&gram_u * &gram_v)) - sum_of(&diagonal.square());
        let [gram_u, gram_v, diagonal] = [gram_u, gram_v, diagonal].map(TchTensor::new);
        let state = Crossed::Rows {
            u,
            v,
            gram_u,
            gram_v,
            diagonal,
        };
        (squares, state)
    } else {
        let product = without_diagonal(u.tensor.transpose(0, 1).matmul(&v.tensor));
        let squares = sum_of(&product.square());
        let product = TchTensor::new(product);
        (squares, Crossed::Columns { u, v, product })
    };
    let squares = TchTensor::new(squares.unsqueeze(0));
    Ok(record(CrossRedundancy, [of_u, of_v], squares, state))
}

/// Redundancy of one embedding: [`cross_redundancy`] of `u` with itself, `Σ_{d≠e} (uᵀu)_de²`, at half its cost.
///
/// # Shapes
/// - `u`: `[rows, dim]`
/// - returns `[1]`
///
/// # Source
/// The covariance term of VICReg (arXiv:2105.04906, equation 3).
#[must_use]
#[track_caller]
pub fn redundancy(u: Tensor<2>) -> Tensor<1> {
    let _call = called();
    let (u, of_u) = enter(u);
    let (squares, state) = if few_rows(&u.tensor) {
        let gram = gram(&u.tensor);
        let diagonal = diagonal_of_product(&u.tensor, &u.tensor);
        let squares = sum_of(&gram.square()) - sum_of(&diagonal.square());
        let [gram, diagonal] = [gram, diagonal].map(TchTensor::new);
        (squares, Own::Rows { u, gram, diagonal })
    } else {
        let product = without_diagonal(u.tensor.transpose(0, 1).matmul(&u.tensor));
        let squares = sum_of(&product.square());
        let product = TchTensor::new(product);
        (squares, Own::Columns { u, product })
    };
    let squares = TchTensor::new(squares.unsqueeze(0));
    record(Redundancy, [of_u], squares, state)
}

fn few_rows(u: &tch::Tensor) -> bool {
    matches!(u.size()[..], [rows, dim] if rows < dim)
}

/// `u uᵀ`, `[rows, rows]`.
fn gram(u: &tch::Tensor) -> tch::Tensor {
    u.matmul(&u.transpose(0, 1))
}

/// `Σ_b u_bd v_bd`, `[1, dim]`.
fn diagonal_of_product(u: &tch::Tensor, v: &tch::Tensor) -> tch::Tensor {
    (u * v).sum_dim_intlist(0, true, None::<Kind>)
}

fn without_diagonal(product: tch::Tensor) -> tch::Tensor {
    let _ = product.diagonal(0, 0, 1).zero_();
    product
}

fn sum_of(x: &tch::Tensor) -> tch::Tensor {
    x.sum(None::<Kind>)
}

/// `s (G own − diagonal ∘ other)`.
fn gradient_from_rows(
    gram: &tch::Tensor,
    own: &tch::Tensor,
    other: &tch::Tensor,
    diagonal: &tch::Tensor,
    s: &tch::Tensor,
) -> TchTensor {
    let mut gradient = gram.matmul(own);
    let mut gradient = gradient.addcmul_(other, &diagonal.neg());
    TchTensor::new(gradient.g_mul_(s))
}

/// What the gradients of [`cross_redundancy`] are made of.
#[derive(Clone, Debug)]
enum Crossed {
    /// Two matrices of `[rows, rows]`.
    Rows {
        u: TchTensor,
        v: TchTensor,
        gram_u: TchTensor,
        gram_v: TchTensor,
        diagonal: TchTensor,
    },
    /// One of `[dim, dim]`, zero on its diagonal.
    Columns {
        u: TchTensor,
        v: TchTensor,
        product: TchTensor,
    },
}

#[derive(Debug)]
struct CrossRedundancy;

impl Backward<LibTorch, 2> for CrossRedundancy {
    type State = Crossed;

    fn backward(self, ops: Ops<Crossed, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (parents, node) = (ops.parents, ops.node);
        match ops.state {
            Crossed::Rows {
                u,
                v,
                gram_u,
                gram_v,
                diagonal,
            } => {
                let (u, v, diagonal) = (u.tensor, v.tensor, diagonal.tensor);
                let of = |gram: TchTensor, own, other, g: TchTensor| {
                    gradient_from_rows(&gram.tensor, own, other, &diagonal, &(g.tensor * 2.0))
                };
                binary::<LibTorch, _, _>(
                    parents,
                    node,
                    gradients,
                    |g| of(gram_v, &u, &v, g),
                    |g| of(gram_u, &v, &u, g),
                );
            }
            Crossed::Columns { u, v, product } => {
                let product = product.tensor;
                binary::<LibTorch, _, _>(
                    parents,
                    node,
                    gradients,
                    |g| {
                        TchTensor::new(v.tensor.matmul(&product.transpose(0, 1)) * (g.tensor * 2.0))
                    },
                    |g| TchTensor::new(u.tensor.matmul(&product) * (g.tensor * 2.0)),
                );
            }
        }
    }
}

/// What the gradient of [`redundancy`] is made of.
#[derive(Clone, Debug)]
enum Own {
    /// One matrix of `[rows, rows]`.
    Rows {
        u: TchTensor,
        gram: TchTensor,
        diagonal: TchTensor,
    },
    /// One of `[dim, dim]`, zero on its diagonal.
    Columns { u: TchTensor, product: TchTensor },
}

#[derive(Debug)]
struct Redundancy;

impl Backward<LibTorch, 1> for Redundancy {
    type State = Own;

    fn backward(self, ops: Ops<Own, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let state = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |g| {
            let scale = g.tensor * 4.0;
            match state {
                Own::Rows { u, gram, diagonal } => {
                    let (u, diagonal) = (u.tensor, diagonal.tensor);
                    gradient_from_rows(&gram.tensor, &u, &u, &diagonal, &scale)
                }
                Own::Columns { u, product } => {
                    TchTensor::new(u.tensor.matmul(&product.tensor) * scale)
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::off_diagonal;
    use crate::blocks::testing::{check_gradient, double, doubles, matrix};

    const AT: [f64; 6] = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4];

    fn other(shape: [usize; 2]) -> Tensor<2> {
        double(&[1.0, -2.0, 0.5, 0.3, 0.9, -1.1], shape)
    }

    /// More rows than columns, and fewer.
    const SHAPES: [[usize; 2]; 2] = [[3, 2], [2, 3]];

    #[test]
    fn both_ways_are_the_squares_off_the_diagonal() {
        for shape in SHAPES {
            let (u, v) = (double(&AT, shape), other(shape));
            let of = |a: Tensor<2>, b: Tensor<2>| {
                let product = a.transpose().matmul(b);
                doubles(off_diagonal(product).square().sum())[0]
            };
            let found = doubles(cross_redundancy(u.clone(), v.clone()).unwrap())[0];
            assert!((found - of(u.clone(), v)).abs() < 1e-12, "{shape:?}");
            let found = doubles(redundancy(u.clone()))[0];
            assert!((found - of(u.clone(), u)).abs() < 1e-12, "{shape:?}");
        }
    }

    #[test]
    fn gradients_are_central_differences() {
        for shape in SHAPES {
            check_gradient(&AT, shape, 1e-8, redundancy);
            check_gradient(&AT, shape, 1e-8, |u| {
                cross_redundancy(u, other(shape)).unwrap()
            });
            check_gradient(&AT, shape, 1e-8, |v| {
                cross_redundancy(other(shape), v).unwrap()
            });
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let (u, v) = (matrix([[1.0, 2.0]]), matrix([[1.0], [2.0]]));
        assert!(cross_redundancy(u, v).is_err());
    }
}
