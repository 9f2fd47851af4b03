//! Tensors cross by reference: same addresses on both sides, released exactly once.

#![expect(unsafe_code, reason = "describes memory of its own")]

use crate::fixtures::{at, echo};
use fixture_echo::misbehaving;
use serde_json::json;
use ssl_plugin_api::description::{Encoder, Level};
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::{Device, Dtype, Feature, FfiTensor, Flags, StepInput};
use std::sync::Arc;

fn describe(values: &Arc<Vec<f32>>, shape: &[i64], strides: &[i64]) -> FfiTensor {
    let data = values.as_ptr().cast_mut().cast();
    // SAFETY: the vector outlives the descriptor through the keeper; tests stay inside it.
    unsafe {
        FfiTensor::from_raw_parts(
            Arc::clone(values),
            data,
            Device::CPU,
            Dtype::F32,
            shape,
            strides,
            Flags::READ_ONLY,
        )
    }
}

fn input(tensor: FfiTensor) -> StepInput {
    StepInput {
        at: at(),
        indices: FfiTensor::from_vec(&[2], vec![0_i64, 1]),
        features: vec![Feature {
            encoder: Encoder::Online,
            view: 0,
            level: Level::Pooled,
            tensor,
        }],
    }
}

#[test]
fn nothing_is_copied_either_way() {
    let values = Arc::new(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let mut instance = echo(&json!({})).expect("echo starts");
    let output = instance
        .step(input(describe(&values, &[2, 3], &[3, 1])))
        .expect("a step");
    let grad = output.feature_grads[0].as_ref().expect("a gradient");
    assert_eq!(grad.data().cast_const().cast::<f32>(), values.as_ptr());
    assert_eq!((grad.shape(), grad.strides()), (&[2, 3][..], &[3, 1][..]));
    assert_eq!(Arc::strong_count(&values), 2, "held by the gradient");
    drop(output);
    assert_eq!(Arc::strong_count(&values), 1, "released once");
}

#[test]
fn a_gradient_of_another_shape_is_refused() {
    let values = Arc::new(vec![0.0_f32; 6]);
    let mut instance = echo(&misbehaving("step", "wrong-shape")).expect("echo starts");
    let fault = instance
        .step(input(describe(&values, &[2, 3], &[3, 1])))
        .expect_err("refused");
    assert!(
        fault.message.contains("of shape [2, 3], found [1]"),
        "{fault}"
    );
    assert_eq!(Arc::strong_count(&values), 1, "released all the same");
}

#[test]
fn strides_are_kept_and_density_is_known() {
    let values = Arc::new(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let transposed = describe(&values, &[3, 2], &[1, 3]);
    assert!(!transposed.is_contiguous());
    assert!(transposed.as_slice::<f32>().is_err());
    let dense = describe(&values, &[3, 2], &[2, 1]);
    assert_eq!(dense.as_slice::<f32>().expect("dense"), values.as_slice());
    assert!(dense.as_slice::<i64>().is_err());
}
