//! The machine-readable report.
//!
//! Keys are stable; new ones may be added. A statistic that does not exist (a missing cell, a constant column) is
//! `null`.

mod document;
mod keyed;
mod sections;

pub use document::render;
