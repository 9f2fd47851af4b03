//! Panic containment: every exported function runs through [`guarded`].

use super::{table, trail};
use crate::abi::{Code, Sink};
use crate::fault::{Fault, FaultKind};
use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;

thread_local! {
    /// How many guarded calls this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic inside one was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs a call of the plugin's. A fault goes into `error`, on one line; so does a panic, as
/// [`FaultKind::Panic`] with its message and place, which are not printed besides.
///
/// After a panic the instance may be half changed; the host drops it.
pub(super) fn guarded(
    call: &'static str,
    error: Sink,
    run: impl FnOnce() -> Result<(), Fault>,
) -> Code {
    let fault = match contained(run) {
        Ok(Ok(())) => return 0,
        Ok(Err(fault)) => fault,
        Err(message) => Fault::new(FaultKind::Panic, format!("panicked in {call}: {message}")),
    };
    #[expect(unsafe_code, reason = "the sink is the caller's")]
    // SAFETY: the caller's sink, inside its call.
    unsafe {
        error.put(&readable(&fault.message));
    }
    fault.kind as Code
}

/// What `run` gives, or the message and place of its panic.
pub(super) fn contained<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    keep_quiet();
    trail::clear();
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(DEPTH.get() - 1);
    result.map_err(|payload| {
        let text = readable(message(payload.as_ref()));
        // Its destructor could panic in turn.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(another);
        }
        match PLACE.take() {
            Some(place) => format!("{text}{place}"),
            None => text,
        }
    })
}

/// Panics inside a guarded call come back as faults; the hook notes their place and prints nothing.
/// Any other panic goes to the hook that was there before.
fn keep_quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                previous(info);
            } else {
                PLACE.set(info.location().map(whereabouts));
            }
        }));
    });
}

/// What the message says after its text: the author's line that led to the panic, where that is known,
/// and the place of the panic.
fn whereabouts(location: &Location<'_>) -> String {
    let frame = || {
        let trace = Backtrace::force_capture().to_string();
        trail::frame_of(table::crate_name()?, &trace)
    };
    let in_dependency = location.file() != file_name(location);
    let author = in_dependency.then(frame).flatten();
    match author.or_else(|| trail::led_to(location)) {
        Some(author) => format!(", {author} ({})", place(location)),
        None => format!(" ({})", place(location)),
    }
}

/// File and line.
fn place(location: &Location<'_>) -> String {
    format!("{}:{}", file_name(location), location.line())
}

/// The file; of a dependency from the crate's name on.
fn file_name<'a>(location: &Location<'a>) -> &'a str {
    let file = location.file();
    file.split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(file, |(_, inside)| inside)
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The message on one line, without the C++ frames that libtorch's exceptions carry and without
/// Rust's words around them.
fn readable(message: &str) -> String {
    // As it is, and as `Debug` escapes it.
    let frames = ["Exception raised from ", "frame #0: "];
    let end = frames
        .iter()
        .flat_map(|mark| [format!("\n{mark}"), format!("\\n{mark}")])
        .filter_map(|mark| message.find(&mark))
        .min();
    let cut = end.map_or(message, |end| &message[..end]);
    let cut = cut
        .strip_prefix("called `Result::unwrap()` on an `Err` value: Torch(\"")
        .map_or_else(
            || cut.to_owned(),
            |text| {
                format!(
                    "libtorch: {}",
                    text.trim_end_matches("\")").replace("\\n", "\n")
                )
            },
        );
    let lines = cut.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtorch_messages_lose_their_frames() {
        let frames = "Exception raised from meta at /pytorch/x.cpp:80 (most recent call first):\n\
                      frame #0: c10::Error::Error(...) + 0x80 (0x7f in libc10.so)\nframe #1: foo";
        let plain = format!("mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)\n{frames}");
        assert_eq!(
            readable(&plain),
            "mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)"
        );
        let unwrapped = format!("called `Result::unwrap()` on an `Err` value: Torch({plain:?})");
        assert_eq!(
            readable(&unwrapped),
            "libtorch: mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)"
        );
    }

    #[test]
    fn messages_keep_to_one_line() {
        assert_eq!(readable("one\n\n  two\n"), "one; two");
        assert_eq!(readable("as it is"), "as it is");
    }

    #[test]
    fn a_panic_comes_back_with_its_place() {
        let message = contained(|| panic!("of {}", 3)).expect_err("a panic");
        assert!(
            message.starts_with("of 3 (plugin-api/src/export/guard.rs:"),
            "{message}"
        );
    }
}
