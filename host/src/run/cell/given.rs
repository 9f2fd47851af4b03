//! Features that another program computed.

use super::Work;
use super::error::CellError;
use super::extractor::FeatureExtractor;
use crate::evaluate::ExtractedSets;
use crate::evaluate::given::GivenFeatures;
use crate::heartbeat;
use crate::run::event::Stage;
use crate::run::features::digests;
use crate::run::job::FeaturesSubject;
use serde_json::json;
use ssl_datasets::source::{self, Source};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

impl Work<'_> {
    /// Reads the files that the run was planned with, for the training set, which is the first source, and every
    /// test set.
    pub(super) fn given(
        &mut self,
        subject: &FeaturesSubject,
        sources: &[Arc<dyn Source>],
    ) -> Result<(FeatureExtractor, ExtractedSets), CellError> {
        self.tell(Stage::Extract, 0, 1, "given features");
        let job = self.job;
        let folder: PathBuf = job.setup.given.clone().unwrap_or_default();
        let facts = job.data.ids_left_out();
        let left_out: Vec<HashSet<&str>> = sources
            .iter()
            .enumerate()
            .map(|(n, source)| {
                let set = (n > 0).then(|| source.name());
                facts.get(&set).into_iter().flatten().copied().collect()
            })
            .collect();
        let given = GivenFeatures {
            folder: &folder,
            precision: job.evaluation.protocols.precision,
        };
        let sets = self.timed(Stage::Extract, |work| {
            heartbeat::through(work.listener.sign_of_life(), || {
                let names = sources.iter().map(|source| source.name());
                let now = digests(&folder, names).map_err(CellError::GivenFiles)?;
                if let Some((file, _)) = now
                    .iter()
                    .find(|(file, sha256)| subject.files.get(*file) != Some(sha256))
                {
                    let words = "other bytes than when the run was planned; run it again";
                    let file = folder.join(file);
                    return Err(CellError::GivenFiles(format!(
                        "{} has {words}",
                        file.display()
                    )));
                }
                let content =
                    |set: &dyn Source| source::content(set, job.setup.workers, &mut |_| {});
                Ok(given.read(sources, &left_out, content)?)
            })
        })?;
        self.tell(Stage::Extract, 1, 1, "given features");
        let summary = json!({
            "features": { "folder": folder, "files": subject.files, "dim": sets.train.dim() },
        });
        Ok((FeatureExtractor::without_network(summary), sets))
    }
}
