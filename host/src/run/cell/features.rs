//! Features of the training set and of every test set.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use crate::evaluate::{ExtractedSets, Extraction, classifier_view};
use crate::ledger::Versions;
use crate::run::event::Stage;
use serde_json::json;
use ssl_datasets::source::Source;
use ssl_datasets::views::evaluation;
use ssl_plugin_api::description::ViewGroup;
use std::sync::Arc;

/// The views of evaluation: of classifiers in training, and of everything that is judged.
pub(super) struct EvaluationViews {
    pub train: ViewGroup,
    pub test: ViewGroup,
}

impl Work<'_> {
    /// Computes the features of every set; the training set is the first source.
    pub(super) fn extract(
        &mut self,
        extractor: &FeatureExtractor,
        sources: &[Arc<dyn Source>],
    ) -> Result<ExtractedSets, CellError> {
        let job = self.job;
        let program = self.program();
        let views = self.evaluation_views(extractor);
        let extraction = Extraction {
            backbone: extractor.backbone.as_ref(),
            view: &views.test,
            augmented_view: &views.train,
            augmented_passes: self.protocols(extractor).augmented_passes(),
            precision: job.evaluation.protocols.precision,
            cache: job.setup.features.as_deref(),
            program: &program,
            seed: job.config.seed,
            workers: job.setup.workers,
            cancel: &self.cancel.flag(),
        };
        self.timed(Stage::Extract, |work| {
            let mut progress = work.progress(Stage::Extract);
            Ok(extraction.run(&sources[0], &sources[1..], &mut progress)?)
        })
    }

    /// What computes; another program, libtorch or device rounds otherwise.
    pub(super) fn program(&self) -> String {
        let versions = Versions::current();
        json!([versions.host, versions.libtorch, self.job.setup.device]).to_string()
    }

    pub(super) fn evaluation_views(&self, extractor: &FeatureExtractor) -> EvaluationViews {
        let views = &self.job.config.views;
        let transform = self.job.evaluation.protocols.transform;
        EvaluationViews {
            train: classifier_view(views.size, &views.tuning, extractor.normalize),
            test: evaluation(transform, views.size, extractor.normalize),
        }
    }
}
