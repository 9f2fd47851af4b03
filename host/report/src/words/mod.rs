//! What is and what is not supported, in sentences.

mod findings;
mod headline;

pub use findings::findings;
pub use headline::{Verdict, headline, verdict};
pub(super) use headline::{often, points, z_in_words};

use super::analysis::{AgainstReference, Analysis};

/// Data sets other than the reference, with what is known against it.
pub(super) fn compared(analysis: &Analysis) -> impl Iterator<Item = (usize, &AgainstReference)> {
    let against = analysis.against_reference.iter().enumerate();
    against.filter_map(|(set, against)| Some((set, against.as_ref()?)))
}
