//! Benchmark files: the keys of a `BENCH.toml`, their ranges, and how faults are reported.
//!
//! A file is parsed with spans ([`Document`]), `--set` overrides are merged into it, and the result
//! is decoded into [`Benchmark`]. Unknown keys, wrong types and values out of range are all collected
//! before anything is reported ([`ConfigError`]), each with file, line, allowed range and, for an
//! unknown key, the nearest known one. What is left after defaults are filled in is the *resolved*
//! configuration; the digest of its JSON names what was computed from it.

mod benchmark;
mod check;
mod checkpoint;
mod data;
mod decode;
mod document;
mod evaluate;
mod fault;
mod features;
mod frameworks;
mod memory_limit;
mod packaged;
mod pretrain;
mod run;

pub use benchmark::{Aggregate, Baseline, Benchmark, RECIPE_SIZE, SpaceChoice, Views};
pub use check::Checks;
pub use checkpoint::{CheckpointEntry, Covariates};
pub use data::{Data, OnBroken, OnTrainImages};
pub use decode::nearest;
pub use document::Document;
pub use evaluate::{Evaluate, ProtocolName};
pub use fault::{BenchmarkFault, ConfigError};
pub use features::FeaturesEntry;
pub use frameworks::{FrameworkSection, Frameworks};
pub use memory_limit::MemoryLimit;
pub use pretrain::{CheckpointInterval, Pretrain, RecipeOverride};
pub use run::Run;
