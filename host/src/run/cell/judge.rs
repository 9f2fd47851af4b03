//! The protocols over a cell's features.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use super::features::Sets;
use super::finetune::FinetuneResults;
use crate::config::ProtocolName;
use crate::evaluate::record::EvaluationReport;
use crate::evaluate::{self, EvalJob};
use crate::run::event::Stage;

impl Work<'_> {
    /// Scores every test set under every protocol and writes the predictions.
    pub(super) fn evaluate(
        &mut self,
        extractor: &FeatureExtractor,
        sets: &Sets,
        tuned: FinetuneResults,
    ) -> Result<EvaluationReport, CellError> {
        self.check_cancelled()?;
        self.tell(Stage::Evaluate, 0, 1, "");
        let protocols = &self.job.evaluation.protocols;
        let wants = |name| protocols.protocols.contains(&name);
        let folder = self.job.dir.join("predictions");
        let paper = wants(ProtocolName::LinearPaper)
            .then_some(extractor.linear.as_ref())
            .flatten();
        let device = self.device()?;
        let mut report = self.timed(Stage::Evaluate, |_| {
            let job = EvalJob {
                train: &sets.train,
                augmented: &sets.augmented,
                tests: &sets.tests(),
                knn: wants(ProtocolName::Knn).then_some(&protocols.knn),
                linear: wants(ProtocolName::Linear).then_some(&protocols.linear),
                paper: paper.map(|recipe| (recipe, &protocols.linear)),
                device,
                predictions: Some(&folder),
            };
            Ok(evaluate::run(&job, tuned.rankings_by_set)?)
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
