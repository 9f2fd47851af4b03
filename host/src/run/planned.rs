//! A cell of a benchmark, with what the ledger knows of it.

use super::job::Job;
use crate::digest;
use crate::ledger::{CellDir, CellRecord, DataFacts};
use ssl_datasets::files::open_regular;

/// A cell of the plan, with what the ledger knows of it.
#[derive(Clone, Debug)]
pub struct PlannedCell {
    /// What is to be computed.
    pub job: Job,
    /// Its directory.
    pub dir: CellDir,
    /// Its record, as it was read last.
    pub record: CellRecord,
    /// Why this run has not computed it, where that is the reason.
    pub elsewhere: Option<Elsewhere>,
}

/// Why a run leaves a cell to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// It is of another shard.
    Shard,
    /// A process that is named has it.
    Held(String),
}

impl PlannedCell {
    /// Whether the ledger's results come from another plugin file than is there now.
    #[must_use]
    pub fn is_of_another_build(&self) -> bool {
        let (Some(stamp), Some(path)) = (&self.record.plugin, &self.job.setup.plugin) else {
            return false;
        };
        // A file that cannot be read is reported where it is needed.
        open_regular(path)
            .and_then(digest::sha256_of)
            .is_ok_and(|sha256| sha256 != stamp.sha256)
    }

    /// What sets the cell apart from one that is computed now, as sentences: threads and images of earlier
    /// attempts whose work is kept. `data` is what was found out about the images now, where they were looked
    /// at.
    #[must_use]
    pub fn differences(&self, data: Option<&DataFacts>) -> Vec<String> {
        let mut found = Vec::new();
        let (before, now) = (&self.record.threads, self.job.setup.threads);
        if self.job.keeps_work(&self.record) && before.iter().any(|&threads| threads != now) {
            let before: Vec<String> = before.iter().map(usize::to_string).collect();
            found.push(format!(
                "was computed with `pretrain.threads` = {}, this run has {now}, which changes scores as another seed would; set the old number",
                before.join(" and ")
            ));
        }
        let before = self.record.data.ids_left_out();
        if self.job.keeps_work(&self.record) && data.is_some_and(|now| now.ids_left_out() != before)
        {
            found.push("left out other images that cannot be read than this run does".to_owned());
        }
        found
    }

    /// Whether the cell is pretrained when it is carried out.
    #[must_use]
    pub fn pretrains(&self) -> bool {
        self.job.pretrains()
    }

    /// Whether the ledger has the cell's scores already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.job.is_met_by(&self.record)
    }

    /// Whether this run is to compute it.
    #[must_use]
    pub fn is_to_do(&self) -> bool {
        !self.is_done() && !self.record.unreadable && self.elsewhere != Some(Elsewhere::Shard)
    }

    /// Looks what other runs have made of it meanwhile.
    pub fn refresh(&mut self) {
        // A configuration that was written once can be written again.
        if let Ok(record) = self.job.record() {
            self.record = record;
        }
    }
}
