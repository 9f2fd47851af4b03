//! Opening a library.

use crate::conformance::capture::captured;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::snapshot::{Snapshot, draws_after};
use crate::conformance::subject::Library;
use crate::conformance::verdict::{Verdict, broken, expect, holds, warning};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest that opening may take.
const LONGEST: Duration = Duration::from_secs(5);

inventory::submit! {
    Definition {
        id: "symbols-resolve",
        group: Group::Load,
        level: 1,
        says: "The library refers to no symbol that is missing.",
        why: "A library opens although a function is missing, and its process dies when the function is first called, perhaps days into a run.",
        mend: "Link the library that defines the symbol, or build against the libtorch of this host.",
        run: Run::Library(symbols_resolve),
    }
}

inventory::submit! {
    Definition {
        id: "opens-in-time",
        group: Group::Load,
        level: 1,
        says: "The library opens and says what it contains within five seconds.",
        why: "Every command opens every library that it finds.",
        mend: "Do work when a framework is created, not in constructors of static objects or in the greeting.",
        run: Run::Library(opens_in_time),
    }
}

inventory::submit! {
    Definition {
        id: "one-libtorch",
        group: Group::Load,
        level: 1,
        says: "Opening the library brings no second libtorch into the process.",
        why: "Two libtorches in a process have two sets of types, generators and threads, and crash when they meet.",
        mend: "Build with LIBTORCH set to the host's, link dynamically, and bundle none.",
        run: Run::Library(one_libtorch),
    }
}

inventory::submit! {
    Definition {
        id: "loading-changes-nothing",
        group: Group::Load,
        level: 1,
        says: "Opening the library leaves the process as it was: libtorch's settings and seed, signals, folder, locale, environment.",
        why: "Whatever belongs to the process is shared with the host, whose results would change with it.",
        mend: "Set nothing process-wide; keep generators and settings in the instance.",
        run: Run::Library(loading_changes_nothing),
    }
}

inventory::submit! {
    Definition {
        id: "loading-prints-nothing",
        group: Group::Load,
        level: 1,
        says: "Opening the library writes nothing to standard output.",
        why: "Standard output carries results, which programs read.",
        mend: "Use the service `log`, which the host shows where it belongs.",
        run: Run::Library(loading_prints_nothing),
    }
}

inventory::submit! {
    Definition {
        id: "nothing-is-refused",
        group: Group::Load,
        level: 1,
        says: "The library offers every framework that it was asked for.",
        why: "A framework that is left out is never checked, and a certificate of the others would pass for its own.",
        mend: "Mend what the message names, or do not ask for that framework (`SSL_LOTTERY_FRAMEWORKS`, entry points of installed packages).",
        run: Run::Library(nothing_is_refused),
    }
}

fn symbols_resolve(library: &Library) -> Verdict {
    open_now(&library.path)
        .map_err(|found| broken(format!("expected every symbol to be there, found: {found}")))?;
    holds("every symbol is there")
}

#[expect(unsafe_code, reason = "opens the library, which the check is about")]
fn open_now(path: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    use std::error::Error as _;
    // SAFETY: opening runs the library's initialisers; the user named it as a plugin.
    match unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) } {
        Ok(library) => {
            // Plugins stay open until their process ends.
            std::mem::forget(library);
            Ok(())
        }
        Err(error) => Err(error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string)),
    }
}

fn opens_in_time(library: &Library) -> Verdict {
    let started = Instant::now();
    library.open()?;
    let took = started.elapsed();
    let text = format!("it opened in {:.2} s", took.as_secs_f64());
    expect(took <= LONGEST, || {
        format!(
            "expected it to open within {} s, found {:.1} s",
            LONGEST.as_secs(),
            took.as_secs_f64()
        )
    })?;
    if took > LONGEST / 2 {
        return warning(text);
    }
    holds(text)
}

fn one_libtorch(library: &Library) -> Verdict {
    let before = libtorches()?;
    library.open()?;
    let after = libtorches()?;
    let new: Vec<&str> = after.difference(&before).map(String::as_str).collect();
    expect(new.is_empty(), || {
        let first = before.first().map_or("none", |path| path);
        format!(
            "expected the host's libtorch alone ({first}), found also {}",
            new.join(", ")
        )
    })?;
    holds("the host's libtorch is the only one")
}

/// The files of libtorch that are mapped into this process.
fn libtorches() -> std::io::Result<BTreeSet<String>> {
    // Any call keeps the linker from leaving libtorch out.
    let _ = tch::get_num_threads();
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let files = maps
        .lines()
        .filter_map(|line| Some(&line[line.find('/')?..]));
    let is_libtorch = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        let name = name.split(['.', '-']).next().unwrap_or_default();
        ["libtorch", "libtorch_cpu", "libc10"].contains(&name)
    };
    Ok(files.filter(is_libtorch).map(str::to_owned).collect())
}

fn loading_changes_nothing(library: &Library) -> Verdict {
    let untouched = draws_after(1, || {});
    let before = Snapshot::take();
    let mut opened = Ok(());
    let drawn = draws_after(1, || opened = library.open().map(|_| ()));
    opened?;
    if let Some(change) = Snapshot::take().change_since(&before) {
        return Err(broken(change));
    }
    expect(drawn == untouched, || {
        "expected libtorch's own generator to stay as it is, found it drawn from or seeded"
            .to_owned()
    })?;
    holds("the process is as it was")
}

fn nothing_is_refused(library: &Library) -> Verdict {
    let plugin = library.open()?;
    let refused = &plugin.hello().refused;
    expect(refused.is_empty(), || {
        format!(
            "expected every framework that was asked for, found {} refused: {}",
            refused.len(),
            refused.join("; ")
        )
    })?;
    holds("every framework that was asked for is offered")
}

fn loading_prints_nothing(library: &Library) -> Verdict {
    let (opened, out, error) = captured(|| library.open().map(|_| ()))?;
    opened?;
    silent("opening the library", &out, &error)
}

/// The verdict on what was written meanwhile.
pub(super) fn silent(doing: &str, out: &str, error: &str) -> Verdict {
    let first = |text: &str| -> String {
        let line = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        line.chars().filter(|c| !c.is_control()).take(80).collect()
    };
    expect(out.is_empty(), || {
        format!(
            "expected {doing} to write nothing to standard output, found {} bytes: {}",
            out.len(),
            first(out)
        )
    })?;
    if error.is_empty() {
        holds("nothing was written")
    } else {
        warning(format!(
            "{doing} writes to standard error: {}",
            first(error)
        ))
    }
}
