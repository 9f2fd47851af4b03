//! Panic containment: every exported function runs through [`guarded`].

use crate::fault::{Fault, FaultKind, FfiFault};
use crate::module::Answer;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a call of the plugin's; a panic becomes a [`FaultKind::Panic`] that carries its message.
///
/// After a panic the instance may be half changed; the host drops it.
pub(super) fn guarded<T>(call: &'static str, run: impl FnOnce() -> Result<T, Fault>) -> Answer<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|payload| {
            Err(Fault::new(
                FaultKind::Panic,
                format!("panicked in {call}: {}", message(payload.as_ref())),
            ))
        })
        .map_err(FfiFault::from)
        .into()
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
