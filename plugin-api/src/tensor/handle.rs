//! Reading a descriptor: validation first, then plain accessors.

#![expect(
    unsafe_code,
    reason = "reads dimensions and elements through the descriptor's pointers"
)]

use super::descriptor::{DLPACK_MAJOR, FfiTensor, Flags, dense_strides};
use super::dtype::{Device, DeviceKind, Dtype, Element};
use crate::fault::{Fault, FaultKind};
use std::ffi::c_void;

/// Why a descriptor was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorFault {
    /// A descriptor of another version of DLPack.
    #[error("expected a tensor descriptor of DLPack {DLPACK_MAJOR}, found {found}")]
    Version {
        /// The descriptor's major number.
        found: u32,
    },
    /// A null pointer where there must be none.
    #[error("expected {what} in the tensor descriptor, found a null pointer")]
    Null {
        /// Which pointer.
        what: &'static str,
    },
    /// A negative number of dimensions, a negative size, or more elements than memory.
    #[error("expected sizes >= 0 whose product fits memory, found {found}")]
    Size {
        /// The sizes.
        found: String,
    },
    /// An element type that does not cross.
    #[error("expected f32, f64, f16, bf16, i64, u8 or bool, found {found}")]
    Type {
        /// What was found.
        found: String,
    },
    /// Another element type or device than asked for, or not dense.
    #[error("expected dense {expected} on cpu, found {found}")]
    NotASlice {
        /// The type asked for.
        expected: Dtype,
        /// What was found.
        found: String,
    },
}

impl From<TensorFault> for Fault {
    fn from(fault: TensorFault) -> Self {
        Self::new(FaultKind::Shape, fault)
    }
}

const MAX_DIMS: i32 = 16;

impl FfiTensor {
    /// Checks everything that can be checked without knowing what the tensor is for.
    ///
    /// # Errors
    /// The first thing that is wrong. Accessors are meaningful only after this returned `Ok`.
    pub fn validate(&self) -> Result<(), TensorFault> {
        self.validate_dims()?;
        let raw = &self.managed().tensor;
        if raw.ndim > 0 && raw.strides.is_null() {
            return Err(TensorFault::Null { what: "strides" });
        }
        Ok(())
    }

    /// [`validate`](Self::validate), but for the strides.
    pub(super) fn validate_dims(&self) -> Result<(), TensorFault> {
        if self.managed().version.major != DLPACK_MAJOR {
            return Err(TensorFault::Version {
                found: self.managed().version.major,
            });
        }
        let raw = &self.managed().tensor;
        if !(0..=MAX_DIMS).contains(&raw.ndim) {
            return Err(TensorFault::Size {
                found: format!("{} dimensions", raw.ndim),
            });
        }
        if raw.ndim > 0 && raw.shape.is_null() {
            return Err(TensorFault::Null { what: "a shape" });
        }
        if !raw.dtype.is_known() {
            return Err(TensorFault::Type {
                found: raw.dtype.to_string(),
            });
        }
        let shape = self.shape();
        let bytes = shape
            .iter()
            .try_fold(raw.dtype.size() as i64, |product, &size| {
                (size >= 0).then(|| product.checked_mul(size)).flatten()
            });
        match bytes {
            None => Err(TensorFault::Size {
                found: format!("{shape:?}"),
            }),
            Some(bytes) if bytes > 0 && raw.data.is_null() => {
                Err(TensorFault::Null { what: "memory" })
            }
            Some(_) => Ok(()),
        }
    }

    /// Sizes of the dimensions.
    #[must_use]
    pub fn shape(&self) -> &[i64] {
        self.dims(self.managed().tensor.shape)
    }

    /// Strides in elements.
    #[must_use]
    pub fn strides(&self) -> &[i64] {
        self.dims(self.managed().tensor.strides)
    }

    fn dims(&self, pointer: *const i64) -> &[i64] {
        if pointer.is_null() || self.managed().tensor.ndim <= 0 {
            return &[];
        }
        // SAFETY: the producer's context owns `ndim` numbers behind both pointers for as long as
        // the descriptor lives (contract of `from_raw_parts` and of DLPack).
        unsafe { std::slice::from_raw_parts(pointer, self.managed().tensor.ndim as usize) }
    }

    /// Type of the elements.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        self.managed().tensor.dtype
    }

    /// Where the memory is.
    #[must_use]
    pub const fn device(&self) -> Device {
        self.managed().tensor.device
    }

    /// What may be done with it.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags(self.managed().flags)
    }

    /// Address of the first element.
    #[must_use]
    pub fn data(&self) -> *mut c_void {
        let raw = &self.managed().tensor;
        raw.data
            .cast::<u8>()
            .wrapping_add(raw.byte_offset as usize)
            .cast()
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape().iter().product::<i64>() as usize
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements lie row by row without gaps.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape()
            .iter()
            .zip(self.strides())
            .rev()
            .all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected *= size;
                fits
            })
    }

    /// A dense tensor in main memory that owns `values`.
    ///
    /// # Panics
    /// When `shape` does not have as many elements as `values`: a mistake of the caller's.
    #[must_use]
    pub fn from_vec<T: Element>(shape: &[i64], mut values: Vec<T>) -> Self {
        assert_eq!(
            shape.iter().product::<i64>() as usize,
            values.len(),
            "shape of the values"
        );
        let data = values.as_mut_ptr().cast();
        // SAFETY: the vector's buffer does not move when the vector does, holds exactly the
        // elements of `shape`, and is kept alive as the owner.
        unsafe {
            Self::from_raw_parts(
                values,
                data,
                Device::CPU,
                T::DTYPE,
                shape,
                &dense_strides(shape),
                Flags::default(),
            )
        }
    }

    /// The elements, when they are dense, of type `T` and in main memory.
    ///
    /// # Errors
    /// [`TensorFault::NotASlice`], or whatever [`validate`](Self::validate) finds.
    pub fn as_slice<T: Element>(&self) -> Result<&[T], TensorFault> {
        self.validate()?;
        let dense = self.is_contiguous() && self.device().kind() == DeviceKind::Cpu;
        if self.dtype() != T::DTYPE || !dense || !self.data().cast::<T>().is_aligned() {
            return Err(TensorFault::NotASlice {
                expected: T::DTYPE,
                found: format!(
                    "{} {:?} with strides {:?} on {}",
                    self.dtype(),
                    self.shape(),
                    self.strides(),
                    self.device()
                ),
            });
        }
        if self.is_empty() {
            return Ok(&[]);
        }
        // SAFETY: validated: not null, aligned, dense, of this type, in main memory; the context
        // keeps it alive as long as `self`.
        Ok(unsafe { std::slice::from_raw_parts(self.data().cast::<T>(), self.len()) })
    }
}

impl std::fmt::Debug for FfiTensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "FfiTensor({} {:?} on {})",
            self.dtype(),
            self.shape(),
            self.device()
        )
    }
}
