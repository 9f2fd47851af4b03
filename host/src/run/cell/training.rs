//! Where a cell's classifiers keep their states, so that a stop does not cost them.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use crate::config::ProtocolName;
use crate::evaluate::{ExtractedSets, TrainingStates};
use serde_json::json;

impl Work<'_> {
    /// The states of the classifiers that are trained on these sets, where any are.
    pub(super) fn training_states(
        &self,
        extractor: &FeatureExtractor,
        sets: &ExtractedSets,
    ) -> Result<Option<TrainingStates>, CellError> {
        let trains = |name: &ProtocolName| match name {
            ProtocolName::Knn => false,
            ProtocolName::Linear => true,
            ProtocolName::LinearPaper => extractor.linear.is_some(),
            ProtocolName::Finetune => extractor.backbone.is_some(),
        };
        let protocols = &self.job.evaluation.protocols.protocols;
        if !protocols.iter().any(trains) {
            return Ok(None);
        }
        let setup = &self.job.setup;
        Ok(Some(TrainingStates::new(
            self.job.dir.join("training"),
            setup.checkpoints.duration(),
            json!([self.program(), setup.threads, sets.training_digest()?]).to_string(),
        )))
    }
}
