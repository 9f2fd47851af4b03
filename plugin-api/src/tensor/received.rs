//! What a tensor of the other side's must be before Rust code gets it.

#![expect(unsafe_code, reason = "reads lent memory element by element")]

use super::descriptor::{FfiTensor, dense_strides};
use super::dtype::DeviceKind;
use super::handle::TensorFault;
use crate::fault::Fault;

/// What to do with a tensor without a deleter, which its giver keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// It is gone when the call returns: copied, in main memory.
    Copied,
    /// It lives as long as the instance, to which the receiver ties it.
    Kept,
    /// There must be a deleter.
    Refused,
}

impl FfiTensor {
    /// The tensor in a form that may be kept: validated, with strides, not lent.
    pub(crate) fn received(self, lent: Lent) -> Result<Self, Fault> {
        let is_lent = self.is_lent();
        let tensor = self.with_strides()?;
        tensor.validate()?;
        if !is_lent || lent == Lent::Kept {
            return Ok(tensor);
        }
        let refuse = |expected: &str| {
            Err(Fault::shape(format!(
                "expected {expected}, found one without a deleter"
            )))
        };
        match lent {
            Lent::Copied if tensor.device().kind() == DeviceKind::Cpu => Ok(tensor.copied()),
            Lent::Copied => refuse("a tensor on a device to have a deleter"),
            _ => refuse("a tensor that is handed over with its memory"),
        }
    }

    /// Fills in strides that DLPack lets a producer leave out.
    fn with_strides(self) -> Result<Self, TensorFault> {
        if !self.managed().tensor.strides.is_null() || self.managed().tensor.ndim == 0 {
            return Ok(self);
        }
        self.validate_dims()?;
        let shape = self.shape().to_vec();
        let (data, device, dtype, flags) = (self.data(), self.device(), self.dtype(), self.flags());
        // SAFETY: everything is `self`'s own, dense as DLPack says, and `self` is the owner.
        Ok(unsafe {
            Self::from_raw_parts(
                self,
                data,
                device,
                dtype,
                &shape,
                &dense_strides(&shape),
                flags,
            )
        })
    }

    /// A dense copy in main memory.
    fn copied(&self) -> Self {
        let (size, shape) = (self.dtype().size(), self.shape());
        // Of 64-bit numbers, so that elements of any type are aligned.
        let mut values = vec![0_u64; (self.len() * size).div_ceil(8)];
        let to = values.as_mut_ptr().cast::<u8>();
        let mut place = vec![0_i64; shape.len()];
        for n in 0..self.len() {
            let offset: i64 = place.iter().zip(self.strides()).map(|(p, s)| p * s).sum();
            let from = self
                .data()
                .cast::<u8>()
                .wrapping_offset(offset as isize * size as isize);
            // SAFETY: `place` is inside the shape, so the element is the giver's, who keeps it until
            // the call returns; `to` has room for all elements.
            unsafe { std::ptr::copy_nonoverlapping(from, to.add(n * size), size) };
            for (p, size) in place.iter_mut().zip(shape).rev() {
                *p += 1;
                if *p < *size {
                    break;
                }
                *p = 0;
            }
        }
        let (dtype, flags) = (self.dtype(), self.flags());
        // SAFETY: the vector's buffer holds the elements densely, and is the owner.
        unsafe {
            Self::from_raw_parts(
                values,
                to.cast(),
                super::dtype::Device::CPU,
                dtype,
                shape,
                &dense_strides(shape),
                flags,
            )
        }
    }
}
