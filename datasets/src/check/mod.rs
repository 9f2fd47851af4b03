//! Checking data sets before a run relies on them.
//!
//! [`check`] opens every set, decodes every image and looks for what has gone wrong elsewhere:
//!
//! | code | what | severity |
//! |---|---|---|
//! | `open` | the set does not open: missing, malformed, wrong counts, devkit or text-sorted class numbers (P1, P9) | fault |
//! | `unreadable` | an image cannot be decoded | fault |
//! | `wrong-folder` | a file named after one WordNet id lies in the folder of another | fault |
//! | `text-sorted` | folders that are numbers, labelled by their place among the names as text (P1) | fault |
//! | `label-space` | a label outside the set's frozen list of classes (P6) | fault |
//! | `class-names` | two classes of one name (P10) | fault |
//! | `shifted-labels` | a list of labels fits the original labels better one place further on (P7) | fault |
//! | `uneven` | nearly all classes have the same number of images, some have fewer | warning |
//! | `black` | an image without any light (P8) | warning |
//! | `duplicate` | the same pixels twice: under two labels, or in two sets | warning |
//! | `partial` | classes of the label space that do not occur | note |
//!
//! The numbers P1 to P12 are those of the table of pitfalls in the protocol.

mod alignment;
mod duplicates;
mod findings;
mod report;
mod scan;

use std::path::Path;

pub use report::{Duplicate, Finding, Place, Report, SetReport, Severity};

use crate::source::{SourceConfig, open};

/// Checks every set; `workers` threads, 0 for one per processor.
///
/// A set that does not open is reported and the others are still checked.
#[must_use]
pub fn check(sets: &[SourceConfig], root: Option<&Path>, workers: usize) -> Report {
    let mut report = Report::default();
    let mut scanned = Vec::new();
    for config in sets {
        match open(config, root) {
            Err(error) => report.find(Severity::Fault, &config.name, "open", error.to_string()),
            Ok(source) => {
                let scan = scan::scan(source.as_ref(), workers);
                findings::report_set(config, source.as_ref(), &scan, &mut report);
                alignment::report_shift(config, source.as_ref(), root, &mut report);
                scanned.push((config.name.clone(), source, scan));
            }
        }
    }
    duplicates::report(&scanned, &mut report);
    report
}
