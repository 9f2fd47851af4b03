//! What a check found, as data and as text.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Likely unwanted; results stay meaningful.
    Warning,
    /// Results would be wrong.
    Fault,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Name of the set.
    pub set: String,
    /// What kind of thing, as in the table of [`check`](super).
    pub code: &'static str,
    /// What was expected and found, with the names of images.
    pub message: String,
}

/// Counts of one set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetReport {
    /// Name of the set.
    pub name: String,
    /// Its adapter.
    pub kind: String,
    /// Images.
    pub samples: usize,
    /// Images with at least one label.
    pub scored: usize,
    /// Images with several labels.
    pub multi_label: usize,
    /// Classes of the label space.
    pub classes: usize,
    /// Classes of the frozen subset, where there is one.
    pub subset: Option<usize>,
    /// Classes that occur.
    pub occurring: usize,
    /// Fewest and most images of an occurring class.
    pub per_class: [usize; 2],
}

/// A sample of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Name of the set.
    pub set: String,
    /// Id of the sample.
    pub id: String,
}

/// The same pixels in two places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// One place.
    pub first: Place,
    /// The other.
    pub second: Place,
    /// Whether both have a label in common, by name of the class.
    pub same_label: bool,
}

/// Everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The sets that opened.
    pub sets: Vec<SetReport>,
    /// Pairs of equal images.
    pub duplicates: Vec<Duplicate>,
    /// All findings, in the order of the sets.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// Whether nothing found is a fault.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.worst() < Some(Severity::Fault)
    }

    pub(super) fn find(
        &mut self,
        severity: Severity,
        set: &str,
        code: &'static str,
        message: String,
    ) {
        self.findings.push(Finding {
            severity,
            set: set.to_owned(),
            code,
            message,
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for set in &self.sets {
            let [least, most] = set.per_class;
            write!(
                f,
                "{} ({}): {} images, {} scored, {} of {} classes, {least} to {most} per class",
                set.name, set.kind, set.samples, set.scored, set.occurring, set.classes
            )?;
            match set.subset {
                Some(subset) => writeln!(f, ", subset of {subset}")?,
                None => writeln!(f)?,
            }
        }
        for finding in &self.findings {
            let severity = match finding.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Fault => "fault",
            };
            writeln!(
                f,
                "{severity} [{}] {}: {}",
                finding.code, finding.set, finding.message
            )?;
        }
        Ok(())
    }
}
