//! Finding out what plugins contain without letting their code into this process.
//!
//! Opening a library runs its initialisers and its greeting. Each library is opened in a child of
//! its own, all of them side by side: one that dies, hangs or changes its process (locale, working
//! folder, floating-point mode) is refused by name, and the others never notice.

use super::registry::{Refused, Registry};
use super::search::{directories, libraries};
use crate::process::{Limits, NoAnswer, answer, fork_each, may_fork};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long all libraries together may take to say what they contain.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Memory that one library may ask for.
const MEMORY: u64 = 16 << 30;
/// Libraries that are opened at once.
const AT_ONCE: usize = 32;

/// The frameworks in the directories searched; what has not answered within `limit` is refused.
/// Children are forked from this process where that is possible, and else started as `program probe`
/// (`program` is this program).
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
    let mut found = if may_fork() {
        probe_forked(&paths, limit)
    } else {
        probe_started(program, &paths, limit)
    };
    // In the order of the search, as the first library with an id keeps it.
    for path in &paths {
        registry.merge(found.remove(path).unwrap_or_default());
    }
    registry.sort();
    registry
}

/// What each library contains, asked in children that are forked.
fn probe_forked(paths: &[PathBuf], limit: Duration) -> HashMap<PathBuf, Registry> {
    let deadline = Instant::now() + limit;
    let mut found = HashMap::new();
    let result = fork_each(
        paths,
        AT_ONCE,
        |_| limits(deadline.saturating_duration_since(Instant::now())),
        |path| Registry::open(path.to_path_buf()),
        |path, answer| {
            let answer = answer.unwrap_or_else(|error| refused(path, &error));
            found.insert(path.clone(), answer);
        },
    );
    if let Err(error) = result {
        let error = NoAnswer::from(error);
        for path in paths {
            found
                .entry(path.clone())
                .or_insert_with(|| refused(path, &error));
        }
    }
    found
}

/// What each library contains, asked in children that are started with `program probe`.
fn probe_started(program: &Path, paths: &[PathBuf], limit: Duration) -> HashMap<PathBuf, Registry> {
    let deadline = Instant::now() + limit;
    let next = AtomicUsize::new(0);
    let found = Mutex::new(HashMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(paths.len()) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let answer = probe_one(program, path, left);
                    found
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(path.clone(), answer);
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What one library contains, or why it is refused.
#[must_use]
pub fn probe_one(program: &Path, library: &Path, limit: Duration) -> Registry {
    let mut command = Command::new(program);
    command.arg("probe").arg(library);
    answer(command, limits(limit)).unwrap_or_else(|error| refused(library, &error))
}

fn limits(total: Duration) -> Limits {
    Limits {
        total: Some(total),
        memory: Some(MEMORY),
        ..Limits::default()
    }
}

fn refused(library: &Path, error: &NoAnswer) -> Registry {
    Registry {
        refused: vec![Refused {
            path: library.to_owned(),
            reason: format!(
                "{}: expected a plugin that says what it contains, found: {error}",
                library.display()
            ),
        }],
        ..Registry::default()
    }
}
