//! Text as it crosses: borrowed strings and sinks.

use crate::fault::{Fault, FaultKind};
use abi_stable::StableAbi;
use std::ffi::{c_char, c_void};

/// `ssl_str`: UTF-8, valid during the call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Str {
    data: *const c_char,
    len: u64,
}

impl Str {
    /// Borrows a string; whoever gets it must not use it after `text`'s life.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            data: text.as_ptr().cast(),
            len: text.len() as u64,
        }
    }

    /// The text, copied; bytes that are no UTF-8 are replaced.
    ///
    /// # Safety
    /// The data are readable over the length, or null.
    pub(crate) unsafe fn read(self) -> String {
        if self.data.is_null() {
            return String::new();
        }
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(self.data.cast(), self.len as usize) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// `ssl_sink`: where text goes; valid until the function that received it returns.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Sink {
    context: *mut c_void,
    put: Option<unsafe extern "C" fn(*mut c_void, Str)>,
}

/// Puts one text after another.
unsafe extern "C" fn append(context: *mut c_void, text: Str) {
    // SAFETY: made by `Sink::text`, whose string outlives the call that the sink is for.
    let (all, text) = unsafe { (&mut *context.cast::<String>(), text.read()) };
    all.push_str(&text);
}

/// Each text is an item.
unsafe extern "C" fn push(context: *mut c_void, text: Str) {
    // SAFETY: made by `Sink::list`, whose list outlives the call that the sink is for.
    unsafe { (*context.cast::<Vec<String>>()).push(text.read()) }
}

impl Sink {
    /// Collects one text.
    pub(crate) fn text(into: &mut String) -> Self {
        Self {
            context: std::ptr::from_mut(into).cast(),
            put: Some(append),
        }
    }

    /// Collects a list.
    pub(crate) fn list(into: &mut Vec<String>) -> Self {
        Self {
            context: std::ptr::from_mut(into).cast(),
            put: Some(push),
        }
    }

    /// Hands text over.
    ///
    /// # Safety
    /// The sink is the other side's, and the call that it was received in has not returned.
    pub(crate) unsafe fn put(self, text: &str) {
        if let Some(put) = self.put {
            // SAFETY: the caller's promise; the text lives over the call.
            unsafe { put(self.context, Str::new(text)) }
        }
    }
}

/// `ssl_fault`: 0, or the number of a [`FaultKind`].
pub type Code = i32;

/// Runs `call` with a sink for its error; what it says becomes a [`Fault`].
pub(crate) fn answer(call: impl FnOnce(Sink) -> Code) -> Result<(), Fault> {
    let mut message = String::new();
    match call(Sink::text(&mut message)) {
        0 => Ok(()),
        code => {
            if message.is_empty() {
                message = format!("a fault of kind {code} without a message");
            }
            Err(Fault::new(FaultKind::from_code(code), message))
        }
    }
}

/// [`answer`] of a call that gives text.
pub(crate) fn text(call: impl FnOnce(Sink, Sink) -> Code) -> Result<String, Fault> {
    let mut text = String::new();
    let sink = Sink::text(&mut text);
    answer(|error| call(sink, error))?;
    Ok(text)
}
