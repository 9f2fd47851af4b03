//! Cancellation: set by signals, or by the parent closing a cell's standard input.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that many may look at.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether the work is to stop at the next safe place.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks for the work to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The flag itself, for libraries that look at one.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Sets the flag on SIGINT, SIGTERM and SIGHUP. A second signal ends the process at once.
    ///
    /// # Errors
    /// When the platform refuses, or signals are handled already.
    pub fn on_signals(&self) -> Result<(), ctrlc::Error> {
        let cancel = self.clone();
        ctrlc::set_handler(move || {
            if cancel.is_set() {
                std::process::exit(crate::exit::Exit::Interrupted as i32);
            }
            cancel.set();
        })
    }

    /// Sets the flag when standard input ends: the parent asks for it, or is no more.
    pub fn on_closed_input(&self) {
        let cancel = self.clone();
        std::thread::spawn(move || {
            let mut scratch = [0; 64];
            while !matches!(io::stdin().read(&mut scratch), Ok(0) | Err(_)) {}
            cancel.set();
        });
    }
}
