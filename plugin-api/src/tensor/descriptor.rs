//! The descriptor itself: layout, ownership, release.

#![expect(
    unsafe_code,
    reason = "the descriptor owns foreign memory through a C deleter"
)]

use super::dtype::{Device, Dtype};
use crate::version::{ABI_MAJOR, ABI_MINOR};
use abi_stable::StableAbi;
use std::ffi::c_void;
use std::mem::offset_of;

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
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// DLPack's `DLTensor`.
#[repr(C)]
#[derive(StableAbi)]
pub(super) struct RawTensor {
    pub(super) data: *mut c_void,
    pub(super) device: Device,
    pub(super) ndim: i32,
    pub(super) dtype: Dtype,
    pub(super) shape: *mut i64,
    pub(super) strides: *mut i64,
    pub(super) byte_offset: u64,
}

/// A tensor that crosses the boundary; layout of DLPack's `DLManagedTensorVersioned`.
///
/// `shape` and `strides` (in elements) belong to the context, as does the memory; dropping the
/// descriptor calls the deleter exactly once.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiTensor {
    pub(super) version: Version,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut c_void)>,
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
    assert!(size_of::<FfiTensor>() == 80);
    assert!(offset_of!(FfiTensor, version) == 0);
    assert!(offset_of!(FfiTensor, context) == 8);
    assert!(offset_of!(FfiTensor, deleter) == 16);
    assert!(offset_of!(FfiTensor, flags) == 24);
    assert!(offset_of!(FfiTensor, tensor) == 32);
};

// SAFETY: the producer promises in `from_raw_parts` that memory and owner may move between
// threads; the descriptor itself has no thread affinity.
unsafe impl Send for FfiTensor {}

/// What a descriptor of ours points to: dimensions and the owner of the memory.
struct Context<O> {
    dims: Box<[i64]>,
    _owner: O,
}

unsafe extern "C" fn release<O>(descriptor: *mut c_void) {
    // SAFETY: called once by `Drop`, with the descriptor that `from_raw_parts` filled in; its
    // context came from `Box::into_raw` of this very type.
    drop(unsafe {
        Box::from_raw(
            (*descriptor.cast::<FfiTensor>())
                .context
                .cast::<Context<O>>(),
        )
    });
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
        let context = Box::new(Context {
            dims: [shape, strides].concat().into(),
            _owner: owner,
        });
        let context = Box::into_raw(context);
        // SAFETY: just made by `Box::into_raw`, not shared yet.
        let dims = unsafe { (*context).dims.as_mut_ptr() };
        Self {
            version: Version {
                major: ABI_MAJOR,
                minor: ABI_MINOR,
            },
            context: context.cast(),
            deleter: Some(release::<O>),
            flags: flags.0,
            tensor: RawTensor {
                data,
                device,
                ndim: i32::try_from(ndim).unwrap_or(i32::MAX),
                dtype,
                shape: dims,
                // SAFETY: `dims` holds `2·ndim` numbers.
                strides: unsafe { dims.add(ndim) },
                byte_offset: 0,
            },
        }
    }
}

impl Drop for FfiTensor {
    fn drop(&mut self) {
        if let Some(deleter) = self.deleter.take() {
            // SAFETY: the producer's deleter takes the descriptor it made; `take` makes this the
            // only call.
            unsafe { deleter(std::ptr::from_mut(self).cast()) }
        }
    }
}
