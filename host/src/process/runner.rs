//! One child from its start to its end.

use super::memory_bound::Bounded;
use super::{group, lines};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often limits and the wish to stop are looked at.
const TICK: Duration = Duration::from_millis(100);
/// What counts at most of the time between two looks: a process that was stopped has not looked.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// How long a child that was asked to stop may take to write its checkpoint.
const GRACE: Duration = Duration::from_secs(60);
/// How long what a child said last is waited for after its end: whoever left its group may hold the
/// pipe for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Lines that wait for the listener; a child that writes faster waits.
const WAITING: usize = 1024;
/// Lines of standard error that are kept where it goes to no file.
const KEPT: usize = 8;

/// What a child may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Without a line on its standard output.
    pub stall: Option<Duration>,
    /// In all.
    pub total: Option<Duration>,
    /// Bytes of memory.
    pub memory: Option<u64>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, or by a signal that was not ours.
    Exited(ExitStatus),
    /// It was killed after giving no sign of life.
    Stalled,
    /// It was killed after taking too long in all.
    TookTooLong,
    /// It was asked to stop, did not in time, and was killed.
    DidNotStop,
    /// It was killed by the system because it had no more memory within its limit.
    OutOfMemory,
}

/// Where standard error goes.
#[derive(Debug)]
pub enum Errors<'a> {
    /// To a file.
    File(File),
    /// Nowhere, but for its last lines.
    Last(&'a mut Vec<String>),
}

/// Runs `command` to its end; `hear` gets the lines of its standard output. When `stop` says so, its
/// standard input is closed: the sign to write a checkpoint and end. Without `stop` it has no input.
/// What the child has started and left behind is ended with it.
///
/// # Errors
/// When the child cannot be started or waited for.
pub fn run(
    mut command: Command,
    errors: Errors<'_>,
    limits: Limits,
    stop: Option<&dyn Fn() -> bool>,
    hear: &mut dyn FnMut(String),
) -> io::Result<Ended> {
    let (stderr, last) = match errors {
        Errors::File(file) => (Stdio::from(file), None),
        Errors::Last(last) => (Stdio::piped(), Some(last)),
    };
    let mut bounded = limits.memory.map(Bounded::to);
    group::lead(&mut command);
    let mut child = command
        .stdin(stop.map_or_else(Stdio::null, |_| Stdio::piped()))
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()?;
    let output = listen(child.stdout.take());
    let said = Arc::default();
    let reader = read_last(child.stderr.take(), &said);
    let held = bounded.as_mut().map_or(Ok(()), |it| it.hold(&child));
    let ended = held.and_then(|()| watch(&mut child, &output, limits, stop, hear));
    if !matches!(ended, Ok(Ended::Exited(_))) {
        group::kill(&child);
        child.wait()?;
    }
    if group::kill(&child) {
        tracing::debug!(
            "process {} left others behind, which were ended",
            child.id()
        );
    }
    let deadline = Instant::now() + LAST_WORDS;
    while let Ok(line) = output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        hear(line);
        if Instant::now() > deadline {
            break;
        }
    }
    while !reader.is_finished() && Instant::now() < deadline {
        thread::sleep(TICK / 20);
    }
    if let Some(last) = last {
        last.extend(lock(&said).drain(..));
    }
    match ended {
        Ok(Ended::Exited(status)) if !status.success() => Ok(match bounded {
            Some(bounded) if bounded.ran_out() => Ended::OutOfMemory,
            _ => Ended::Exited(status),
        }),
        other => other,
    }
}

fn watch(
    child: &mut Child,
    output: &Receiver<String>,
    limits: Limits,
    stop: Option<&dyn Fn() -> bool>,
    hear: &mut dyn FnMut(String),
) -> io::Result<Ended> {
    let mut times = Times::default();
    let mut last = Instant::now();
    let mut asked: Option<Instant> = None;
    let past = |time: Duration, limit: Option<Duration>| limit.is_some_and(|limit| time > limit);
    loop {
        match output.recv_timeout(TICK) {
            Ok(line) => {
                times.silent = Duration::ZERO;
                hear(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Standard output is closed: the child has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK / 10),
        }
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Exited(status));
        }
        let now = Instant::now();
        times.pass(now.duration_since(last), || group::is_stopped(child));
        last = now;
        if asked.is_none() && stop.is_some_and(|stop| stop()) {
            drop(child.stdin.take());
            asked = Some(Instant::now());
        }
        if asked.is_some_and(|asked| asked.elapsed() > GRACE) {
            return Ok(Ended::DidNotStop);
        }
        if past(times.silent, limits.stall) {
            return Ok(Ended::Stalled);
        }
        if past(times.total, limits.total) {
            return Ok(Ended::TookTooLong);
        }
    }
}

/// Time in which the child could work, and in which this process could hear it.
#[derive(Debug, Default, PartialEq)]
struct Times {
    /// Since its last line.
    silent: Duration,
    /// In all.
    total: Duration,
}

impl Times {
    /// Time goes by. A long gap between two looks means that this process was stopped, and a child may
    /// be stopped too: neither counts.
    fn pass(&mut self, time: Duration, child_is_stopped: impl FnOnce() -> bool) {
        let time = time.min(LONGEST_LOOK);
        // Only asked where it matters: it reads a file.
        if self.silent > TICK && child_is_stopped() {
            return;
        }
        self.silent += time;
        self.total += time;
    }
}

