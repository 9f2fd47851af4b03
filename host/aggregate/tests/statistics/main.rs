//! The aggregation library on the study's published numbers and on simulated tables.
#![expect(clippy::unwrap_used, reason = "tests")]

mod agreement;
mod correlation;
mod coverage;
mod means;
mod peer;
mod properties;
mod significance;
mod simulation;
mod study;
