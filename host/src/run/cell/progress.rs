//! News of long work, as the events of a cell.

use crate::progress::Progress;
use crate::run::event::{Event, EventListener, Stage};

/// Passes the news of a stage on to the cell's listener.
pub(super) struct ProgressForwarder<'a> {
    pub listener: &'a mut dyn EventListener,
    pub stage: Stage,
}

impl Progress for ProgressForwarder<'_> {
    fn progress(&mut self, done: u64, total: u64, note: &str) {
        self.listener.on_event(Event::Progress {
            stage: self.stage,
            done,
            total,
            note: note.to_owned(),
        });
    }

    fn note(&mut self, text: &str) {
        self.listener.on_event(Event::Note {
            text: text.to_owned(),
        });
    }

    fn warning(&mut self, text: &str) {
        self.listener.on_event(Event::Warning {
            text: text.to_owned(),
        });
    }
}
