//! View buffers in page-locked memory, from which a GPU copies without a detour.

use crate::cpu_tensor::CpuTensor;
use ssl_datasets::loader::{Memory, Pixels, Region, TrainLoader};
use std::any::Any;
use std::sync::Arc;
use tch::{Device, Kind, TchError, Tensor};

/// The loader with its buffers where `device` reads them best.
pub(super) fn place(loader: TrainLoader, device: Device) -> TrainLoader {
    match device {
        Device::Cuda(_) => loader.with_memory(Arc::new(Pinned { device })),
        _ => loader,
    }
}

/// The pixels as a tensor of one dimension over the same memory, where they lie in [`Locked`] memory.
pub(super) fn tensor(pixels: &Pixels) -> Option<Result<Tensor, TchError>> {
    let locked = pixels.region().as_any().downcast_ref::<Locked>()?;
    Some(locked.0.tensor().f_narrow(0, 0, pixels.len() as i64))
}

/// Page-locked memory for copies to `device`.
struct Pinned {
    device: Device,
}

impl Memory for Pinned {
    fn region(&self, values: usize) -> Box<dyn Region> {
        let pinned = Tensor::f_zeros([values as i64], (Kind::Float, Device::Cpu))
            .and_then(|tensor| CpuTensor::of(&tensor.f_pin_memory(self.device)?));
        match pinned {
            Ok(slab) => Box::new(Locked(slab)),
            // How much memory may be locked is limited; without, copies are slower.
            Err(_) => Box::new(vec![0.0_f32; values]),
        }
    }
}

/// Memory that [`tensor`] lends only while the batch is borrowed; the copy to the device is done before that ends.
struct Locked(CpuTensor);

impl Region for Locked {
    fn values(&self) -> &[f32] {
        self.0.values()
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self.0.values_mut()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
