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
//! | `class-names` | two classes of one name (P10), or, as a warning, of names that differ in case or space alone | fault |
//! | `shifted-labels` | a list of labels fits the original labels better one place further on (P7) | fault |
//! | `classes` | a test set has other classes than the training set, or in another order | fault |
//! | `train-images` | images of a test set are training images too | fault where all are, else warning |
//! | `passed-over` | files and folders that are not read: hidden, no images by their names, beside the class folders, links to nothing | warning |
//! | `uneven` | nearly all classes have the same number of images, some have fewer | warning |
//! | `black` | an image without any light (P8) | warning |
//! | `duplicate` | the same pixels twice: under two labels, or in two sets | warning |
//! | `some-classes` | a test set has only some of the training set's classes, and is scored over these as well | note |
//! | `partial` | classes of the label space that do not occur | note |
//!
//! The numbers P1 to P12 are those of the table of pitfalls in the protocol.

mod alignment;
mod duplicates;
mod findings;
mod overlap;
mod parallel;
mod readable;
mod report;
mod scan;

use std::path::Path;
use std::sync::Arc;

pub use overlap::{Pair, overlaps};
pub use readable::{Broken, absent, undecodable};
pub use report::{Duplicate, Finding, Place, Report, SetReport, Severity};

use crate::source::{Source, SourceConfig, open};

/// A set with what became of its images.
struct Scanned {
    name: String,
    source: Arc<dyn Source>,
    images: Vec<scan::Outcome>,
    /// Whether it is the training set.
    train: bool,
}

/// Checks every set by itself and with the others; `workers` threads, 0 for one per processor.
///
/// A set that does not open is reported and the others are still checked.
#[must_use]
pub fn check(
    train: &SourceConfig,
    test: &[SourceConfig],
    root: Option<&Path>,
    workers: usize,
) -> Report {
    let mut report = Report::default();
    let mut scanned: Vec<Scanned> = Vec::new();
    for (place, config) in std::iter::once(train).chain(test).enumerate() {
        match open(config, root) {
            Err(error) => report.find(Severity::Fault, &config.name, "open", error.to_string()),
            Ok(source) => {
                let images = scan::scan(source.as_ref(), workers);
                findings::report_set(config, source.as_ref(), &images, &mut report);
                alignment::report_shift(config, source.as_ref(), root, &mut report);
                if let Some(first) = scanned.first().filter(|first| first.train) {
                    alignment::report_classes(first.source.as_ref(), &source, &mut report);
                }
                scanned.push(Scanned {
                    name: config.name.clone(),
                    source,
                    images,
                    train: place == 0,
                });
            }
        }
    }
    duplicates::report(&scanned, &mut report);
    report
}
