//! The host's table of frameworks: which plugin files there are, what each contains, which were
//! refused and why.

mod probe;
mod registry;
mod search;

pub use probe::{LIMIT, probe, probe_one};
pub use registry::{Candidate, Refused, Registry};
pub use search::{Directory, directories, libraries};
