//! What the host offers a framework: log, cancellation, collectives.

#![expect(
    unsafe_code,
    reason = "the service object crosses as a pointer with a table of functions"
)]

use crate::fault::{Fault, FaultKind, FfiFault};
use crate::tensor::FfiTensor;
use abi_stable::{
    StableAbi,
    std_types::{RResult, RStr},
};
use std::ffi::c_void;
use std::sync::Arc;

/// How loud a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// For debugging.
    Debug = 0,
    /// Worth knowing.
    Info = 1,
    /// Something is odd.
    Warn = 2,
}

/// How ranks' tensors are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reduce {
    /// Sum.
    Sum = 0,
    /// Largest.
    Max = 1,
}

/// The host's side of the services.
///
/// Gradient convention: gradients of parameters are **averaged** over ranks by the host after the
/// step; a plugin that gathers with gradient sums in its own backward pass.
pub trait Services: Send + Sync {
    /// Takes a message.
    fn log(&self, level: LogLevel, message: &str);
    /// Whether the run is to stop; asked in long computations.
    fn cancelled(&self) -> bool;
    /// Reduces `tensor` over all ranks, in place.
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault>;
    /// The tensors of all ranks, one after another along the first dimension, in rank order.
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault>;
    /// Overwrites `tensor` with rank `root`'s.
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault>;
}

/// Services of a run with one rank: collectives do nothing, messages and cancellation go nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleProcess;

impl Services for SingleProcess {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn all_reduce(&self, _tensor: FfiTensor, _reduce: Reduce) -> Result<(), Fault> {
        Ok(())
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        Ok(tensor)
    }
    fn broadcast(&self, _tensor: FfiTensor, _root: usize) -> Result<(), Fault> {
        Ok(())
    }
}

/// The services as a plugin sees them.
#[repr(C)]
#[derive(StableAbi)]
pub struct SharedServices {
    context: *mut c_void,
    table: ServicesTableRef,
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ServicesTableRef)))]
pub(crate) struct ServicesTable {
    release: unsafe extern "C" fn(*mut c_void),
    log: unsafe extern "C" fn(*mut c_void, u8, RStr<'_>),
    cancelled: unsafe extern "C" fn(*mut c_void) -> bool,
    all_reduce: unsafe extern "C" fn(*mut c_void, FfiTensor, u8) -> RResult<(), FfiFault>,
    all_gather: unsafe extern "C" fn(*mut c_void, FfiTensor) -> RResult<FfiTensor, FfiFault>,
    #[sabi(last_prefix_field)]
    broadcast: unsafe extern "C" fn(*mut c_void, FfiTensor, u32) -> RResult<(), FfiFault>,
}

type Shared = Arc<dyn Services>;

// SAFETY: the context is an `Arc<dyn Services>`, and `Services` is `Send + Sync`.
unsafe impl Send for SharedServices {}
// SAFETY: as above; the functions take shared references only.
unsafe impl Sync for SharedServices {}

impl SharedServices {
    /// Wraps the host's services.
    #[must_use]
    pub fn new(services: Shared) -> Self {
        Self {
            context: Box::into_raw(Box::new(services)).cast(),
            table: TABLE,
        }
    }
}

impl Drop for SharedServices {
    fn drop(&mut self) {
        // SAFETY: `context` came from `new` on the side that owns `table`; dropped once.
        unsafe { self.table.release()(self.context) }
    }
}

impl Services for SharedServices {
    fn log(&self, level: LogLevel, message: &str) {
        // SAFETY: `context` belongs to `table` and lives until `Drop`.
        unsafe { self.table.log()(self.context, level as u8, message.into()) }
    }
    fn cancelled(&self) -> bool {
        // SAFETY: as in `log`.
        unsafe { self.table.cancelled()(self.context) }
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        // SAFETY: as in `log`.
        let result = unsafe { self.table.all_reduce()(self.context, tensor, reduce as u8) };
        result.into_result().map_err(Fault::from)
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        // SAFETY: as in `log`.
        let result = unsafe { self.table.all_gather()(self.context, tensor) };
        result.into_result().map_err(Fault::from)
    }
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        // SAFETY: as in `log`.
        let result = unsafe { self.table.broadcast()(self.context, tensor, root as u32) };
        result.into_result().map_err(Fault::from)
    }
}

/// The services behind a context made by [`SharedServices::new`].
///
/// # Safety
/// `context` was made there and not released yet.
unsafe fn services<'a>(context: *mut c_void) -> &'a Shared {
    // SAFETY: the caller's promise.
    unsafe { &*context.cast::<Shared>() }
}

/// Runs a service; a panic of the host's own becomes a fault instead of crossing.
fn guarded<T>(run: impl FnOnce() -> Result<T, Fault>) -> RResult<T, FfiFault> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Fault::new(FaultKind::Collective, "a host service panicked")));
    result.map_err(FfiFault::from).into()
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: made by `Box::into_raw` in `new`; called once, by `Drop`.
    drop(unsafe { Box::from_raw(context.cast::<Shared>()) });
}

unsafe extern "C" fn log(context: *mut c_void, level: u8, message: RStr<'_>) {
    let level = match level {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        _ => LogLevel::Warn,
    };
    let _logged = guarded(|| {
        // SAFETY: called through the table with its own context.
        unsafe { services(context) }.log(level, message.as_str());
        Ok(())
    });
}

unsafe extern "C" fn cancelled(context: *mut c_void) -> bool {
    // SAFETY: called through the table with its own context.
    guarded(|| Ok(unsafe { services(context) }.cancelled())).unwrap_or(true)
}

unsafe extern "C" fn all_reduce(
    context: *mut c_void,
    tensor: FfiTensor,
    reduce: u8,
) -> RResult<(), FfiFault> {
    let reduce = if reduce == Reduce::Max as u8 {
        Reduce::Max
    } else {
        Reduce::Sum
    };
    // SAFETY: called through the table with its own context.
    guarded(|| unsafe { services(context) }.all_reduce(tensor, reduce))
}

unsafe extern "C" fn all_gather(
    context: *mut c_void,
    tensor: FfiTensor,
) -> RResult<FfiTensor, FfiFault> {
    // SAFETY: called through the table with its own context.
    guarded(|| unsafe { services(context) }.all_gather(tensor))
}

unsafe extern "C" fn broadcast(
    context: *mut c_void,
    tensor: FfiTensor,
    root: u32,
) -> RResult<(), FfiFault> {
    // SAFETY: called through the table with its own context.
    guarded(|| unsafe { services(context) }.broadcast(tensor, root as usize))
}

const TABLE: ServicesTableRef = {
    const VALUE: ServicesTable = ServicesTable {
        release,
        log,
        cancelled,
        all_reduce,
        all_gather,
        broadcast,
    };
    const WITH_META: &abi_stable::prefix_type::WithMetadata<ServicesTable> =
        &abi_stable::prefix_type::WithMetadata::new(VALUE);
    ServicesTableRef(WITH_META.static_as_prefix())
};
