//! A tensor's values as a slice, without a copy.
#![expect(
    unsafe_code,
    reason = "the tensor library lends its memory as a pointer"
)]

use std::marker::PhantomData;

use half::bf16;
use tch::{Device, Kind, TchError, Tensor};

/// An element type whose values can be borrowed.
///
/// # Safety
/// A tensor of this kind must store its values as `Self`, any bits of which are valid.
pub(crate) unsafe trait Element: Copy + Into<f32> {
    const KIND: Kind;
}

// SAFETY: the same format, the IEEE 754 one of 32 bits.
unsafe impl Element for f32 {
    const KIND: Kind = Kind::Float;
}

// SAFETY: the same format, the upper half of an `f32`.
unsafe impl Element for bf16 {
    const KIND: Kind = Kind::BFloat16;
}

/// A contiguous tensor in the CPU's memory.
#[derive(Debug)]
pub(crate) struct CpuTensor<T = f32>(Tensor, PhantomData<T>);

impl<T: Element> CpuTensor<T> {
    /// The tensor itself where it already is one, else a copy that is. While slices of it are borrowed, no
    /// other handle may write to the tensor.
    pub(crate) fn of(tensor: &Tensor) -> Result<Self, TchError> {
        let here = tensor.f_to_device(Device::Cpu)?.f_to_kind(T::KIND)?;
        Ok(Self(here.f_contiguous()?, PhantomData))
    }

    /// The tensor.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// Its values, row by row.
    pub(crate) fn values(&self) -> &[T] {
        if self.0.numel() == 0 {
            return &[];
        }
        // SAFETY: `of` made sure of a contiguous tensor of `T`s in the CPU's memory, not empty, which lives as
        // long as `self`; the callers make sure that no other handle writes meanwhile.
        unsafe { std::slice::from_raw_parts(self.0.data_ptr() as *const T, self.0.numel()) }
    }

    /// Its values, to be written.
    pub(crate) fn values_mut(&mut self) -> &mut [T] {
        if self.0.numel() == 0 {
            return &mut [];
        }
        // SAFETY: as in `values`.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr() as *mut T, self.0.numel()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_to_a_cpu_tensor_reach_its_tensor() -> Result<(), TchError> {
        let mut slab = CpuTensor::<f32>::of(&Tensor::f_zeros([5], (Kind::Float, Device::Cpu))?)?;
        slab.values_mut()
            .copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(slab.tensor().f_sum(Kind::Float)?.f_double_value(&[])?, 15.0);
        assert_eq!(slab.values()[3], 4.0);
        Ok(())
    }

    #[test]
    fn other_layouts_and_kinds_are_copied() -> Result<(), TchError> {
        let half = Tensor::f_from_slice(&[1.0_f32, 2.0, 3.0, 4.0])?
            .f_to_kind(Kind::Half)?
            .f_view([2, 2])?;
        assert_eq!(
            CpuTensor::<f32>::of(&half.f_transpose(0, 1)?)?.values(),
            [1.0, 3.0, 2.0, 4.0]
        );
        assert_eq!(
            CpuTensor::<bf16>::of(&half)?.values(),
            [1.0, 2.0, 3.0, 4.0].map(bf16::from_f32)
        );
        Ok(())
    }
}
