//! A cell's process: started, listened to, ended.

use super::cancel::Cancel;
use super::event::{Event, Listener};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often limits and the wish to stop are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a process that was asked to stop may take to write its checkpoint.
const GRACE: Duration = Duration::from_secs(60);

/// How long a process may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without any sign of life.
    pub stall: Duration,
    /// In all.
    pub total: Option<Duration>,
}

/// How a process ended.
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
}

/// Runs `command` to its end. Its standard output is read as events, other lines there and its
/// standard error go to the file `log`. When `cancel` is set, its standard input is closed: the
/// sign to write a checkpoint and end.
///
/// # Errors
/// When the process cannot be started or waited for.
pub fn run(
    mut command: Command,
    log: &Path,
    limits: Limits,
    cancel: &Cancel,
    listener: &mut dyn Listener,
) -> io::Result<Ended> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(log))
        .spawn()?;
    let (sender, events) = mpsc::channel();
    let stdout = child.stdout.take();
    let reader = thread::spawn(move || stdout.map(|stdout| forward(stdout, &sender)));
    let started = Instant::now();
    let mut heard = started;
    let mut asked: Option<Instant> = None;
    let ended = loop {
        match events.recv_timeout(TICK) {
            Ok(event) => {
                heard = Instant::now();
                event.into_iter().for_each(|event| listener.hear(event));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Standard output is closed: the process has ended, or is about to.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
        }
        if let Some(status) = child.try_wait()? {
            break Ended::Exited(status);
        }
        if cancel.is_set() && asked.is_none() {
            drop(child.stdin.take());
            asked = Some(Instant::now());
        }
        let now = Instant::now();
        let past = |since: Instant, limit: Duration| now.duration_since(since) > limit;
        if asked.is_some_and(|asked| past(asked, GRACE)) {
            break kill(&mut child, Ended::DidNotStop)?;
        }
        if past(heard, limits.stall) {
            break kill(&mut child, Ended::Stalled)?;
        }
        if limits.total.is_some_and(|limit| past(started, limit)) {
            break kill(&mut child, Ended::TookTooLong)?;
        }
    };
    // What the process said last may still be in the pipe.
    while let Ok(event) = events.recv_timeout(TICK) {
        event.into_iter().for_each(|event| listener.hear(event));
    }
    if reader.is_finished() {
        // It ends with the pipe and cannot panic; a grandchild may keep the pipe open.
        let _ = reader.join();
    }
    Ok(ended)
}

fn kill(child: &mut Child, ended: Ended) -> io::Result<Ended> {
    child.kill()?;
    child.wait()?;
    Ok(ended)
}

/// Every line is a sign of life; those that are events are passed on.
fn forward(stdout: ChildStdout, sender: &mpsc::Sender<Option<Event>>) {
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { continue };
        let event = serde_json::from_str(&line).ok();
        if event.is_none() {
            tracing::debug!("a cell wrote to its standard output: {line}");
        }
        if sender.send(event).is_err() {
            return;
        }
    }
}

/// The signal that ended a process, by number and name.
#[must_use]
pub fn signal(status: ExitStatus) -> Option<(i32, &'static str)> {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal().map(|number| (number, signal_name(number)))
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        None
    }
}

#[cfg(unix)]
const fn signal_name(number: i32) -> &'static str {
    // Those whose numbers are the same on every Unix.
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => "a signal",
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::run::event::Stage;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn limits(stall_ms: u64, total_ms: Option<u64>) -> Limits {
        Limits {
            stall: Duration::from_millis(stall_ms),
            total: total_ms.map(Duration::from_millis),
        }
    }

    fn watch(script: &str, limits: Limits, cancel: &Cancel) -> (Ended, Vec<Event>, String) {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut events = Vec::new();
        let mut listener = |event| events.push(event);
        let ended = run(shell(script), &log, limits, cancel, &mut listener).unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        (ended, events, log)
    }

    #[test]
    fn events_are_heard_in_order_and_noise_is_not() {
        let script = r#"echo noise; echo '{"event":"warning","text":"a"}'
            echo '{"event":"progress","stage":"pretrain","done":1,"total":2,"note":""}'
            echo last words >&2; exit 3"#;
        let (ended, events, log) = watch(script, limits(5000, None), &Cancel::default());
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(3)));
        assert_eq!(events.len(), 2);
        assert!(matches!(
            events[1],
            Event::Progress {
                stage: Stage::Pretrain,
                done: 1,
                ..
            }
        ));
        assert_eq!(log, "last words\n");
    }

    #[test]
    fn a_silent_process_is_ended_and_a_talking_one_is_not() {
        let (ended, ..) = watch("sleep 30", limits(300, None), &Cancel::default());
        assert_eq!(ended, Ended::Stalled);
        let talking = "for i in 1 2 3 4 5 6 7 8; do echo .; sleep 0.1; done";
        let (ended, ..) = watch(talking, limits(600, None), &Cancel::default());
        assert!(matches!(ended, Ended::Exited(status) if status.success()));
        let (ended, ..) = watch(talking, limits(600, Some(300)), &Cancel::default());
        assert_eq!(ended, Ended::TookTooLong);
    }

    #[test]
    fn a_cancelled_process_sees_its_input_close() {
        let cancel = Cancel::default();
        cancel.set();
        let (ended, ..) = watch("cat; exit 75", limits(5000, None), &cancel);
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(75)));
    }

    #[test]
    fn a_killed_process_shows_its_signal() {
        let (ended, ..) = watch("kill -9 $$", limits(5000, None), &Cancel::default());
        let Ended::Exited(status) = ended else {
            unreachable!("expected an exit, found {ended:?}")
        };
        assert_eq!(signal(status), Some((9, "SIGKILL")));
    }
}
