//! The host's table of frameworks: which plugin files there are, what each contains, which were
//! refused and why.

mod inspect;
mod probe;
mod registry;
mod search;
mod sound;
mod sound_recipe;

pub use inspect::{InspectError, Inspected, Sizes, inspect, inspect_apart};
pub use probe::{LIMIT, probe, probe_one};
pub use registry::{Candidate, Refused, Registry, why_none};
pub use search::{Directory, directories, libraries};
pub use sound::{check_description, check_id, check_metadata};
