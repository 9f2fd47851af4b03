//! The C functions of `cpp/distributed.h`.

#![expect(unsafe_code, reason = "declares and calls the C functions of cpp/")]

use crate::DistributedError;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use tch::Tensor;

/// A store, behind a pointer.
#[repr(C)]
pub(crate) struct RawStore {
    _private: [u8; 0],
}

/// A group, behind a pointer.
#[repr(C)]
pub(crate) struct RawGroup {
    _private: [u8; 0],
}

/// A collective that was started, behind a pointer.
#[repr(C)]
pub(crate) struct RawPending {
    _private: [u8; 0],
}

/// libtorch's tensor, behind a pointer.
pub(crate) type RawTensor = *mut c_void;

unsafe extern "C" {
    pub(crate) fn ssl_dist_store(
        host: *const c_char,
        port: u16,
        serve: c_int,
        timeout_ms: i64,
        out: *mut *mut RawStore,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_store_port(store: *const RawStore) -> u16;
    pub(crate) fn ssl_dist_store_close(store: *mut RawStore);
    pub(crate) fn ssl_dist_store_set(
        store: *mut RawStore,
        key: *const c_char,
        value: *const c_char,
        length: u64,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_store_get(
        store: *mut RawStore,
        key: *const c_char,
        timeout_ms: i64,
        value: *mut *mut c_char,
        length: *mut u64,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_join(
        store: *mut RawStore,
        prefix: *const c_char,
        rank: c_int,
        world_size: c_int,
        cuda: c_int,
        loopback: c_int,
        timeout_ms: i64,
        out: *mut *mut RawGroup,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_leave(group: *mut RawGroup);
    pub(crate) fn ssl_dist_failure(group: *mut RawGroup) -> *mut c_char;
    pub(crate) fn ssl_dist_all_reduce(
        group: *mut RawGroup,
        tensor: RawTensor,
        op: c_int,
        out: *mut *mut RawPending,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_all_gather(
        group: *mut RawGroup,
        own: RawTensor,
        all: RawTensor,
        out: *mut *mut RawPending,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_reduce_scatter(
        group: *mut RawGroup,
        all: RawTensor,
        part: RawTensor,
        out: *mut *mut RawPending,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_broadcast(
        group: *mut RawGroup,
        tensor: RawTensor,
        root: c_int,
        out: *mut *mut RawPending,
    ) -> *mut c_char;
    pub(crate) fn ssl_dist_wait(pending: *mut RawPending) -> *mut c_char;
    pub(crate) fn ssl_dist_batch_norm(
        group: *mut RawGroup,
        x: RawTensor,
        scale: RawTensor,
        offset: RawTensor,
        mean: RawTensor,
        var: RawTensor,
        momentum: f64,
        eps: f64,
        out: *mut RawTensor,
    ) -> *mut c_char;
    safe fn free(memory: *mut c_void);
}

/// The tensor as the C functions take it.
pub(crate) fn raw(tensor: &Tensor) -> RawTensor {
    tensor.as_ptr().cast_mut().cast()
}

/// Text without zero bytes, which no key, host or prefix has.
pub(crate) fn text(words: &str) -> CString {
    CString::new(words.replace('\0', "")).unwrap_or_default()
}

/// What a function answered: nothing, or a message that is now ours.
pub(crate) fn answer(
    operation: &'static str,
    message: *mut c_char,
) -> Result<(), DistributedError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the functions give back null or a terminated string.
    let text = unsafe { CStr::from_ptr(message) }
        .to_string_lossy()
        .into_owned();
    free(message.cast());
    Err(DistributedError::failed(operation, &text))
}

/// Bytes from malloc, which become ours.
///
/// # Safety
/// `value` points to `length` bytes from malloc that nobody else frees.
pub(crate) unsafe fn take(value: *mut c_char, length: u64) -> Vec<u8> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), length as usize) }.to_vec();
    free(value.cast());
    bytes
}
