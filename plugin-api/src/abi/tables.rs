//! The tables of functions: a plugin's, an instance's, the host's services.

use super::exchange::{EpochPlan, Feature, Named, NamedSink, StepIn, StepOut, TrainStep};
use super::text::{Code, Sink, Str};
use crate::tensor::Managed;
use abi_stable::StableAbi;
use std::ffi::c_void;

/// An instance's own pointer.
pub type It = *mut c_void;

/// `ssl_plugin`: what a library exports.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct PluginTable {
    pub(crate) size: u64,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) hello: Option<unsafe extern "C" fn(Sink, Sink) -> Code>,
    pub(crate) describe: Option<unsafe extern "C" fn(Str, Str, Sink, Sink) -> Code>,
    #[allow(clippy::type_complexity, reason = "spelt as in the header")]
    pub(crate) create: Option<
        unsafe extern "C" fn(
            Str,
            Str,
            Str,
            *const ServicesTable,
            *mut It,
            *mut *const InstanceTable,
            Sink,
        ) -> Code,
    >,
}

/// `ssl_instance`: what a framework at work can do.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct InstanceTable {
    pub(crate) size: u64,
    pub(crate) release: Option<unsafe extern "C" fn(It)>,
    pub(crate) parameters: Option<unsafe extern "C" fn(It, NamedSink, Sink) -> Code>,
    pub(crate) step: Option<unsafe extern "C" fn(It, *const StepIn, *mut StepOut, Sink) -> Code>,
    pub(crate) state: Option<unsafe extern "C" fn(It, NamedSink, Sink) -> Code>,
    pub(crate) load:
        Option<unsafe extern "C" fn(It, *const Named, u64, *const Named, u64, Sink) -> Code>,
    pub(crate) after_update:
        Option<unsafe extern "C" fn(It, *const TrainStep, *const f64, Sink) -> Code>,
    pub(crate) begin_epoch:
        Option<unsafe extern "C" fn(It, *const TrainStep, *mut EpochPlan, Sink) -> Code>,
    pub(crate) due: Option<unsafe extern "C" fn(It, *const TrainStep, Sink, Sink) -> Code>,
    pub(crate) begin_pass:
        Option<unsafe extern "C" fn(It, *const TrainStep, Str, u64, Sink) -> Code>,
    pub(crate) absorb:
        Option<unsafe extern "C" fn(It, *mut Managed, *const *const Feature, u64, Sink) -> Code>,
    pub(crate) end_pass: Option<unsafe extern "C" fn(It, Sink) -> Code>,
    pub(crate) cluster: Option<
        unsafe extern "C" fn(It, *const TrainStep, *const Named, u64, NamedSink, Sink) -> Code,
    >,
}

/// `ssl_services`: what the host offers.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct ServicesTable {
    pub(crate) size: u64,
    pub(crate) context: *mut c_void,
    pub(crate) retain: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) release: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) log: Option<unsafe extern "C" fn(*mut c_void, u32, Str)>,
    pub(crate) cancelled: Option<unsafe extern "C" fn(*mut c_void) -> u32>,
    pub(crate) all_reduce:
        Option<unsafe extern "C" fn(*mut c_void, *mut Managed, u32, Sink) -> Code>,
    pub(crate) all_gather:
        Option<unsafe extern "C" fn(*mut c_void, *mut Managed, *mut *mut Managed, Sink) -> Code>,
    pub(crate) broadcast:
        Option<unsafe extern "C" fn(*mut c_void, *mut Managed, u32, Sink) -> Code>,
}

/// What begins with its own size.
///
/// # Safety
/// The type is `repr(C)`, its first member is a `u64` with the size in bytes, and zeros are a valid
/// value of it.
pub(crate) unsafe trait Sized64: Copy {}

// SAFETY: a size first, then numbers, pointers and optional functions.
unsafe impl Sized64 for PluginTable {}
// SAFETY: as above.
unsafe impl Sized64 for InstanceTable {}
// SAFETY: as above.
unsafe impl Sized64 for ServicesTable {}
// SAFETY: as above.
unsafe impl Sized64 for TrainStep {}
// SAFETY: as above.
unsafe impl Sized64 for Feature {}
// SAFETY: as above.
unsafe impl Sized64 for StepIn {}
// SAFETY: as above.
unsafe impl Sized64 for StepOut {}
// SAFETY: as above.
unsafe impl Sized64 for EpochPlan {}

/// The part of `from` that both its writer and this build know; the rest is zero: absent.
///
/// # Safety
/// `from` leads to a struct of this kind, as some version of the header has it.
pub(crate) unsafe fn read_sized<T: Sized64>(from: *const T) -> T {
    let mut whole = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: the first eight bytes are the size that the writer filled in; that many are readable.
    unsafe {
        let known = (from.cast::<u64>().read() as usize).min(size_of::<T>());
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), whole.as_mut_ptr().cast(), known);
        whole.assume_init()
    }
}

/// Writes `value` where it fits: the part that the owner of `to` knows. Its size stays.
///
/// # Safety
/// As [`read_sized`], and the struct may be written.
pub(crate) unsafe fn write_sized<T: Sized64>(to: *mut T, value: &T) {
    // SAFETY: as in `read_sized`; the size itself is not written over.
    unsafe {
        let known = (to.cast::<u64>().read() as usize).min(size_of::<T>());
        let from = std::ptr::from_ref(value).cast::<u8>();
        std::ptr::copy_nonoverlapping(from.add(8), to.cast::<u8>().add(8), known.saturating_sub(8));
    }
}
