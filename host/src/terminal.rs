//! What is written for people. A pipe that nobody reads any more, a full disk behind it or a closed terminal
//! is no reason to end: records and reports are in files.

use std::fmt;
use std::io::Write;

/// As `print!`, whatever becomes of the text.
macro_rules! out {
    ($($text:tt)*) => {
        $crate::terminal::write(&mut ::std::io::stdout().lock(), ::std::format_args!($($text)*))
    };
}

/// As `println!`, whatever becomes of the text.
macro_rules! outln {
    ($format:literal $($text:tt)*) => {
        $crate::terminal::out!("{}\n", ::std::format_args!($format $($text)*))
    };
}

/// As `eprintln!`, whatever becomes of the text.
macro_rules! errln {
    ($format:literal $($text:tt)*) => {
        $crate::terminal::write(
            &mut ::std::io::stderr().lock(),
            ::std::format_args!("{}\n", ::std::format_args!($format $($text)*)),
        )
    };
}

pub(crate) use {errln, out, outln};

/// The longest text of others that is shown, in characters.
const LONGEST: usize = 2000;

/// Text of others, such as a plugin's message, on one line of bounded length and without what a terminal
/// obeys.
pub(crate) fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut plain: String = spaced.take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push_str(" …");
    }
    plain
}

/// An error and its causes, each that says something new, with colons between.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
    }
    text
}

/// Writes the text; what cannot be written is lost.
pub(crate) fn write(stream: &mut dyn Write, text: fmt::Arguments<'_>) {
    let _ = stream.write_fmt(text).and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_an_error_unless_it_has_said_them() {
        #[derive(Debug, thiserror::Error)]
        #[error("failed to open a{0}")]
        struct Outer(&'static str, #[source] std::io::Error);
        let full = || std::io::Error::other("disk full");
        assert_eq!(
            with_causes(&Outer("", full())),
            "failed to open a: disk full"
        );
        let told = Outer(": disk full", full());
        assert_eq!(with_causes(&told), "failed to open a: disk full");
    }

    #[test]
    fn text_of_others_is_short_and_harmless() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
        let long = plain(&"é".repeat(1 << 20));
        assert_eq!(long.chars().count(), LONGEST + 2);
        assert_eq!(plain(&"x".repeat(LONGEST)).len(), LONGEST);
    }
}
