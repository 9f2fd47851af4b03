//! Fine-tuning of a cell's backbone.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use crate::config::ProtocolName;
use crate::evaluate::finetune::{FinetuneResults, FinetuneRun};
use crate::evaluate::{ExtractedSets, TrainingStates};
use crate::run::event::Stage;
use ssl_datasets::source::Source;
use std::sync::Arc;

impl Work<'_> {
    /// Fine-tunes with every fraction of the labels, where that is wanted and there is a network.
    pub(super) fn finetune(
        &mut self,
        extractor: &FeatureExtractor,
        sets: &ExtractedSets,
        sources: &[Arc<dyn Source>],
        states: Option<&TrainingStates>,
    ) -> Result<FinetuneResults, CellError> {
        let job = self.job;
        let wanted = &job.evaluation.protocols;
        let (true, Some(backbone)) = (
            wanted.protocols.contains(&ProtocolName::Finetune),
            &extractor.backbone,
        ) else {
            return Ok(FinetuneResults::default());
        };
        let views = self.evaluation_views(extractor);
        let run = FinetuneRun {
            backbone,
            protocol: &wanted.finetune,
            recipes: &extractor.finetune,
            train: &sets.train,
            train_images: &sources[0],
            tests: &sets.tests(),
            test_images: &sources[1..],
            train_view: &views.train,
            test_view: &views.test,
            data_root: job.setup.data_root.as_deref(),
            workers: job.setup.workers,
            cancel: &self.cancel.flag(),
            states,
        };
        self.timed(Stage::Finetune, |work| {
            Ok(run.run(&mut work.progress(Stage::Finetune))?)
        })
    }
}
