//! A tensor's values as a slice, without a copy.
#![expect(
    unsafe_code,
    reason = "the tensor library lends its memory as a pointer"
)]

use tch::{Device, Kind, TchError, Tensor};

/// A contiguous `f32` tensor in the CPU's memory.
#[derive(Debug)]
pub(crate) struct Slab(Tensor);

impl Slab {
    /// The tensor itself where it already is one, else a copy that is. While slices of it are borrowed, nobody
    /// may write to the tensor by another handle.
    pub(crate) fn of(tensor: &Tensor) -> Result<Self, TchError> {
        let here = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        here.f_contiguous().map(Self)
    }

    /// The tensor.
    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// Its values, row by row.
    pub(crate) fn values(&self) -> &[f32] {
        if self.0.numel() == 0 {
            return &[];
        }
        // SAFETY: `of` made sure of a contiguous `f32` tensor in the CPU's memory, not empty, which lives as long
        // as `self`; that nobody writes meanwhile is asked of the callers.
        unsafe { std::slice::from_raw_parts(self.0.data_ptr() as *const f32, self.0.numel()) }
    }

    /// Its values, to be written.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        if self.0.numel() == 0 {
            return &mut [];
        }
        // SAFETY: as in `values`.
        unsafe { std::slice::from_raw_parts_mut(self.0.data_ptr() as *mut f32, self.0.numel()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_a_slab_is_in_its_tensor() -> Result<(), TchError> {
        let mut slab = Slab::of(&Tensor::f_zeros([5], (Kind::Float, Device::Cpu))?)?;
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
            Slab::of(&half.f_transpose(0, 1)?)?.values(),
            [1.0, 3.0, 2.0, 4.0]
        );
        Ok(())
    }
}
