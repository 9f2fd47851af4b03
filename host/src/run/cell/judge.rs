//! The protocols over a cell's features.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use crate::config::ProtocolName;
use crate::evaluate::finetune::FinetuneResults;
use crate::evaluate::record::EvaluationReport;
use crate::evaluate::{self, EvalJob, ExtractedSets, Protocols, TrainingStates};
use crate::progress::Pulse;
use crate::run::event::Stage;

impl Work<'_> {
    /// The protocols on frozen features that this backbone goes through.
    pub(super) fn protocols<'a>(&'a self, extractor: &'a FeatureExtractor) -> Protocols<'a> {
        let settings = &self.job.evaluation.protocols;
        let wants = |name| settings.protocols.contains(&name);
        let recipe = extractor.linear.as_ref();
        Protocols {
            knn: wants(ProtocolName::Knn).then_some(&settings.knn),
            linear: wants(ProtocolName::Linear).then_some(&settings.linear),
            paper: recipe
                .filter(|_| wants(ProtocolName::LinearPaper))
                .map(|recipe| (recipe, &settings.linear)),
        }
    }

    /// Scores every test set under every protocol and writes the predictions.
    pub(super) fn evaluate(
        &mut self,
        extractor: &FeatureExtractor,
        sets: &ExtractedSets,
        tuned: FinetuneResults,
        states: Option<&TrainingStates>,
    ) -> Result<EvaluationReport, CellError> {
        self.check_cancelled()?;
        self.tell(Stage::Evaluate, 0, 1, "");
        let folder = self.job.dir.join("predictions");
        let device = self.device()?;
        let (cancel, sign) = (self.cancel.flag(), self.listener.sign_of_life());
        let mut report = self.timed(Stage::Evaluate, |work| {
            let job = EvalJob {
                train: &sets.train,
                augmented: &sets.augmented,
                tests: &sets.tests(),
                protocols: work.protocols(extractor),
                device,
                pulse: Pulse::new(&cancel, sign),
                predictions: Some(&folder),
                states,
            };
            Ok(evaluate::run(&job, tuned.rankings)?)
        })?;
        report.finetune = tuned.details;
        if let Some(paper) = &report.paper
            && !paper.diverged.is_empty()
        {
            self.warn(format!(
                "the framework's own linear recipe diverged on these features with seeds {:?}",
                paper.diverged
            ));
        }
        self.tell(Stage::Evaluate, 1, 1, "");
        Ok(report)
    }
}
