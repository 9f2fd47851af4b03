//! Events of a running cell: one JSON object per line on its standard output.

use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A part of a cell's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Loading the plugin and opening the data.
    Prepare,
    /// Pretraining.
    Pretrain,
    /// Computing the features of every set.
    Extract,
    /// Fine-tuning.
    Finetune,
    /// Scoring.
    Evaluate,
}

impl Stage {
    /// The stage's name, as timings and progress bars spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Pretrain => "pretrain",
            Self::Extract => "extract",
            Self::Finetune => "finetune",
            Self::Evaluate => "evaluate",
        }
    }
}

/// An event of a running cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// How far a stage is; the first one of a stage starts it.
    Progress {
        /// The stage.
        stage: Stage,
        /// Units of work done, images where there are images.
        done: u64,
        /// Units in all.
        total: u64,
        /// Epoch, loss and the like, for people.
        note: String,
    },
    /// News between two steps of progress: how far a feature pass is.
    Note {
        /// One line.
        text: String,
    },
    /// A sign of life of work that has nothing else to say.
    Alive,
    /// Something the user should know.
    Warning {
        /// One line.
        text: String,
    },
}

/// Where a cell's events go.
pub trait EventListener {
    /// Takes an event.
    fn on_event(&mut self, event: Event);

    /// What long work calls to show that it lives, from any thread.
    fn sign_of_life(&self) -> fn() {
        || {}
    }
}

impl<F: FnMut(Event)> EventListener for F {
    fn on_event(&mut self, event: Event) {
        self(event);
    }
}

/// Writes events to standard output, for the parent process.
#[derive(Debug, Default)]
pub struct StdoutEvents;

impl EventListener for StdoutEvents {
    fn on_event(&mut self, event: Event) {
        if let Ok(line) = serde_json::to_string(&event) {
            let mut out = io::stdout().lock();
            // If the parent is gone, standard input ends, and the cell stops for that reason.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    }

    fn sign_of_life(&self) -> fn() {
        say_alive
    }
}

/// Writes [`Event::Alive`], at most once a second.
fn say_alive() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    // Who finds it locked finds somebody else about to say it.
    let Ok(mut last) = LAST.try_lock() else {
        return;
    };
    if last.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
        *last = Some(Instant::now());
        StdoutEvents.on_event(Event::Alive);
    }
}
