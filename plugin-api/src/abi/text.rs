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

/// Most bytes of text that one call may put into a sink: descriptions take a few kilobytes.
const MOST_BYTES: usize = 16 << 20;
/// Most items that one call may put into a list.
const MOST_ITEMS: usize = 1 << 16;

/// What a sink has been given in one call. What passes a limit is counted, and not copied.
#[derive(Default)]
pub(super) struct Room {
    bytes: usize,
    items: usize,
}

impl Room {
    /// The text, unless there is more than one call may put.
    ///
    /// # Safety
    /// As [`Str::read`].
    unsafe fn read(&mut self, text: Str) -> Option<String> {
        self.bytes = self.bytes.saturating_add(text.len as usize);
        // SAFETY: the caller's promise.
        (self.bytes <= MOST_BYTES).then(|| unsafe { text.read() })
    }

    /// As [`Room::read`], for one item of a list.
    ///
    /// # Safety
    /// As [`Str::read`].
    pub(super) unsafe fn read_item(&mut self, text: Str) -> Option<String> {
        self.items += 1;
        // SAFETY: the caller's promise.
        let text = unsafe { self.read(text) };
        text.filter(|_| self.items <= MOST_ITEMS)
    }

    /// # Errors
    /// The limit that was passed, and by how much.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Self { bytes, items } = *self;
        if bytes > MOST_BYTES {
            return Err(Fault::internal(format!(
                "expected at most {MOST_BYTES} bytes of text from one call, found {bytes}"
            )));
        }
        if items > MOST_ITEMS {
            return Err(Fault::internal(format!(
                "expected at most {MOST_ITEMS} items from one call, found {items}"
            )));
        }
        Ok(())
    }
}

/// A text on its way through a sink.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    room: Room,
}

/// A list on its way through a sink.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Vec<String>,
    room: Room,
}

impl Lines {
    /// The list.
    ///
    /// # Errors
    /// More than one call may put.
    pub(crate) fn taken(self) -> Result<Vec<String>, Fault> {
        self.room.check()?;
        Ok(self.lines)
    }
}

/// Puts one text after another.
unsafe extern "C" fn append(context: *mut c_void, text: Str) {
    // SAFETY: made by `Sink::text`, whose text outlives the call that the sink is for.
    unsafe {
        let all = &mut *context.cast::<Text>();
        all.text.extend(all.room.read(text));
    }
}

/// Each text is an item.
unsafe extern "C" fn push(context: *mut c_void, text: Str) {
    // SAFETY: made by `Sink::list`, whose list outlives the call that the sink is for.
    unsafe {
        let all = &mut *context.cast::<Lines>();
        all.lines.extend(all.room.read_item(text));
    }
}

impl Sink {
    /// Collects one text.
    pub(crate) fn text(into: &mut Text) -> Self {
        Self {
            context: std::ptr::from_mut(into).cast(),
            put: Some(append),
        }
    }

    /// Collects a list.
    pub(crate) fn list(into: &mut Lines) -> Self {
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
    let mut error = Text::default();
    match call(Sink::text(&mut error)) {
        0 => Ok(()),
        code => {
            let mut message = error.text;
            if message.is_empty() {
                message = format!("a fault of kind {code} without a message");
            }
            if let Err(cut) = error.room.check() {
                message = format!("{message} (cut: {})", cut.message);
            }
            Err(Fault::new(FaultKind::from_code(code), message))
        }
    }
}

/// [`answer`] of a call that gives text.
pub(crate) fn text(call: impl FnOnce(Sink, Sink) -> Code) -> Result<String, Fault> {
    let mut all = Text::default();
    let sink = Sink::text(&mut all);
    answer(|error| call(sink, error))?;
    all.room.check()?;
    Ok(all.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts the same text so many times.
    fn put(sink: Sink, text: &str, times: usize) {
        for _ in 0..times {
            #[expect(unsafe_code, reason = "as a plugin puts text")]
            // SAFETY: the sink's text or list lives in the test.
            unsafe {
                sink.put(text);
            }
        }
    }

    #[test]
    fn a_text_without_end_is_refused_and_not_kept() {
        let megabyte = "x".repeat(1 << 20);
        let whole = text(|json, _| {
            put(json, &megabyte, 16);
            0
        });
        assert_eq!(whole.map(|text| text.len()), Ok(16 << 20));
        let fault = text(|json, _| {
            put(json, &megabyte, 1024);
            0
        });
        assert_eq!(
            fault.map_err(|fault| fault.message),
            Err(
                "expected at most 16777216 bytes of text from one call, found 1073741824"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_list_without_end_is_refused() {
        let list = |times| {
            let mut lines = Lines::default();
            put(Sink::list(&mut lines), "", times);
            lines.taken().map_err(|fault| fault.message)
        };
        assert_eq!(list(MOST_ITEMS).map(|lines| lines.len()), Ok(MOST_ITEMS));
        assert_eq!(
            list(MOST_ITEMS + 1),
            Err("expected at most 65536 items from one call, found 65537".to_owned())
        );
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let megabyte = "x".repeat(1 << 20);
        let fault = answer(|error| {
            put(error, "expected less", 1);
            put(error, &megabyte, 64);
            1
        });
        let fault = fault.expect_err("a fault");
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.message.starts_with("expected less"));
        let cut = " (cut: expected at most 16777216 bytes of text from one call, found 67108877)";
        assert!(fault.message.ends_with(cut));
    }
}
