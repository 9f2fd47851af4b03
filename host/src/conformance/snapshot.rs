//! What belongs to the whole process and no plugin may change.
#![cfg_attr(
    unix,
    expect(
        unsafe_code,
        reason = "signals, locale and file modes are asked for in C"
    )
)]

use std::ffi::CStr;
use std::hint::black_box;
use tch::{Kind, Tensor};

/// Signals that are looked at: all but the real-time ones.
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=31;

/// What the process is like, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Vec<(&'static str, String)>);

impl Snapshot {
    /// What the process is like now.
    #[must_use]
    pub fn take() -> Self {
        let whole = Tensor::from_slice(&[1_i64]);
        let leaf = Tensor::from_slice(&[1.0_f32]).set_requires_grad(true);
        let tiny = black_box(f64::MIN_POSITIVE) / black_box(2.0);
        let third = black_box(1.0_f64) / black_box(3.0);
        let mut environment: Vec<_> = std::env::vars_os().collect();
        environment.sort();
        Self(vec![
            (
                "libtorch's default type",
                format!("{:?}", whole.true_divide(&whole).kind()),
            ),
            (
                "libtorch's gradient mode",
                (&leaf * 2.0).requires_grad().to_string(),
            ),
            (
                "libtorch's number of threads",
                tch::get_num_threads().to_string(),
            ),
            (
                "libtorch's number of threads between operations",
                tch::get_num_interop_threads().to_string(),
            ),
            (
                "the working folder",
                format!("{:?}", std::env::current_dir()),
            ),
            ("the environment", format!("{environment:?}")),
            ("the locale", locale()),
            ("the mode of new files", mode()),
            ("the handlers of signals", handlers()),
            ("floating-point rounding", format!("{:x}", third.to_bits())),
            (
                "tiny floating-point numbers",
                format!("{:x}", tiny.to_bits()),
            ),
            ("standard output", stdout()),
        ])
    }

    /// What differs from an earlier one, in words; nothing where nothing does.
    #[must_use]
    pub fn change_since(&self, before: &Self) -> Option<String> {
        let pairs = before.0.iter().zip(&self.0);
        let changed: Vec<String> = pairs
            .filter(|(old, new)| old != new)
            .map(|((name, old), (_, new))| {
                let short = |text: &str| text.chars().take(60).collect::<String>();
                format!(
                    "expected {name} to stay {}, found {}",
                    short(old),
                    short(new)
                )
            })
            .collect();
        (!changed.is_empty()).then(|| changed.join("; "))
    }
}

/// Four numbers of libtorch's own generator after `work`, which starts with this seed.
pub fn draws_after(seed: i64, work: impl FnOnce()) -> Vec<f64> {
    tch::manual_seed(seed);
    work();
    let drawn = Tensor::rand([4], tch::kind::FLOAT_CPU).to_kind(Kind::Double);
    Vec::try_from(drawn).unwrap_or_default()
}

#[cfg(unix)]
fn locale() -> String {
    // SAFETY: a null pointer asks for the locale, whose text lives until the next call.
    unsafe {
        let text = libc::setlocale(libc::LC_ALL, std::ptr::null());
        if text.is_null() {
            return String::new();
        }
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

#[cfg(unix)]
fn mode() -> String {
    // SAFETY: takes and gives a number; the old one is put back at once.
    let mask = unsafe {
        let mask = libc::umask(0o022);
        libc::umask(mask);
        mask
    };
    format!("{mask:o}")
}

#[cfg(unix)]
fn handlers() -> String {
    let mut text = String::new();
    for signal in SIGNALS {
        // SAFETY: the place for the old handler is whole and lives through the call; a null pointer
        // says that no new one is set.
        let handler = unsafe {
            let mut old: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut old);
            old.sa_sigaction
        };
        if handler != libc::SIG_DFL {
            text.push_str(&format!("{signal}:{handler:x} "));
        }
    }
    text
}

#[cfg(unix)]
fn stdout() -> String {
    // SAFETY: the place for the answer is whole and lives through the call.
    unsafe {
        let mut about: libc::stat = std::mem::zeroed();
        libc::fstat(1, &raw mut about);
        format!("file {} of device {}", about.st_ino, about.st_dev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_by_looking_and_a_change_is_named() {
        let before = Snapshot::take();
        assert_eq!(Snapshot::take().change_since(&before), None);
        let mut after = Snapshot::take();
        after.0[6].1 = "de_DE".to_owned();
        let told = after.change_since(&before).expect("a change");
        assert!(told.starts_with("expected the locale to stay"), "{told}");
        assert!(told.ends_with("found de_DE"), "{told}");
    }
}
