//! Children: processes that run what this one must not, with limits of time and memory.
//!
//! Whatever opens a plugin's library runs here: probing, certification, cells. A child leads a
//! process group of its own, which ends as a whole, so nothing that a plugin starts stays behind.
//! What it writes is taken from it while it runs, and bounded. An answer goes through a private
//! file ([`answer`]), as standard output belongs to whatever code is loaded.

mod answer;
mod group;
mod lines;
mod runner;
mod signal;

pub use answer::{NoAnswer, answer};
pub use runner::{Ended, Errors, Limits, run};
pub use signal::signal;
