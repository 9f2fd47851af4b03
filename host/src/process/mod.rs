//! Children: processes that run what this one must not, with limits of time and memory.
//!
//! Whatever opens a plugin's library runs here: probing, certification, cells. A child leads a
//! process group of its own, which ends as a whole, so nothing that a plugin starts stays behind.
//! What it writes is taken from it while it runs, and bounded. An answer goes through a private
//! file ([`answer`]), as standard output belongs to whatever code is loaded.
//!
//! A process with one thread that has not computed yet can fork its children ([`fork_each`]), which
//! costs a hundredth of starting them.

mod answer;
mod cgroup;
mod fork;
mod group;
mod lines;
mod memory_bound;
mod runner;
mod signal;

pub use answer::{NoAnswer, answer};
pub use fork::{fork_each, fork_one, may_fork};
pub use memory_bound::MemoryBound;
pub use runner::{Ended, Errors, Limits, run};
pub use signal::signal;
