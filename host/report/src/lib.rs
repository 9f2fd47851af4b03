//! From a table to something to read.
//!
//! [`input`] reads tables, [`Analysis`] computes every statistic once, and each format is one module that only
//! arranges them.

mod analysis;
mod claims;
mod columns;
mod csv_table;
mod error;
mod html;
pub mod input;
mod json;
mod latex;
mod markdown;
mod names;
mod notes;
mod paper;
mod prose;
mod summary;
mod terminal;
mod words;

pub use analysis::{
    AgainstReference, Analysis, COUNTED, Options, POWER, PoolAnalysis, PracticalDifference,
};
pub use claims::Claim;
pub use csv_table::render as csv;
pub use error::ReportError;
pub use html::{PdfError, PdfWriter, figures, render as html};
pub use json::render as json;
pub use latex::render as latex;
pub use markdown::render as markdown;
pub use names::printable;
pub use summary::{Verified, summary};
pub use terminal::render as terminal;
pub use words::{Verdict, findings, headline, verdict};
