//! From a descriptor to libtorch.

#![expect(
    unsafe_code,
    reason = "hands a descriptor to libtorch and takes a tensor back"
)]

use ssl_plugin_api::{Fault, FfiTensor};
use std::ffi::{CStr, CString, c_char, c_void};

unsafe extern "C" {
    fn ssl_tensor_adopt(source: *mut c_void, error: *mut *mut c_char) -> *mut c_void;
    fn ssl_tensor_libtorch() -> *const c_char;
    fn free(memory: *mut c_void);
}

/// The version of libtorch that this was compiled for, for instance `2.9.0`.
#[must_use]
pub fn libtorch_version() -> String {
    // SAFETY: returns a string constant.
    let version = unsafe { CStr::from_ptr(ssl_tensor_libtorch()) };
    version.to_string_lossy().into_owned()
}

/// A libtorch tensor over a descriptor's memory, without a copy. The memory is released together
/// with the last tensor over it: the result, a view of it, or whatever a graph holds.
///
/// # Errors
/// A shape fault for a descriptor that cannot be read or a device this build does not know.
pub fn import(descriptor: FfiTensor) -> Result<tch::Tensor, Fault> {
    descriptor.validate()?;
    let kind = crate::kind(descriptor.dtype()).ok_or_else(|| {
        Fault::shape(format!(
            "expected a known type, found {}",
            descriptor.dtype()
        ))
    })?;
    let device = crate::device(descriptor.device()).ok_or_else(|| {
        Fault::shape(format!(
            "expected cpu or cuda, found {}",
            descriptor.device()
        ))
    })?;
    if descriptor.is_empty() {
        return Ok(tch::Tensor::empty(descriptor.shape(), (kind, device)));
    }
    let mut error = std::ptr::null_mut();
    // SAFETY: validated above; memory, sizes and strides are the producer's promise until the
    // deleter is called, which the function does with the last reference.
    let tensor = unsafe { ssl_tensor_adopt(descriptor.into_raw(), &mut error) };
    if tensor.is_null() {
        return Err(Fault::shape(format!(
            "libtorch refused a tensor: {}",
            taken(error)
        )));
    }
    // SAFETY: a tensor made by `new`, as the binding's own are.
    Ok(unsafe { tch::Tensor::from_ptr(tensor.cast()) })
}

/// A message from `malloc`, freed.
fn taken(message: *mut c_char) -> String {
    if message.is_null() {
        return "no message".to_owned();
    }
    // SAFETY: a string from `strdup`, not freed yet.
    let text = CString::from(unsafe { CStr::from_ptr(message) });
    // SAFETY: as above; not used after this.
    unsafe { free(message.cast()) };
    let text = text.to_string_lossy();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_round_trip_keeps_address_shape_and_strides() {
        let original = tch::Tensor::arange(24, (tch::Kind::Float, tch::Device::Cpu))
            .view([4, 6])
            .transpose(0, 1)
            .slice(0, 1, 5, 1);
        let tensor = import(export(&original).expect("exports")).expect("imports");
        assert_eq!(tensor.data_ptr(), original.data_ptr());
        assert_eq!(
            (tensor.size(), tensor.stride()),
            (original.size(), original.stride())
        );
        assert_eq!(tensor, original);
    }

    #[test]
    fn memory_outlives_the_exporter_and_writes_are_seen() {
        let original = tch::Tensor::zeros([3], (tch::Kind::Double, tch::Device::Cpu));
        let alias = original.shallow_clone();
        let mut imported = import(export(&original).expect("exports")).expect("imports");
        drop(original);
        let _written = imported.fill_(2.5);
        assert_eq!(alias.double_value(&[2]), 2.5);
    }

    #[test]
    fn every_kind_crosses_and_others_are_refused() {
        for (kind, dtype) in crate::KINDS {
            let tensor = tch::Tensor::ones([2, 2], (kind, tch::Device::Cpu));
            let descriptor = export(&tensor).expect("exports");
            assert_eq!(descriptor.dtype(), dtype);
            assert_eq!(import(descriptor).expect("imports"), tensor);
        }
        let int16 = tch::Tensor::ones([2], (tch::Kind::Int16, tch::Device::Cpu));
        assert!(export(&int16).is_err());
    }

    #[test]
    fn empty_tensors_cross() {
        let empty = tch::Tensor::zeros([0, 5], (tch::Kind::Float, tch::Device::Cpu));
        let imported = import(export(&empty).expect("exports")).expect("imports");
        assert_eq!(imported.size(), [0, 5]);
    }

    /// Memory that says when it is released: its elements turn to -1, and stay readable.
    struct Released(&'static [AtomicU32]);

    impl Drop for Released {
        fn drop(&mut self) {
            for bits in self.0 {
                bits.store((-1.0_f32).to_bits(), Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn memory_lives_as_long_as_the_last_view_of_it() {
        let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let memory: &'static [AtomicU32] =
            Vec::from(values.map(|v| AtomicU32::new(v.to_bits()))).leak();
        // SAFETY: leaked memory of six elements; the second to the fifth are described.
        let descriptor = unsafe {
            FfiTensor::from_raw_parts(
                Released(memory),
                memory[1..].as_ptr().cast_mut().cast(),
                ssl_plugin_api::Device::CPU,
                ssl_plugin_api::Dtype::F32,
                &[2, 2],
                &[2, 1],
                ssl_plugin_api::Flags::default(),
            )
        };
        let tensor = import(descriptor).expect("imports");
        let view = tensor.narrow(0, 1, 1);
        drop(tensor);
        assert_eq!(
            Vec::<f32>::try_from(view.flatten(0, -1)).expect("f32"),
            [4.0, 5.0]
        );
        drop(view);
        let first = f32::from_bits(memory[0].load(Ordering::Relaxed));
        assert_eq!(first, -1.0, "released with the last view");
    }

    #[test]
    fn the_version_of_libtorch_is_the_one_that_the_host_asks_plugins_for() {
        let version = libtorch_version();
        assert_eq!(version.split('.').count(), 3);
        assert!(
            version.starts_with(ssl_plugin_api::LIBTORCH),
            "the host asks for plugins built for {}, this one is for {version}",
            ssl_plugin_api::LIBTORCH
        );
    }
}
