//! The boundary over really loaded libraries: refusals, panics, memory.

mod compiled;
mod fixtures;
mod panics;
mod refusal;
mod versions;
mod zero_copy;
