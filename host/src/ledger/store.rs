//! The directories of a ledger.

use super::cell_dir::CellDir;
use super::error::{LedgerError, io_error};
use super::plan::Plan;
use super::record::CellRecord;
use crate::{checksum, digest};
use serde::Serialize;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Digits of the configuration's hash in a cell's directory name.
const HASH_DIGITS: usize = 8;

/// An output directory, held by this process until it is dropped.
#[derive(Debug)]
pub struct Ledger {
    root: PathBuf,
    /// Whether cells count as not computed, whatever is there.
    fresh: bool,
    _lock: File,
}

impl Ledger {
    /// Opens the ledger in `root`, which is created when missing, and takes hold of it.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or another process holds it.
    pub fn open(root: &Path) -> Result<Self, LedgerError> {
        let cells = root.join("cells");
        fs::create_dir_all(&cells).map_err(io_error("create", &cells))?;
        let path = root.join(".lock");
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(LedgerError::Busy {
                    path: root.to_owned(),
                    holder: holder.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(io_error("write", &path))?;
        Ok(Self {
            root: root.to_owned(),
            fresh: false,
            _lock: lock,
        })
    }

    /// From now on cells count as not computed: [`Ledger::cell`] reads no record. What was computed
    /// stays until [`CellDir::clear`].
    #[must_use]
    pub fn afresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
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
    /// which is a pending one when the cell is new.
    ///
    /// # Errors
    /// When the directory cannot be made or the record cannot be read.
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
        let path = self.root.join("cells").join(name);
        fs::create_dir_all(&path).map_err(io_error("create", &path))?;
        let dir = CellDir::at(path);
        let known = if self.fresh { None } else { dir.read()? };
        let record = match known {
            Some(record) if record.config_sha256 == hash => record,
            _ => CellRecord::pending(framework, seed, config, &hash),
        };
        Ok((dir, record))
    }

    /// Every record of the ledger, whatever benchmark it was computed for, by directory name.
    ///
    /// # Errors
    /// When a directory or a record cannot be read.
    pub fn records(root: &Path) -> Result<Vec<(CellDir, CellRecord)>, LedgerError> {
        let cells = root.join("cells");
        let mut paths = fs::read_dir(&cells)
            .and_then(|entries| {
                entries
                    .map(|e| e.map(|e| e.path()))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(io_error("list", &cells))?;
        paths.sort();
        let mut records = Vec::new();
        for path in paths {
            let dir = CellDir::at(path);
            if let Some(record) = dir.read()? {
                records.push((dir, record));
            }
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::ledger::Status;
    use serde_json::json;

    #[test]
    fn cell_directory_is_found_by_configuration() {
        let out = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(out.path()).unwrap();
        let (dir, mut record) = ledger.cell("toy", 3, &json!({"a": 1, "b": 2})).unwrap();
        assert_eq!(record.status, Status::Pending);
        record.begin();
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
        assert_eq!(Ledger::records(out.path()).unwrap().len(), 1);
    }

    #[test]
    fn ledger_is_locked_by_one_process() {
        let out = tempfile::tempdir().unwrap();
        let first = Ledger::open(out.path()).unwrap();
        let refused = Ledger::open(out.path()).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(matches!(refused, LedgerError::Busy { holder, .. } if holder == pid));
        drop(first);
        // A child that another test is just starting may still hold a copy of the lock.
        let begun = std::time::Instant::now();
        while Ledger::open(out.path()).is_err() {
            assert!(begun.elapsed().as_secs() < 60, "the ledger stays locked");
            std::thread::yield_now();
        }
    }
}
