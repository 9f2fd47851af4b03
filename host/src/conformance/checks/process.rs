//! What work leaves of the process it runs in.
#![expect(unsafe_code, reason = "children are asked for by a system call")]

use super::load::silent;
use crate::conformance::capture::captured;
use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::snapshot::{Snapshot, draws_after};
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::verdict::{Broken, Verdict, broken, expect, holds};

inventory::submit! {
    Definition {
        id: "work-changes-nothing",
        group: Group::LifeCycle,
        level: 2,
        says: "Describing, creating and training leave the process as it was: libtorch's settings and seed, signals, folder, locale.",
        why: "The host's own random numbers and settings decide over its results; a plugin that seeds libtorch makes every framework's run the same run.",
        mend: "Draw from a generator of the instance, seeded from the run's seed, and restore whatever is switched.",
        run: Run::Framework(work_changes_nothing),
    }
}

inventory::submit! {
    Definition {
        id: "work-prints-nothing",
        group: Group::LifeCycle,
        level: 2,
        says: "Describing, creating and training write nothing to standard output.",
        why: "Standard output carries results, which programs read.",
        mend: "Use the service `log`, or give numbers as metrics of the step.",
        run: Run::Framework(work_prints_nothing),
    }
}

inventory::submit! {
    Definition {
        id: "no-process-is-left",
        group: Group::LifeCycle,
        level: 2,
        says: "Training starts no process that is still there afterwards.",
        why: "A forked copy of the host holds its memory, locks and files, and does its work twice.",
        mend: "Start no processes; use threads, and end them with the instance.",
        run: Run::Framework(no_process_is_left),
    }
}

/// What a run does with a framework, in short.
fn work(subject: &Subject) -> Result<(), Broken> {
    let plugin = subject.open()?;
    let mut session = Session::start(subject, &plugin)?;
    session.train(2)?;
    session.begin(LATE)?;
    session.train(2)?;
    session.saved()?;
    Ok(())
}

fn work_changes_nothing(subject: &Subject) -> Verdict {
    subject.open()?;
    // The first use of libtorch settles things of its own.
    let _ = draws_after(0, || {});
    let before = Snapshot::take();
    let mut result = Ok(());
    let one = draws_after(1, || result = work(subject));
    result?;
    if let Some(change) = Snapshot::take().change_since(&before) {
        return Err(broken(change));
    }
    let mut result = Ok(());
    let other = draws_after(2, || result = work(subject));
    result?;
    expect(one != other, || {
        "expected libtorch's own seed to stay the host's, found another one set: draws after the work do not depend \
         on the seed before it"
            .to_owned()
    })?;
    holds("the process is as it was")
}

fn work_prints_nothing(subject: &Subject) -> Verdict {
    let (done, out, error) = captured(|| work(subject))?;
    done?;
    silent("training", &out, &error)
}

fn no_process_is_left(subject: &Subject) -> Verdict {
    let own = std::process::id();
    let done = work(subject);
    if std::process::id() != own {
        // This is the copy that the plugin made; it has nothing to say.
        std::process::exit(0);
    }
    done?;
    // SAFETY: asks for any child, waits for none and takes no status.
    let child = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    expect(child == -1, || {
        "expected no process beside this one, found one that the plugin started".to_owned()
    })?;
    holds("there is no other process")
}