/// Reads lines on a thread of its own, which ends with the pipe or with the receiver.
fn listen(pipe: Option<impl io::Read + Send + 'static>) -> Receiver<String> {
    let (sender, heard) = sync_channel(WAITING);
    if let Some(pipe) = pipe {
        thread::spawn(move || lines::each(pipe, |line| sender.send(line).is_ok()));
    }
    heard
}

/// Keeps the last lines of a pipe, on a thread of its own, which ends with the pipe.
fn read_last(
    pipe: Option<impl io::Read + Send + 'static>,
    said: &Arc<Mutex<VecDeque<String>>>,
) -> JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        let Some(pipe) = pipe else { return };
        lines::each(pipe, |line| {
            if !line.trim().is_empty() {
                let mut said = lock(&said);
                if said.len() == KEPT {
                    said.pop_front();
                }
                said.push_back(line);
            }
            // Whoever has left the child's group may write for ever, and nobody listens any more.
            Arc::strong_count(&said) > 1
        });
    })
}

fn lock(said: &Mutex<VecDeque<String>>) -> MutexGuard<'_, VecDeque<String>> {
    // A panic elsewhere leaves a list that is still whole.
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::process::signal;

    const LONG: Limits = Limits {
        stall: None,
        total: Some(Duration::from_secs(120)),
        memory: None,
    };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn watched(script: &str, limits: Limits, stop: bool) -> (Ended, Vec<String>, Vec<String>) {
        let (mut out, mut last) = (Vec::new(), Vec::new());
        let errors = Errors::Last(&mut last);
        let ended = run(shell(script), errors, limits, Some(&|| stop), &mut |line| {
            out.push(line)
        });
        (ended.unwrap(), out, last)
    }

    #[test]
    fn lines_are_heard_in_order_and_the_last_errors_kept() {
        let script = "echo a; echo b; seq 1 200000 >&2; printf c; exit 3";
        let (ended, out, last) = watched(script, LONG, false);
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(3)));
        assert_eq!(out, ["a", "b", "c"]);
        assert_eq!(last.last().unwrap(), "200000");
        assert_eq!(last.len(), KEPT);
    }

    #[test]
    fn a_silent_child_is_ended() {
        let stall = Limits {
            stall: Some(Duration::from_millis(300)),
            ..LONG
        };
        assert_eq!(watched("sleep 600", stall, false).0, Ended::Stalled);
        let total = Limits {
            total: Some(Duration::from_millis(300)),
            ..LONG
        };
        let talking = "while true; do echo .; done";
        assert_eq!(watched(talking, total, false).0, Ended::TookTooLong);
    }

    #[test]
    fn time_while_somebody_is_stopped_does_not_count() {
        let mut times = Times::default();
        for _ in 0..20 {
            times.pass(TICK, || false);
        }
        assert_eq!((times.silent, times.total), (20 * TICK, 20 * TICK));
        // The child was stopped for an hour, then this process was.
        for _ in 0..36_000 {
            times.pass(TICK, || true);
        }
        assert_eq!(times.silent, 20 * TICK);
        times.pass(Duration::from_secs(3600), || false);
        assert!(times.silent <= 20 * TICK + LONGEST_LOOK, "{times:?}");
    }

    #[test]
    fn a_stopped_child_is_seen_as_such() {
        let mut child = shell("kill -STOP $$").spawn().unwrap();
        let begun = Instant::now();
        while !group::is_stopped(&child) {
            assert!(begun.elapsed() < Duration::from_secs(60), "never stopped");
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!group::is_stopped(&child));
    }

    #[test]
    fn a_child_that_is_to_stop_sees_its_input_close() {
        let (ended, ..) = watched("cat; exit 75", LONG, true);
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(75)));
    }

    #[test]
    fn what_a_child_leaves_behind_ends_with_it() {
        let (ended, out, _) = watched("sleep 600 & echo $!", LONG, false);
        assert!(matches!(ended, Ended::Exited(status) if status.success()));
        let process = format!("/proc/{}/stat", out[0]);
        let gone = || match std::fs::read_to_string(&process) {
            // Dead, and only waits for its new parent.
            Ok(stat) => stat.contains(") Z"),
            Err(_) => true,
        };
        let begun = Instant::now();
        while !gone() && begun.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(gone(), "{process}");
    }

    #[test]
    fn who_leaves_the_group_holds_nobody_up() {
        let script = "setsid sleep 30 & exit 0";
        let begun = Instant::now();
        let (ended, ..) = watched(script, LONG, false);
        assert!(matches!(ended, Ended::Exited(_)));
        assert!(begun.elapsed() < Duration::from_secs(29));
    }

    #[test]
    fn who_leaves_the_group_and_prints_for_ever_is_not_listened_to() {
        // It ends when nobody reads its pipe any more.
        for to in ["", ">&2"] {
            let script = format!("setsid sh -c 'while echo x; do :; done' {to} & exit 0");
            let (ended, ..) = watched(&script, LONG, false);
            assert!(matches!(ended, Ended::Exited(status) if status.success()));
        }
    }

    #[test]
    fn a_killed_child_shows_its_signal_and_memory_is_bounded() {
        let (Ended::Exited(status), ..) = watched("kill -9 $$", LONG, false) else {
            unreachable!("expected an exit")
        };
        assert_eq!(signal(status), Some((9, "SIGKILL")));
        let small = Limits {
            memory: Some(64 << 20),
            ..LONG
        };
        // Waits until the limit is set, then asks for more.
        let script = "read line; x=$(head -c 200000000 /dev/zero | tr '\\0' x); exit 0";
        let (ended, ..) = watched(script, small, true);
        assert!(
            !matches!(ended, Ended::Exited(status) if status.success()),
            "{ended:?}"
        );
    }
}
