//! The descriptor itself: layout, ownership, release.

#![expect(
    unsafe_code,
    reason = "the descriptor owns foreign memory through a C deleter"
)]

use super::dtype::{Device, Dtype};
use super::handle::TensorFault;
use abi_stable::StableAbi;
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::NonNull;

/// Version of DLPack whose layout this is; the major number says whether a descriptor can be read.
pub(super) const DLPACK_MAJOR: u32 = 1;
const DLPACK_MINOR: u32 = 1;

/// What a reader may do with the memory; bits as in DLPack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u64);

impl Flags {
    /// The memory must not be written.
    pub const READ_ONLY: Self = Self(1);
    /// The memory is a copy of what it describes.
    pub const COPIED: Self = Self(2);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// DLPack's `DLTensor`.
#[repr(C)]
#[derive(StableAbi)]
pub struct RawTensor {
    pub(super) data: *mut c_void,
    pub(super) device: Device,
    pub(super) ndim: i32,
    pub(super) dtype: Dtype,
    pub(super) shape: *mut i64,
    pub(super) strides: *mut i64,
    pub(super) byte_offset: u64,
}

/// DLPack's `DLManagedTensorVersioned`: what the two sides exchange pointers to.
#[repr(C)]
#[derive(StableAbi)]
pub struct Managed {
    pub(super) version: Version,
    context: *mut c_void,
    pub(super) deleter: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(super) flags: u64,
    pub(super) tensor: RawTensor,
}

const _: () = {
    assert!(size_of::<RawTensor>() == 48);
    assert!(offset_of!(RawTensor, data) == 0);
    assert!(offset_of!(RawTensor, device) == 8);
    assert!(offset_of!(RawTensor, ndim) == 16);
    assert!(offset_of!(RawTensor, dtype) == 20);
    assert!(offset_of!(RawTensor, shape) == 24);
    assert!(offset_of!(RawTensor, strides) == 32);
    assert!(offset_of!(RawTensor, byte_offset) == 40);
    assert!(size_of::<Managed>() == 80);
    assert!(offset_of!(Managed, version) == 0);
    assert!(offset_of!(Managed, context) == 8);
    assert!(offset_of!(Managed, deleter) == 16);
    assert!(offset_of!(Managed, flags) == 24);
    assert!(offset_of!(Managed, tensor) == 32);
    assert!(size_of::<Option<FfiTensor>>() == size_of::<*mut Managed>());
};

/// A tensor that crosses the boundary: an owned pointer to DLPack's `DLManagedTensorVersioned`.
///
/// Sizes, strides (in elements) and memory belong to whoever made it, and live until the descriptor
/// is dropped, which calls its deleter exactly once.
#[repr(transparent)]
pub struct FfiTensor(NonNull<Managed>);

// SAFETY: the producer promises in `from_raw_parts` and `from_raw` that memory and owner may move
// between threads; the descriptor itself has no thread affinity.
unsafe impl Send for FfiTensor {}

/// A descriptor of ours, with the dimensions and the owner of the memory behind it.
#[repr(C)]
struct Owned<O> {
    managed: Managed,
    dims: Box<[i64]>,
    _owner: O,
}

unsafe extern "C" fn release<O>(managed: *mut c_void) {
    // SAFETY: called once, with the descriptor that `from_raw_parts` made as the first field of
    // this very type.
    drop(unsafe { Box::from_raw(managed.cast::<Owned<O>>()) });
}

impl FfiTensor {
    /// Describes memory that `owner` keeps alive.
    ///
    /// # Safety
    /// - `data` points to memory on `device` that holds every element that `shape` and `strides`
    ///   reach, of type `dtype`, for as long as `owner` lives.
    /// - Unless `flags` has [`Flags::READ_ONLY`], it may be written through the descriptor.
    /// - `owner` may be dropped on any thread.
    ///
    /// # Panics
    /// When `shape` and `strides` differ in length: a mistake of the caller's.
    pub unsafe fn from_raw_parts<O: 'static>(
        owner: O,
        data: *mut c_void,
        device: Device,
        dtype: Dtype,
        shape: &[i64],
        strides: &[i64],
        flags: Flags,
    ) -> Self {
        assert_eq!(shape.len(), strides.len(), "one stride for each dimension");
        let ndim = shape.len();
        let mut owned = Box::new(Owned {
            managed: Managed {
                version: Version {
                    major: DLPACK_MAJOR,
                    minor: DLPACK_MINOR,
                },
                context: std::ptr::null_mut(),
                deleter: Some(release::<O>),
                flags: flags.0,
                tensor: RawTensor {
                    data,
                    device,
                    ndim: i32::try_from(ndim).unwrap_or(i32::MAX),
                    dtype,
                    shape: std::ptr::null_mut(),
                    strides: std::ptr::null_mut(),
                    byte_offset: 0,
                },
            },
            dims: [shape, strides].concat().into(),
            _owner: owner,
        });
        let dims = owned.dims.as_mut_ptr();
        owned.managed.tensor.shape = dims;
        owned.managed.tensor.strides = dims.wrapping_add(ndim);
        Self(NonNull::from(Box::leak(owned)).cast())
    }

    /// The pointer to the descriptor; whoever gets it owns it and calls its deleter.
    #[must_use]
    pub fn into_raw(self) -> *mut c_void {
        let pointer = self.0.as_ptr().cast();
        std::mem::forget(self);
        pointer
    }

    /// Takes over a descriptor; `None` for a null pointer.
    ///
    /// # Safety
    /// `pointer` is null or leads to a `DLManagedTensorVersioned` whose ownership passes to the
    /// result. Sizes, strides and memory live until its deleter is called, on whichever thread.
    #[must_use]
    pub unsafe fn from_raw(pointer: *mut c_void) -> Option<Self> {
        NonNull::new(pointer.cast()).map(Self)
    }

    /// The same tensor; `companion` is dropped right after its memory is released.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn with<C: Send + 'static>(self, companion: C) -> Result<Self, TensorFault> {
        self.validate()?;
        let (shape, strides) = (self.shape().to_vec(), self.strides().to_vec());
        let (data, device, dtype, flags) = (self.data(), self.device(), self.dtype(), self.flags());
        // SAFETY: everything is `self`'s own, and `self` is the owner.
        Ok(unsafe {
            Self::from_raw_parts(
                (self, companion),
                data,
                device,
                dtype,
                &shape,
                &strides,
                flags,
            )
        })
    }

    /// Whether the memory stays its giver's: there is no deleter.
    pub(super) const fn is_lent(&self) -> bool {
        self.managed().deleter.is_none()
    }

    pub(super) const fn managed(&self) -> &Managed {
        // SAFETY: the pointer leads to a descriptor that `self` owns.
        unsafe { self.0.as_ref() }
    }
}

/// Strides in elements of rows that lie one after another without gaps.
pub(super) fn dense_strides(shape: &[i64]) -> Vec<i64> {
    let mut strides = vec![1_i64; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d].saturating_mul(shape[d]);
    }
    strides
}

impl Drop for FfiTensor {
    fn drop(&mut self) {
        if let Some(deleter) = self.managed().deleter {
            // SAFETY: the producer's deleter takes the descriptor it made; `self` owned it, so this
            // is the only call.
            unsafe { deleter(self.0.as_ptr().cast()) }
        }
    }
}
