//! Progress of running cells: bars on a terminal, lines elsewhere.

use super::event::{Event, EventListener, Stage};
use crate::terminal::{errln, plain};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// The display of running cells.
#[derive(Clone, Debug)]
pub struct ProgressDisplay {
    bars: MultiProgress,
    /// Whether standard error is a terminal; without one, lines are written instead.
    live: bool,
    quiet: bool,
}

impl ProgressDisplay {
    /// A display on standard error. A quiet one shows nothing.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let live = !quiet && io::stderr().is_terminal();
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            live,
            quiet,
        }
    }

    /// Writes a line above the bars.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.bars.suspend(|| errln!("{text}"));
        }
    }

    /// The bar of a cell.
    #[must_use]
    pub fn cell(&self, name: &str) -> CellBar {
        let bar = self.bars.add(ProgressBar::no_length());
        bar.set_prefix(name.to_owned());
        if self.live {
            bar.set_style(style("{prefix:24} {spinner} {msg}"));
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        CellBar {
            display: self.clone(),
            bar,
            name: name.to_owned(),
            stage: None,
            next_tenth: 0,
        }
    }
}

/// The bar of one cell; it goes when it is dropped.
#[derive(Debug)]
pub struct CellBar {
    display: ProgressDisplay,
    bar: ProgressBar,
    name: String,
    stage: Option<Stage>,
    next_tenth: u64,
}

impl CellBar {
    fn start(&mut self, stage: Stage, done: u64, total: u64) {
        self.stage = Some(stage);
        self.next_tenth = 0;
        self.bar.reset();
        self.bar.set_length(total);
        // What an earlier attempt did must not count towards the speed of this one.
        self.bar.set_position(done);
        self.bar.reset_eta();
        let template = match stage {
            Stage::Pretrain | Stage::Extract => {
                "{prefix:24} {wide_bar} {percent:>3}% {per_sec} ETA {eta} {msg}"
            }
            Stage::Prepare | Stage::Finetune | Stage::Evaluate => {
                "{prefix:24} {wide_bar} {percent:>3}% {msg}"
            }
        };
        self.bar.set_style(style(template).with_key(
            "per_sec",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // Nothing can be done about a bar that cannot be drawn.
                let _ = write!(out, "{:.0} images/s", state.per_sec());
            },
        ));
    }

    fn line(&mut self, stage: Stage, done: u64, total: u64, note: &str) {
        let tenth = done * 10 / total.max(1);
        if tenth < self.next_tenth {
            return;
        }
        self.next_tenth = tenth + 1;
        let speed = self.bar.per_sec();
        let speed = match stage {
            Stage::Pretrain | Stage::Extract if speed >= 1.0 => format!(", {speed:.0} images/s"),
            _ => String::new(),
        };
        let note = if note.is_empty() {
            String::new()
        } else {
            format!(", {note}")
        };
        self.display.line(&format!(
            "{}: {} {}%{speed}{note}",
            self.name,
            stage.name(),
            done * 100 / total.max(1)
        ));
    }
}

impl EventListener for CellBar {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Alive => {}
            Event::Note { text } => self.bar.set_message(plain(&text)),
            Event::Warning { text } => {
                self.display
                    .line(&format!("{}: warning: {}", self.name, plain(&text)))
            }
            Event::Progress {
                stage,
                done,
                total,
                note,
            } => {
                if self.stage != Some(stage) {
                    self.start(stage, done, total);
                }
                self.bar.set_position(done);
                self.bar.set_message(format!("{} {note}", stage.name()));
                if !self.display.live {
                    self.line(stage, done, total, &note);
                }
            }
        }
    }
}

impl Drop for CellBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; a wrong one would only look plain.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
