//! View buffers in page-locked memory, from which a GPU copies without a detour.
#![expect(
    unsafe_code,
    reason = "the loader's threads write into memory of libtorch"
)]

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

/// The pixels as a tensor of one dimension over the same memory, where they lie in a [`Slab`].
pub(super) fn tensor(pixels: &Pixels) -> Option<Result<Tensor, TchError>> {
    let slab = pixels.region().as_any().downcast_ref::<Slab>()?;
    Some(slab.0.f_narrow(0, 0, pixels.len() as i64))
}

/// Page-locked memory for copies to `device`.
struct Pinned {
    device: Device,
}

impl Memory for Pinned {
    fn region(&self, values: usize) -> Box<dyn Region> {
        let pinned = Tensor::f_zeros([values as i64], (Kind::Float, Device::Cpu))
            .and_then(|tensor| tensor.f_pin_memory(self.device));
        match pinned {
            Ok(tensor) => Box::new(Slab(tensor)),
            // How much memory may be locked is limited; without, copies are slower.
            Err(_) => Box::new(vec![0.0_f32; values]),
        }
    }
}

/// A contiguous `f32` tensor on the CPU.
struct Slab(Tensor);

impl Region for Slab {
    fn values(&self) -> &[f32] {
        // SAFETY: `Pinned::region` makes a contiguous `f32` tensor in the CPU's memory, which lives
        // as long as `self` and is written to through `&mut self` alone.
        unsafe { std::slice::from_raw_parts(self.0.data_ptr() as *const f32, self.0.numel()) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`; `tensor` lends the memory only while the batch is borrowed, and
        // the copy to the device is done before that ends.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr() as *mut f32, self.0.numel()) }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_a_slab_is_in_its_tensor() -> Result<(), TchError> {
        let mut slab = Slab(Tensor::f_zeros([5], (Kind::Float, Device::Cpu))?);
        slab.values_mut()
            .copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(slab.0.f_sum(Kind::Float)?.f_double_value(&[])?, 15.0);
        assert_eq!(slab.values()[3], 4.0);
        Ok(())
    }
}
