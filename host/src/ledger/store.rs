//! The directories of a ledger.

use super::cell_dir::{CellDir, advice};
use super::error::{LedgerError, io_error};
use super::lock::SharedLock;
use super::plan::Plan;
use super::record::CellRecord;
use crate::{atomic, checksum, digest};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Digits of the configuration's hash in a cell's directory name.
const HASH_DIGITS: usize = 8;

/// An output directory, which this process uses with others until it is dropped.
#[derive(Debug)]
pub struct Ledger {
    root: PathBuf,
    /// Whether cells count as not computed, whatever is there.
    fresh: bool,
    /// Names of cells that count as not computed.
    redo: Vec<String>,
    /// `None` where nothing is written.
    _lock: Option<SharedLock>,
}

impl Ledger {
    /// Opens the ledger in `root`, which is created when missing.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or a process holds it for itself.
    pub fn open(root: &Path) -> Result<Self, LedgerError> {
        // A plugin may change the folder that relative paths start from.
        let root = &std::path::absolute(root).map_err(io_error("find", root))?;
        let cells = root.join("cells");
        fs::create_dir_all(&cells).map_err(io_error("create", &cells))?;
        let lock = SharedLock::take(root)?;
        atomic::sweep_below(root);
        Ok(Self {
            root: root.to_owned(),
            fresh: false,
            redo: Vec::new(),
            _lock: Some(lock),
        })
    }

    /// Looks at the ledger in `root`, which need not be there; nothing is written to it.
    ///
    /// # Errors
    /// When the folder that relative paths start from cannot be found.
    pub fn look(root: &Path) -> Result<Self, LedgerError> {
        Ok(Self {
            root: std::path::absolute(root).map_err(io_error("find", root))?,
            fresh: false,
            redo: Vec::new(),
            _lock: None,
        })
    }

    /// From now on cells count as not computed: [`Ledger::cell`] reads no record. What was computed
    /// stays until the cell is computed anew.
    #[must_use]
    pub fn afresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
    }

    /// From now on the cells of these names count as not computed.
    #[must_use]
    pub fn redoing(self, redo: &[String]) -> Self {
        let redo = redo.to_vec();
        Self { redo, ..self }
    }

    /// The output directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes the resolved benchmark beside the cells.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_bench<T: Serialize>(&self, bench: &T) -> Result<(), LedgerError> {
        let path = self.root.join("bench.json");
        checksum::write_json(&path, bench).map_err(io_error("write", &path))
    }

    /// Writes down which cells make up the tables.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_plan(&self, plan: &Plan) -> Result<(), LedgerError> {
        plan.write(&self.root)
    }

    /// The cell of a framework, a seed and a resolved configuration: its directory, and its record,
    /// as [`CellDir::record`] finds it. The directory may not be there yet.
    ///
    /// # Errors
    /// When the configuration cannot be written as JSON.
    pub fn cell<T: Serialize>(
        &self,
        framework: &str,
        seed: u64,
        config: &T,
    ) -> Result<(CellDir, CellRecord), LedgerError> {
        let serialize = |source| LedgerError::Serialize {
            what: format!("the record of {framework}, seed {seed}"),
            source,
        };
        let config = serde_json::to_value(config).map_err(serialize)?;
        let hash = digest::sha256_of_json(&config).map_err(serialize)?;
        let name = format!("{framework}-{seed}-{}", &hash[..HASH_DIGITS]);
        let dir = CellDir::at(self.root.join("cells").join(name));
        let pending = CellRecord::pending(framework, seed, config, &hash);
        let record = if self.fresh || self.redo.contains(&dir.name()) {
            pending
        } else {
            dir.record(pending)
        };
        Ok((dir, record))
    }

    /// Every record of the ledger, whatever benchmark it was computed for, by directory name.
    ///
    /// # Errors
    /// When the directories cannot be listed.
    pub fn records(root: &Path) -> Result<Records, LedgerError> {
        let cells = root.join("cells");
        let mut paths = fs::read_dir(&cells)
            .and_then(|entries| {
                entries
                    .map(|e| e.map(|e| e.path()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(io_error("list", &cells))?;
        paths.sort();
        let mut records = Records::default();
        for path in paths {
            let dir = CellDir::at(path);
            match dir.read() {
                Ok(Some(record)) => records.whole.push((dir, record)),
                Ok(None) => {}
                Err(error) => {
                    let reason = advice(&error, &dir);
                    records.damaged.push((dir, reason));
                }
            }
        }
        Ok(records)
    }
}

/// The records of a ledger.
#[derive(Debug, Default)]
pub struct Records {
    /// Those that can be read.
    pub whole: Vec<(CellDir, CellRecord)>,
    /// Those that cannot, with the reason and what to do.
    pub damaged: Vec<(CellDir, String)>,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::ledger::{Holder, Status};
    use serde_json::json;

    #[test]
    fn cell_directory_is_found_by_configuration() {
        let out = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(out.path()).unwrap();
        let (dir, mut record) = ledger.cell("toy", 3, &json!({"a": 1, "b": 2})).unwrap();
        assert_eq!(record.status, Status::Pending);
        record.begin(&Holder::current());
        record.results.pretrain = json!({"loss": 0.7});
        record.end(Status::Done, None);
        dir.write(&record).unwrap();

        let (again, found) = ledger.cell("toy", 3, &json!({"b": 2, "a": 1})).unwrap();
        assert_eq!(again.name(), dir.name());
        assert_eq!(found, record);
        for (framework, seed, config) in [
            ("toy", 3, json!({"a": 1, "b": 3})),
            ("toy", 4, json!({"a": 1, "b": 2})),
            ("tom", 3, json!({"a": 1, "b": 2})),
        ] {
            let (other, fresh) = ledger.cell(framework, seed, &config).unwrap();
            assert_ne!(other.name(), dir.name());
            assert_eq!(fresh.status, Status::Pending);
        }
        assert_eq!(Ledger::records(out.path()).unwrap().whole.len(), 1);
    }

    #[test]
    fn a_ledger_is_shared() {
        let out = tempfile::tempdir().unwrap();
        let first = Ledger::open(out.path()).unwrap();
        let second = Ledger::open(out.path()).unwrap();
        assert_eq!(first.root(), second.root());
    }
}
