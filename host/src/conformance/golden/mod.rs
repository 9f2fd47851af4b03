//! Golden files: the inputs of one pretext step, or a feature bank to cluster, and what a reference
//! computes from them in double precision; see `tests/golden/README.md`.

mod bank;
mod case;
mod compare;
mod file;
mod record;
mod step;

pub use case::{Case, CaseError};
pub use compare::{Comparison, MaxErrors, Tolerance, relative};
pub use file::{check_golden, golden_cases};
pub use record::record;
