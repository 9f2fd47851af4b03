//! From a descriptor to libtorch.

#![expect(unsafe_code, reason = "wraps memory that a descriptor owns")]

use ssl_plugin_api::{Fault, FfiTensor};

/// A libtorch tensor over a descriptor's memory.
///
/// The memory is released when this is dropped, so the tensor must not outlive it: `tch`'s
/// `from_blob` takes no deleter.
pub struct Imported {
    tensor: tch::Tensor,
    _owner: FfiTensor,
}

impl Imported {
    /// The tensor, for as long as `self` lives.
    pub const fn tensor(&self) -> &tch::Tensor {
        &self.tensor
    }

    /// A copy that owns its memory.
    pub fn to_owned_tensor(&self) -> tch::Tensor {
        self.tensor.copy()
    }
}

/// Wraps a descriptor's memory without a copy.
///
/// # Errors
/// A shape fault for a descriptor that cannot be read or a device this build does not know.
pub fn import(descriptor: FfiTensor) -> Result<Imported, Fault> {
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
    let (shape, strides) = (descriptor.shape(), descriptor.strides());
    let tensor = if descriptor.is_empty() {
        Ok(tch::Tensor::empty(shape, (kind, device)))
    } else {
        // SAFETY: validated above; memory, sizes and strides are the producer's promise, and the
        // owner is kept beside the tensor.
        unsafe {
            tch::Tensor::f_from_blob(
                descriptor.data().cast_const().cast(),
                shape,
                strides,
                kind,
                device,
            )
        }
    };
    let tensor =
        tensor.map_err(|error| Fault::shape(format!("libtorch refused a tensor: {error}")))?;
    Ok(Imported {
        tensor,
        _owner: descriptor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export;

    #[test]
    fn a_round_trip_keeps_address_shape_and_strides() {
        let original = tch::Tensor::arange(24, (tch::Kind::Float, tch::Device::Cpu))
            .view([4, 6])
            .transpose(0, 1)
            .slice(0, 1, 5, 1);
        let imported = import(export(&original).expect("exports")).expect("imports");
        let tensor = imported.tensor();
        assert_eq!(tensor.data_ptr(), original.data_ptr());
        assert_eq!(
            (tensor.size(), tensor.stride()),
            (original.size(), original.stride())
        );
        assert_eq!(tensor, &original);
    }

    #[test]
    fn memory_outlives_the_exporter_and_writes_are_seen() {
        let original = tch::Tensor::zeros([3], (tch::Kind::Double, tch::Device::Cpu));
        let alias = original.shallow_clone();
        let mut imported = import(export(&original).expect("exports")).expect("imports");
        drop(original);
        let _written = imported.tensor.fill_(2.5);
        assert_eq!(alias.double_value(&[2]), 2.5);
        let copy = imported.to_owned_tensor();
        drop(imported);
        assert_eq!(copy.double_value(&[0]), 2.5);
    }

    #[test]
    fn every_kind_crosses_and_others_are_refused() {
        for (kind, dtype) in crate::KINDS {
            let tensor = tch::Tensor::ones([2, 2], (kind, tch::Device::Cpu));
            let descriptor = export(&tensor).expect("exports");
            assert_eq!(descriptor.dtype(), dtype);
            assert_eq!(import(descriptor).expect("imports").tensor(), &tensor);
        }
        let int16 = tch::Tensor::ones([2], (tch::Kind::Int16, tch::Device::Cpu));
        assert!(export(&int16).is_err());
    }

    #[test]
    fn empty_tensors_cross() {
        let empty = tch::Tensor::zeros([0, 5], (tch::Kind::Float, tch::Device::Cpu));
        let imported = import(export(&empty).expect("exports")).expect("imports");
        assert_eq!(imported.tensor().size(), [0, 5]);
    }
}
