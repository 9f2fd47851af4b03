//! Small helpers of the blocks' tests.

use crate::module::{Module, visit_slots};
use burn::tensor::{DType, Device, Tensor, TensorData};

/// The CPU.
pub fn cpu() -> Device {
    crate::bridge::device("cpu").expect("the CPU is there")
}

/// A float32 matrix on the CPU.
pub fn matrix<const R: usize, const C: usize>(rows: [[f32; C]; R]) -> Tensor<2> {
    Tensor::from_data(TensorData::from(rows), &cpu())
}

/// A float32 vector on the CPU.
pub fn vector<const N: usize>(values: [f32; N]) -> Tensor<1> {
    Tensor::from_data(TensorData::from(values), &cpu())
}

/// A float64 tensor on the CPU.
pub fn double<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), shape),
        (&cpu(), DType::F64),
    )
}

/// All values, in row-major order, as float32.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .try_into_vec_as::<f32>()
        .expect("converted to float32")
}

/// All values, in row-major order, as float64.
pub fn doubles<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor
        .try_into_vec_as::<f64>()
        .expect("converted to float64")
}

/// Names of a module's tensors.
pub fn names(module: &mut dyn Module) -> Vec<String> {
    let mut names = Vec::new();
    visit_slots(module, |name, _| names.push(name.to_owned()));
    names
}

/// Asserts `‖found − expected‖ ≤ tolerance · ‖expected‖`.
pub fn close(found: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "number of values");
    let square = |x: f64| x * x;
    let distance: f64 = found
        .iter()
        .zip(expected)
        .map(|(f, e)| square(f64::from(*f) - f64::from(*e)))
        .sum();
    let length: f64 = expected.iter().map(|e| square(f64::from(*e))).sum();
    assert!(
        distance.sqrt() <= tolerance * length.sqrt(),
        "found {found:?}, expected {expected:?}, relative distance {}",
        (distance / length).sqrt()
    );
}

/// Asserts that backward's gradient of a scalar function is its central difference, in float64.
pub fn check_gradient<const D: usize>(
    at: &[f64],
    shape: [usize; D],
    tolerance: f64,
    mut function: impl FnMut(Tensor<D>) -> Tensor<1>,
) {
    let leaf = double(at, shape).autodiff().require_grad();
    let gradients = function(leaf.clone()).backward();
    let found = doubles(
        leaf.grad(&gradients)
            .expect("the function depends on its input"),
    );
    let step = 1e-5;
    let mut value = |i: usize, delta: f64| {
        let mut moved = at.to_vec();
        moved[i] += delta;
        doubles(function(double(&moved, shape)))[0]
    };
    let expected: Vec<f64> = (0..at.len())
        .map(|i| (value(i, step) - value(i, -step)) / (2.0 * step))
        .collect();
    let length = expected.iter().map(|e| e * e).sum::<f64>().sqrt();
    let distance = found
        .iter()
        .zip(&expected)
        .map(|(f, e)| (f - e).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!(length > 1e-3, "a gradient of {length} tests nothing");
    assert!(
        distance <= tolerance * length,
        "found {found:?}, expected {expected:?}"
    );
}
