//! What the host offers a framework: log, cancellation, collectives.

#![expect(
    unsafe_code,
    reason = "services cross as a pointer with a table of functions"
)]

use crate::abi::{Code, ServicesTable, Sink, Str, answer, read_sized};
use crate::fault::{Fault, FaultKind};
use crate::tensor::{FfiTensor, Lent, Managed};
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

/// The services as a plugin sees them; may be kept for as long as anyone likes.
pub struct SharedServices {
    table: ServicesTable,
}

type Shared = Arc<dyn Services>;

// SAFETY: the header lets any thread call the services' functions.
unsafe impl Send for SharedServices {}
// SAFETY: as above.
unsafe impl Sync for SharedServices {}

impl SharedServices {
    /// Wraps the host's services.
    #[must_use]
    pub fn new(services: Shared) -> Self {
        Self {
            table: ServicesTable {
                size: size_of::<ServicesTable>() as u64,
                context: Arc::into_raw(Arc::new(services)).cast_mut().cast(),
                retain: Some(retain),
                release: Some(release),
                log: Some(log),
                cancelled: Some(cancelled),
                all_reduce: Some(all_reduce),
                all_gather: Some(all_gather),
                broadcast: Some(broadcast),
            },
        }
    }

    /// The table to hand to a plugin, valid as long as `self` stays where it is.
    pub(crate) const fn table(&self) -> *const ServicesTable {
        &raw const self.table
    }

    /// Shares the services behind a host's table.
    ///
    /// # Safety
    /// `table` is a host's, whose context is alive now.
    pub(crate) unsafe fn from_table(table: *const ServicesTable) -> Result<Self, Fault> {
        if table.is_null() {
            return Err(Fault::unsupported(
                "expected the host's services, found none",
            ));
        }
        // SAFETY: the caller's promise.
        let table = unsafe { read_sized(table) };
        match (table.retain, table.release) {
            (Some(retain), Some(_)) => {
                // SAFETY: the table's own context, alive by the caller's promise.
                unsafe { retain(table.context) };
                Ok(Self { table })
            }
            _ => Err(absent("retain")),
        }
    }
}

fn absent(function: &str) -> Fault {
    Fault::unsupported(format!(
        "expected a host with the service `{function}`, found one without it"
    ))
}

impl Drop for SharedServices {
    fn drop(&mut self) {
        if let Some(release) = self.table.release {
            // SAFETY: gives back what `new` or `retain` took; dropped once.
            unsafe { release(self.table.context) }
        }
    }
}

/// Calls a function of the table with its own context.
macro_rules! call {
    ($self:ident . $name:ident ( $($arg:expr),* )) => {{
        let function = $self.table.$name.ok_or_else(|| absent(stringify!($name)))?;
        // SAFETY: the context belongs to the table and lives until `Drop`; tensors pass to the callee.
        answer(|error| unsafe { function($self.table.context $(, $arg)*, error) })
    }};
}

impl Services for SharedServices {
    fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = self.table.log {
            // SAFETY: the context belongs to the table and lives until `Drop`.
            unsafe { log(self.table.context, level as u32, Str::new(message)) }
        }
    }
    fn cancelled(&self) -> bool {
        self.table
            .cancelled
            // SAFETY: as in `log`.
            .is_some_and(|cancelled| unsafe { cancelled(self.table.context) } != 0)
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        call!(self.all_reduce(tensor.into_raw().cast(), reduce as u32))
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        let mut gathered = std::ptr::null_mut();
        call!(self.all_gather(tensor.into_raw().cast(), &raw mut gathered))?;
        // SAFETY: what the host put there passes to us.
        let gathered = unsafe { FfiTensor::from_raw(gathered.cast()) };
        gathered
            .ok_or_else(|| Fault::new(FaultKind::Collective, "expected a tensor, found none"))?
            .received(Lent::Refused)
    }
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        call!(self.broadcast(tensor.into_raw().cast(), root as u32))
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
fn contained<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(Fault::new(FaultKind::Collective, "a host service panicked")))
}

/// Runs a collective on a tensor that a plugin handed over.
///
/// # Safety
/// The tensor's ownership passes; `error` is the plugin's sink, inside its call.
unsafe fn collective(
    tensor: *mut Managed,
    error: Sink,
    run: impl FnOnce(FfiTensor) -> Result<(), Fault>,
) -> Code {
    // SAFETY: the caller's promise.
    let tensor = unsafe { FfiTensor::from_raw(tensor.cast()) };
    let result = contained(|| {
        let tensor = tensor.ok_or_else(|| Fault::shape("expected a tensor, found none"))?;
        run(tensor.received(Lent::Refused)?)
    });
    match result {
        Ok(()) => 0,
        Err(fault) => {
            // SAFETY: the caller's promise.
            unsafe { error.put(&fault.message) };
            fault.kind as Code
        }
    }
}

unsafe extern "C" fn retain(context: *mut c_void) {
    // SAFETY: made by `Arc::into_raw` in `new`, and alive, because its caller shares it.
    unsafe { Arc::increment_strong_count(context.cast::<Shared>()) }
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: as in `retain`; called once for `new` and once for each `retain`.
    unsafe { Arc::decrement_strong_count(context.cast::<Shared>()) }
}

unsafe extern "C" fn log(context: *mut c_void, level: u32, message: Str) {
    let level = match level {
        0 => LogLevel::Debug,
        1 => LogLevel::Info,
        _ => LogLevel::Warn,
    };
    let _logged = contained(|| {
        // SAFETY: called through the table with its own context, inside the plugin's call.
        unsafe { services(context).log(level, &message.read()) };
        Ok(())
    });
}

unsafe extern "C" fn cancelled(context: *mut c_void) -> u32 {
    // SAFETY: called through the table with its own context.
    let asked = contained(|| Ok(unsafe { services(context) }.cancelled()));
    asked.unwrap_or(true).into()
}

unsafe extern "C" fn all_reduce(
    context: *mut c_void,
    tensor: *mut Managed,
    reduce: u32,
    error: Sink,
) -> Code {
    let run = |tensor| {
        let reduce = [Reduce::Sum, Reduce::Max]
            .into_iter()
            .find(|known| *known as u32 == reduce)
            .ok_or_else(|| {
                Fault::unsupported(format!("expected a reduction 0 or 1, found {reduce}"))
            })?;
        // SAFETY: called through the table with its own context.
        unsafe { services(context) }.all_reduce(tensor, reduce)
    };
    // SAFETY: called as the header says.
    unsafe { collective(tensor, error, run) }
}

unsafe extern "C" fn all_gather(
    context: *mut c_void,
    tensor: *mut Managed,
    gathered: *mut *mut Managed,
    error: Sink,
) -> Code {
    let run = |tensor| {
        // SAFETY: called through the table with its own context; the place for the result is the
        // plugin's.
        unsafe {
            *gathered = services(context).all_gather(tensor)?.into_raw().cast();
        }
        Ok(())
    };
    // SAFETY: called as the header says.
    unsafe { collective(tensor, error, run) }
}

unsafe extern "C" fn broadcast(
    context: *mut c_void,
    tensor: *mut Managed,
    root: u32,
    error: Sink,
) -> Code {
    // SAFETY: called through the table with its own context.
    let run = |tensor| unsafe { services(context) }.broadcast(tensor, root as usize);
    // SAFETY: called as the header says.
    unsafe { collective(tensor, error, run) }
}
