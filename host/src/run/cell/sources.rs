//! The data sets of a cell.

use super::Work;
use super::error::CellError;
use crate::heartbeat;
use crate::run::data::without;
use crate::run::event::Stage;
use ssl_datasets::source::{Source, open_sets};
use std::sync::Arc;

impl Work<'_> {
    /// Opens the training set and the test sets, in this order, without the images that the run leaves
    /// out.
    pub(super) fn open(&mut self) -> Result<Vec<Arc<dyn Source>>, CellError> {
        self.timed(Stage::Prepare, |work| {
            let job = work.job;
            let root = job.setup.data_root.as_deref();
            let open = || open_sets(&job.config.train, &job.evaluation.test, root);
            let sets = heartbeat::through(work.listener.sign_of_life(), open);
            let sets = sets.map_err(CellError::Sets)?;
            let mut sources = vec![without(sets.train, &job.data.left_out_of_train)];
            for set in sets.test {
                let left_out = job.data.left_out.get(set.name());
                let left_out = left_out.map_or(&[][..], Vec::as_slice);
                sources.push(without(set, left_out));
            }
            Ok(sources)
        })
    }
}
