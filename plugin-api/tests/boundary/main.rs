//! The boundary over really loaded libraries: refusals, panics, memory.

mod fixtures;
mod panics;
mod refusal;
mod zero_copy;
