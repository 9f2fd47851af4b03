//! Where the author of a plugin last called a building block: a panic happens deep inside a tensor
//! library, and without debug information there is no other way to say which line led there.

use std::cell::Cell;
use std::panic::Location;

thread_local! {
    /// The last call in the guarded call of this thread.
    static LAST: Cell<Option<Call>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Call {
    from: &'static Location<'static>,
    /// Whether it has not returned yet.
    open: bool,
}

/// A call that [`called`] noted; it is open until this is dropped.
pub struct Called {
    outermost: bool,
}

/// Notes where the building block that calls this was called from, until the result is dropped.
///
/// The block has to be `#[track_caller]` itself. Blocks inside blocks change nothing: what counts is
/// the line of the author's.
///
/// ```
/// #[track_caller]
/// fn doubled(x: f64) -> f64 {
///     let _call = ssl_plugin_api::export::called();
///     2.0 * x
/// }
/// assert_eq!(doubled(1.5), 3.0);
/// ```
#[track_caller]
pub fn called() -> Called {
    let outermost = LAST.get().is_none_or(|call| !call.open);
    if outermost {
        let from = Location::caller();
        LAST.set(Some(Call { from, open: true }));
    }
    Called { outermost }
}

impl Drop for Called {
    fn drop(&mut self) {
        if self.outermost
            && let Some(call) = LAST.get()
        {
            LAST.set(Some(Call {
                open: false,
                ..call
            }));
        }
    }
}

/// Forgets the call: another one of the host's begins.
pub(super) fn clear() {
    LAST.set(None);
}

/// The author's line that led to a panic at `panic`, in words; nothing when the panic is in that very
/// file, or no block was called before.
pub(super) fn led_to(panic: &Location<'_>) -> Option<String> {
    let Call { from, open } = LAST.get()?;
    if from.file() == panic.file() {
        return None;
    }
    let words = if open {
        "called from"
    } else {
        "after the call at"
    };
    Some(format!("{words} {}:{}", from.file(), from.line()))
}

/// The author's innermost frame in the text of a backtrace: file and line where the library has debug
/// information, else the function where it has symbols.
pub(super) fn frame_of(krate: &str, backtrace: &str) -> Option<String> {
    let mut lines = backtrace.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((number, name)) = line.split_once(": ") else {
            continue;
        };
        let own = name
            .trim_start_matches('<')
            .strip_prefix(krate)
            .is_some_and(|rest| rest.starts_with("::"));
        if number.parse::<u32>().is_err() || !own {
            continue;
        }
        let Some(place) = lines.peek().and_then(|next| next.strip_prefix("at ")) else {
            return Some(format!("called from `{name}`"));
        };
        // Without the column.
        let place = place.trim_start_matches("./");
        let (place, _) = place.rsplit_once(':')?;
        return Some(format!("called from {place}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn outer() -> Option<String> {
        let _call = called();
        helper()
    }

    /// A block's own helper, which does not pass its caller on.
    fn helper() -> Option<String> {
        inner()
    }

    #[track_caller]
    fn inner() -> Option<String> {
        let _call = called();
        led_to(elsewhere())
    }

    /// A place in another file.
    fn elsewhere() -> &'static Location<'static> {
        // The closure is called by the standard library.
        #[track_caller]
        fn here(_: ()) -> &'static Location<'static> {
            Location::caller()
        }
        std::iter::once(()).map(here).next().expect("a place")
    }

    #[test]
    fn a_call_is_named_while_it_is_open_and_as_the_last_one_afterwards() {
        clear();
        assert_eq!(led_to(elsewhere()), None);
        let line = line!() + 1;
        let inside = outer();
        let place = format!("plugin-api/src/export/trail.rs:{line}");
        assert_eq!(inside, Some(format!("called from {place}")));
        assert_eq!(
            led_to(elsewhere()),
            Some(format!("after the call at {place}"))
        );
        assert_eq!(led_to(Location::caller()), None, "the author's own panic");
        clear();
        assert_eq!(led_to(elsewhere()), None);
    }

    #[test]
    fn frames_are_those_of_the_authors_crate() {
        let trace = "   0: rust_begin_unwind\n             at /rustc/abc/std/src/panicking.rs:689:5\n   \
                     1: burn_tch::ops::matmul\n   2: <my_plugin::Mine as ssl_plugin_kit::framework::Framework>::loss\n\
                     \x20            at ./src/lib.rs:41:9\n   3: my_plugin_kit::run\n   4: my_plugin::entry\n";
        let found = |krate| frame_of(krate, trace);
        assert_eq!(
            found("my_plugin").as_deref(),
            Some("called from src/lib.rs:41")
        );
        let bare = "   0: burn::f\n   1: my_plugin::loss::mine\n   2: my_plugin::entry\n";
        assert_eq!(
            frame_of("my_plugin", bare).as_deref(),
            Some("called from `my_plugin::loss::mine`")
        );
        assert_eq!(
            frame_of("my_plugin", "   0: <unknown>\n   1: <unknown>\n"),
            None
        );
    }
}
