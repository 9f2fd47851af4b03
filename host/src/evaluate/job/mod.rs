//! One backbone's features through the shared protocols, over all test sets.

mod check;
mod finish;
mod protocols;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod tests;

use std::path::Path;

use ssl_plugin_api::description::LinearRecipe;

use super::knn::KnnProtocol;
use super::linear::LinearProtocol;
use super::record::{EvaluationReport, ProtocolRef, Variant};
use super::{FeatureSet, Ranking, Result, TrainingStates};
use crate::progress::Pulse;
use check::check;
pub use check::{SET_ID, is_set_id};
pub use finish::spaces;
use protocols::ProtocolRunner;
use tch::{Device, Tensor};

/// Protocol id of the weighted kNN.
pub const KNN: &str = "knn";
/// Protocol id of the shared linear protocol on cached, unaugmented features.
pub const LINEAR_SHARED_CACHED: &str = "linear-shared-cached";
/// Protocol id of the shared linear protocol on features of several augmented passes.
pub const LINEAR_SHARED_AUGMENTED: &str = "linear-shared-augmented";
/// Protocol id of the framework's own linear evaluation on cached, unaugmented features.
pub const LINEAR_PAPER_CACHED: &str = "linear-paper-cached";
/// Protocol id of the framework's own linear evaluation on features of several augmented passes.
pub const LINEAR_PAPER_AUGMENTED: &str = "linear-paper-augmented";

/// A test set's features and its part in the comparison.
#[derive(Clone, Copy, Debug)]
pub struct TestSet<'a> {
    /// Features, labels, ids.
    pub set: &'a FeatureSet,
    /// Whether the other sets are compared with this one (val): it is then also scored in their
    /// class subsets.
    pub reference: bool,
}

/// The protocols on frozen features that are wanted, with their settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protocols<'a> {
    /// The kNN.
    pub knn: Option<&'a KnnProtocol>,
    /// The linear protocol that is the same for all.
    pub linear: Option<&'a LinearProtocol>,
    /// The framework's own linear recipe with the settings it shares with the others.
    pub paper: Option<(&'a LinearRecipe, &'a LinearProtocol)>,
}

impl Protocols<'_> {
    /// How many augmented passes over the training set the linear protocols take; 0 where none runs.
    #[must_use]
    pub fn augmented_passes(&self) -> u32 {
        let settings = self.linear.or(self.paper.map(|(_, shared)| shared));
        settings.map_or(0, |settings| settings.augmented_passes as u32)
    }
}

/// What to evaluate.
#[derive(Clone, Copy, Debug)]
pub struct EvalJob<'a> {
    /// Features of the training set: the kNN's bank, the linear heads' training data unless
    /// `augmented` has others, and what the rate is chosen on.
    pub train: &'a FeatureSet,
    /// Features of the training set under augmentation, pass by pass, `[samples, dim]`; none for
    /// cached linear protocols.
    pub augmented: &'a [Tensor],
    /// The test sets.
    pub tests: &'a [TestSet<'a>],
    /// The protocols.
    pub protocols: Protocols<'a>,
    /// Where neighbours are searched and linear heads trained.
    pub device: Device,
    /// Beats with every batch, tile and set.
    pub pulse: Pulse<'a>,
    /// Folder for `<data set>.parquet`, where per-image predictions are wanted.
    pub predictions: Option<&'a Path>,
    /// Where the trainings of linear heads keep their states; without it one that is stopped begins anew.
    pub states: Option<&'a TrainingStates>,
}

/// Rankings of one variant of a protocol on one test set, one per label space of [`spaces`].
#[derive(Clone, Debug)]
pub struct VariantRanking {
    /// The protocol.
    pub protocol: ProtocolRef,
    /// The variant.
    pub variant: Variant,
    /// Whether it stands for the framework in tables.
    pub headline: bool,
    /// By label space.
    pub rankings: Vec<Ranking>,
}

/// Runs the protocols and scores every test set in all its label spaces from the same logits.
/// `more` are varieties from elsewhere (fine-tuned networks), by test set, scored with the others.
///
/// # Errors
/// Settings out of range, features that are not of one backbone, label spaces that differ from the
/// training set's, repeated or unusable data set ids; files that cannot be written;
/// [`EvaluateError::Cancelled`](super::EvaluateError::Cancelled) when the work is to end.
pub fn run(job: &EvalJob<'_>, more: Vec<Vec<VariantRanking>>) -> Result<EvaluationReport> {
    check(job)?;
    let mut report = EvaluationReport::default();
    let mut runner = ProtocolRunner {
        job,
        labels: job.train.labels().to_single()?,
        num_classes: job.train.labels().num_classes(),
        spaces: job.tests.iter().map(|t| spaces(t, job.tests)).collect(),
        found: job.tests.iter().map(|_| Vec::new()).collect(),
    };
    if let Some(protocol) = job.protocols.knn {
        runner.knn(protocol)?;
    }
    let cached = job.augmented.is_empty();
    if let Some(protocol) = job.protocols.linear {
        let id = if cached {
            LINEAR_SHARED_CACHED
        } else {
            LINEAR_SHARED_AUGMENTED
        };
        report.linear = Some(runner.linear(id, protocol)?);
    }
    if let Some((recipe, shared)) = job.protocols.paper {
        let id = if cached {
            LINEAR_PAPER_CACHED
        } else {
            LINEAR_PAPER_AUGMENTED
        };
        report.paper = Some(runner.paper(id, &shared.into(), recipe)?);
    }
    for (found, more) in runner.found.iter_mut().zip(more) {
        found.extend(more);
    }
    for ((test, spaces), found) in job.tests.iter().zip(&runner.spaces).zip(runner.found) {
        job.pulse.beat()?;
        let (evaluations, digest) = finish::finish(test.set, spaces, found, job.predictions)?;
        report.evaluations.extend(evaluations);
        let digest = digest.map(|digest| (test.set.id().to_owned(), digest));
        report.predictions.extend(digest);
    }
    Ok(report)
}
