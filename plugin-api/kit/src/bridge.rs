//! Between burn's tensors, libtorch's, and the boundary's descriptors.
//!
//! burn's libtorch backend writes in place into a tensor whose handle it believes to be the only
//! one; it counts its own handles, not libtorch's. [`from_tch`] is therefore for tensors that
//! nothing else holds. The host's tensors come in through `Foreign`.

#![expect(
    unsafe_code,
    reason = "a handle that is counted and never followed may change threads"
)]
#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use crate::graph::constant;
use burn::tensor::{Int, Tensor};
use burn_tch::{LibTorch, Storage, StorageRef, TchTensor};
use ssl_plugin_api::{Fault, FfiTensor};
use ssl_plugin_tensor::{export, import};
use std::sync::Arc;

/// A tensor of the host's, in its own memory: never written by burn, and kept for as long as
/// anything holds on to it, a step or a run.
pub(crate) struct Foreign {
    tensor: tch::Tensor,
    handle: StorageRef,
}

/// Counts as a holder of the handle for as long as the memory lives, so that burn never finds
/// itself alone with it and writes in place.
struct Holder(#[expect(dead_code, reason = "held for its count")] StorageRef);

// SAFETY: the address inside is compared, never followed; the count is atomic.
unsafe impl Send for Holder {}

impl Foreign {
    /// Takes a descriptor of the host's over.
    ///
    /// # Errors
    /// A shape fault for what cannot be read.
    pub(crate) fn new(descriptor: FfiTensor) -> Result<Self, Fault> {
        #[expect(
            clippy::arc_with_non_send_sync,
            reason = "burn-tch's own type for the handle"
        )]
        let handle: StorageRef = Arc::new(descriptor.data());
        let tensor = import(descriptor.with(Holder(Arc::clone(&handle)))?)?;
        Ok(Self { tensor, handle })
    }

    /// The libtorch tensor.
    pub(crate) const fn tch(&self) -> &tch::Tensor {
        &self.tensor
    }

    /// The burn tensor.
    pub(crate) fn burn<const D: usize>(self) -> Tensor<D> {
        Tensor::from_primitive::<LibTorch>(TchTensor {
            tensor: self.tensor,
            storage: Storage::Owned {
                buffer_ref: self.handle,
            },
        })
    }
}

/// Wraps a libtorch tensor.
#[must_use]
pub fn from_tch<const D: usize>(tensor: tch::Tensor) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// Wraps a libtorch tensor of integers.
#[must_use]
pub fn from_tch_int<const D: usize>(tensor: tch::Tensor) -> Tensor<D, Int> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// The libtorch tensor inside, outside any graph; shares memory.
pub fn to_tch<const D: usize>(tensor: &Tensor<D>) -> tch::Tensor {
    constant(tensor.clone()).tensor
}

/// The libtorch tensor inside; shares memory.
pub fn to_tch_int<const D: usize>(tensor: &Tensor<D, Int>) -> tch::Tensor {
    tensor
        .clone()
        .without_autodiff()
        .try_into_primitive::<LibTorch>()
        .expect("the kit makes libtorch tensors only")
        .tensor
}

/// burn's device for the context's device name.
///
/// # Errors
/// A configuration fault for anything but `cpu` and `cuda:N`.
pub fn device(name: &str) -> Result<burn::tensor::Device, Fault> {
    match name.split_once(':') {
        None if name == "cpu" => Ok(burn::tensor::Device::libtorch()),
        Some(("cuda", index)) => index
            .parse::<usize>()
            .map(burn::tensor::Device::libtorch_cuda)
            .map_err(|_| Fault::config(format!("expected device cpu or cuda:N, found {name}"))),
        _ => Err(Fault::config(format!(
            "expected device cpu or cuda:N, found {name}"
        ))),
    }
}

/// libtorch's device for burn's.
#[must_use]
pub fn tch_device(device: &burn::tensor::Device) -> tch::Device {
    let probe: Tensor<1> = Tensor::empty([0], device);
    to_tch(&probe).device()
}

/// Whole numbers in main memory, for the boundary.
///
/// # Errors
/// The boundary's refusal.
pub fn export_ints(values: &[i64]) -> Result<FfiTensor, Fault> {
    export(&tch::Tensor::from_slice(values))
}
