//! What is and what is not supported, in sentences.

mod answer;
mod carried;
mod checkpoints;
mod findings;
mod headline;
mod over_sets;
mod spread;
mod verification;

pub(crate) use answer::answer;
pub(crate) use carried::carried;
pub use findings::findings;
pub use headline::{Verdict, headline, verdict};
pub(super) use headline::{leads, often, points, z_in_words};
pub(super) use verification::{verification, within};

use super::analysis::{AgainstReference, Analysis};

/// What stands below the table, with titles: the study's conclusions, the published numbers, the findings, the notes.
pub(super) fn sections(analysis: &Analysis) -> [(&'static str, Vec<String>); 4] {
    let claims = analysis.claims().into_iter();
    let claims = claims.map(|it| format!("{} {}. {}", it.claim, it.verdict, it.evidence));
    [
        ("What survives the tests", claims.collect()),
        ("Verification", verification(analysis)),
        ("Findings", findings(analysis)),
        ("Notes", analysis.notes.clone()),
    ]
}

/// Data sets other than the reference, with what is known against it.
pub(super) fn compared(analysis: &Analysis) -> impl Iterator<Item = (usize, &AgainstReference)> {
    let against = analysis.against_reference.iter().enumerate();
    against.filter_map(|(set, against)| Some((set, against.as_ref()?)))
}

/// A correlation with two decimals, three near 1 and near 0.
pub(crate) fn coefficient(r: f64) -> String {
    if r.abs() >= 0.95 || r.abs() < 0.005 {
        format!("{r:.3}")
    } else {
        format!("{r:.2}")
    }
}

/// An interval of correlations in brackets.
pub(crate) fn interval_of((low, high): (f64, f64)) -> String {
    format!("[{}, {}]", coefficient(low), coefficient(high))
}
