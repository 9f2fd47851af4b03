//! Finding out what plugins contain without letting their code into this process.
//!
//! Opening a library runs its initialisers and its greeting. Each library is opened in a child of
//! its own, all of them side by side: one that dies, hangs or changes its process (locale, working
//! folder, floating-point mode) is refused by name, and the others never notice.

use super::registry::{Refused, Registry};
use super::search::{directories, libraries};
use crate::process::{Limits, answer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long all libraries together may take to say what they contain.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Memory that one library may ask for.
const MEMORY: u64 = 16 << 30;
/// Libraries that are opened at once.
const AT_ONCE: usize = 32;

/// The frameworks in the directories searched, with `program probe` (this program) doing the
/// opening; what has not answered within `limit` is refused.
#[must_use]
pub fn probe(program: &Path, given: &[PathBuf], limit: Duration) -> Registry {
    let mut registry = Registry::default();
    let mut paths = Vec::new();
    for directory in directories(given) {
        match libraries(&directory) {
            Ok(found) => paths.extend(found),
            Err(error) => registry.refuse_directory(&directory, &error),
        }
    }
    let deadline = Instant::now() + limit;
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<Registry>> = paths.iter().map(|_| Mutex::default()).collect();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(paths.len()) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let found = probe_one(program, path, left);
                    let place = paths.iter().position(|it| it == path);
                    if let Some(Ok(mut answer)) = place.map(|place| answers[place].lock()) {
                        *answer = found;
                    }
                }
            });
        }
    });
    for answer in answers {
        registry.merge(answer.into_inner().unwrap_or_default());
    }
    registry.sort();
    registry
}

/// What one library contains, or why it is refused.
#[must_use]
pub fn probe_one(program: &Path, library: &Path, limit: Duration) -> Registry {
    let mut command = Command::new(program);
    command.arg("probe").arg(library);
    let limits = Limits {
        total: Some(limit),
        memory: Some(MEMORY),
        ..Limits::default()
    };
    answer(command, limits).unwrap_or_else(|error| Registry {
        refused: vec![Refused {
            path: library.to_owned(),
            reason: format!(
                "{}: expected a plugin that says what it contains, found: {error}",
                library.display()
            ),
        }],
        ..Registry::default()
    })
}
