//! Which cells of a ledger make up its tables. Others stay when settings are changed, for the case
//! that they are changed back.

use super::cell_dir::CellDir;
use super::error::{LedgerError, io_error};
use super::record::{CellRecord, Status};
use crate::checksum;
use crate::regular;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

const FILE: &str = "plan.json";

/// The cells that the last run of a benchmark asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Names of their directories, in the order of the benchmark.
    pub cells: Vec<String>,
    /// The evaluation settings that their scores are to be of.
    pub evaluation: Value,
}

impl Plan {
    /// The plan of the ledger in `root`; `None` where a version without plans wrote it.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is damaged.
    pub fn read(root: &Path) -> Result<Option<Self>, LedgerError> {
        let path = root.join(FILE);
        let text = match regular::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        checksum::read_json(&text)
            .map(Some)
            .map_err(io_error("read", &path))
    }

    pub(super) fn write(&self, root: &Path) -> Result<(), LedgerError> {
        let path = root.join(FILE);
        checksum::write_json(&path, self).map_err(io_error("write", &path))
    }

    /// Whether the cell was asked for.
    #[must_use]
    pub fn has(&self, dir: &CellDir) -> bool {
        self.cells.contains(&dir.name())
    }

    /// Whether the record has the scores that are asked for.
    #[must_use]
    pub fn is_met_by(&self, record: &CellRecord) -> bool {
        record.status == Status::Done && record.evaluation == self.evaluation
    }
}
