//! Progress of a long step: a bar on a terminal, a few plain lines elsewhere.

use std::io::IsTerminal;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// How many plain lines a step prints where there is no terminal.
const PLAIN_STEPS: u64 = 4;
/// A step of fewer bytes is over too soon for more than its first line.
const SHORT: u64 = 32 << 20;

/// Bytes done of bytes to do.
pub struct Progress {
    label: String,
    total: u64,
    printed: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins a step of `total` bytes.
    pub fn start(label: impl Into<String>, total: u64) -> Self {
        let label = label.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(label.clone());
            let template = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
            match ProgressStyle::with_template(template) {
                Ok(style) => bar.with_style(style.progress_chars("=> ")),
                Err(_) => bar,
            }
        });
        if bar.is_none() {
            eprintln!("{label} ({})", HumanBytes(total));
        }
        Self {
            label,
            total,
            printed: 0,
            bar,
        }
    }

    /// Says that `done` bytes are done by now.
    pub fn set(&mut self, done: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(done.min(self.total)),
            None if self.total < SHORT => {}
            None => {
                let step = done.min(self.total) * PLAIN_STEPS / self.total.max(1);
                if step > self.printed {
                    self.printed = step;
                    eprintln!("{}: {} %", self.label, step * 100 / PLAIN_STEPS);
                }
            }
        }
    }

    /// Ends the step.
    pub fn finish(mut self) {
        self.set(self.total);
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
