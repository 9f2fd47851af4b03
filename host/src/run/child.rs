//! A cell's process: what it says and where it goes.

use super::cancel::Cancel;
use super::event::EventListener;
use crate::process::{self, Ended, Errors, Limits};
use std::fs::File;
use std::io;
use std::process::Command;

/// Runs a cell's process to its end. Lines of its standard output are events; others there are
/// skipped, its standard error goes to `log`. When `cancel` is set, its standard input
/// is closed.
///
/// # Errors
/// When the process cannot be started or waited for.
pub fn run(
    command: Command,
    log: File,
    limits: Limits,
    cancel: &Cancel,
    listener: &mut dyn EventListener,
) -> io::Result<Ended> {
    let mut on_event = |line: String| match serde_json::from_str(&line) {
        Ok(event) => listener.on_event(event),
        Err(_) => tracing::debug!("a cell wrote to its standard output: {line}"),
    };
    let errors = Errors::File(log);
    process::run(
        command,
        errors,
        limits,
        Some(&|| cancel.is_set()),
        &mut on_event,
    )
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::run::event::{Event, Stage};

    #[test]
    fn cell_events_arrive_in_order_and_other_output_is_ignored() {
        let script = r#"echo noise; echo '{"event":"warning","text":"a"}'
            echo '{"event":"progress","stage":"pretrain","done":1,"total":2,"note":""}'
            echo last words >&2; exit 3"#;
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut events = Vec::new();
        let mut listener = |event| events.push(event);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        let (limits, cancel) = (Limits::default(), Cancel::default());
        let ended = run(
            command,
            File::create(&log).unwrap(),
            limits,
            &cancel,
            &mut listener,
        )
        .unwrap();
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
        assert_eq!(std::fs::read_to_string(log).unwrap(), "last words\n");
    }
}
