//! How a worker ended, in words, with the author's line where Python's fault handler wrote one down.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// Bytes of the report that are looked at.
const MOST: u64 = 64 << 10;

const SIGNALS: [(i32, &str, &str); 7] = [
    (libc::SIGSEGV, "SIGSEGV", "a memory fault in native code"),
    (libc::SIGBUS, "SIGBUS", "a memory fault in native code"),
    (libc::SIGFPE, "SIGFPE", "an arithmetic fault in native code"),
    (
        libc::SIGILL,
        "SIGILL",
        "an instruction that this processor lacks",
    ),
    (libc::SIGABRT, "SIGABRT", "native code gave up"),
    (libc::SIGKILL, "SIGKILL", "often for lack of memory"),
    (libc::SIGTERM, "SIGTERM", "someone asked it to end"),
];

/// How a process ended.
pub fn words(status: ExitStatus) -> String {
    let Some(number) = status.signal() else {
        return format!("ended with exit code {}", status.code().unwrap_or_default());
    };
    match SIGNALS.iter().find(|(known, ..)| *known == number) {
        Some((_, name, meaning)) => {
            format!("was ended by signal {number} ({name}, {meaning})")
        }
        None => format!("was ended by signal {number}"),
    }
}

/// The author's innermost line in the report of Python's fault handler: ` in FILE:LINE (FUNCTION)`, or nothing.
pub fn place(report: &mut File) -> String {
    let mut text = Vec::new();
    let read = report
        .rewind()
        .and_then(|()| report.take(MOST).read_to_end(&mut text));
    match read {
        Ok(_) => line_of(&String::from_utf8_lossy(&text)),
        Err(_) => String::new(),
    }
}

/// Frames are `  File "/a/b.py", line 12 in loss`, innermost first.
fn line_of(report: &str) -> String {
    let frame = |line: &str| {
        let rest = line.trim().strip_prefix("File \"")?;
        let (file, rest) = rest.split_once("\", line ")?;
        let (number, function) = rest.split_once(" in ")?;
        let foreign = [
            "site-packages",
            "dist-packages",
            "/ssl_lottery/",
            "/lib/python3",
        ];
        let own = !file.starts_with('<') && !foreign.iter().any(|part| file.contains(part));
        own.then(|| format!(" in {file}:{number} ({function})"))
    };
    report.lines().find_map(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named() {
        let killed = words(ExitStatus::from_raw(libc::SIGKILL));
        assert!(
            killed.starts_with("was ended by signal 9 (SIGKILL"),
            "{killed}"
        );
        assert_eq!(
            words(ExitStatus::from_raw(3 << 8)),
            "ended with exit code 3"
        );
    }

    #[test]
    fn the_authors_line_is_the_innermost_that_is_not_a_librarys() {
        let report = "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  \
                      File \"/usr/lib/python3.11/ctypes/__init__.py\", line 515 in string_at\n  \
                      File \"/home/me/mine.py\", line 41 in loss\n  \
                      File \"/x/plugin-api/python/ssl_lottery/_running.py\", line 99 in step\n";
        assert_eq!(line_of(report), " in /home/me/mine.py:41 (loss)");
        assert_eq!(line_of("Fatal Python error: Aborted\n"), "");
    }
}
