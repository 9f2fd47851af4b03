//! The directories of a ledger.

use super::atomic::write_atomic;
use super::error::LedgerError;
use super::plan::Plan;
use super::record::{CellRecord, FORMAT, WITH_DIGEST};
use crate::checksum::{self, Damage};
use crate::config::canonical;
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
    _lock: File,
}

/// The directory of one cell.
#[derive(Clone, Debug)]
pub struct CellDir {
    path: PathBuf,
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
            _lock: lock,
        })
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
        write_json(&self.root.join("bench.json"), bench, "the benchmark")
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
            cell: format!("{framework}, seed {seed}"),
            source,
        };
        let config = serde_json::to_value(config).map_err(serialize)?;
        let hash = canonical::hash(&config).map_err(serialize)?;
        let name = format!("{framework}-{seed}-{}", &hash[..HASH_DIGITS]);
        let path = self.root.join("cells").join(name);
        fs::create_dir_all(&path).map_err(io_error("create", &path))?;
        let dir = CellDir { path };
        let record = match dir.read()? {
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
            let dir = CellDir { path };
            if let Some(record) = dir.read()? {
                records.push((dir, record));
            }
        }
        Ok(records)
    }
}

impl CellDir {
    /// The directory at `path`, which exists.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's name, which names the cell.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// A file of the cell.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The cell's record, `None` before the first one was written.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<CellRecord>, LedgerError> {
        let path = self.file("cell.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("read", &path)(e)),
        };
        let refuse = |source| LedgerError::Record {
            path: path.clone(),
            source,
        };
        let (value, damage) = checksum::from_json(&text).map_err(refuse)?;
        let format = value["format"].as_u64().unwrap_or(0) as u32;
        match damage {
            // Their scores are worth more than the doubt.
            Some(Damage::NoDigest) if (1..WITH_DIGEST).contains(&format) => {
                tracing::warn!(
                    "{}: a record of format {format} has no digest; damage would go unnoticed",
                    path.display()
                );
            }
            Some(damage) => return Err(LedgerError::Damaged { path, damage }),
            None => {}
        }
        if format > FORMAT {
            return Err(LedgerError::Format {
                path,
                expected: FORMAT,
                found: format,
            });
        }
        let record: CellRecord = serde_json::from_value(value).map_err(refuse)?;
        match record.impossible_count() {
            Some(found) => Err(LedgerError::Counts { path, found }),
            None => Ok(Some(record)),
        }
    }

    /// Replaces the cell's record.
    ///
    /// # Errors
    /// When it cannot be written; the old record then stands.
    pub fn write(&self, record: &CellRecord) -> Result<(), LedgerError> {
        write_json(&self.file("cell.json"), record, &self.name())
    }
}

pub(super) fn write_json<T: Serialize>(
    path: &Path,
    value: &T,
    cell: &str,
) -> Result<(), LedgerError> {
    let text = checksum::to_json(value).map_err(|source| LedgerError::Serialize {
        cell: cell.to_owned(),
        source,
    })?;
    write_atomic(path, &text).map_err(io_error("write", path))
}

pub(super) fn io_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::evaluate::record::{ProtocolRef, TestSetScore, Variant};
    use crate::ledger::{Failure, FailureKind, Status};
    use serde_json::json;

    #[test]
    fn a_cell_is_found_again_by_its_configuration_alone() {
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
    fn a_failed_cell_keeps_its_reason_until_it_begins_again() {
        let mut record = CellRecord::pending("toy", 0, json!({}), "00");
        record.begin();
        let failure = Failure {
            kind: FailureKind::Killed,
            message: "killed".to_owned(),
            log_tail: vec!["last words".to_owned()],
        };
        record.end(Status::Failed, Some(failure.clone()));
        assert_eq!(record.failure, Some(failure));
        record.begin();
        assert_eq!((record.failure, record.attempts), (None, 2));
    }

    #[test]
    fn one_holder_at_a_time() {
        let out = tempfile::tempdir().unwrap();
        let first = Ledger::open(out.path()).unwrap();
        let refused = Ledger::open(out.path()).unwrap_err();
        let pid = std::process::id().to_string();
        assert!(matches!(refused, LedgerError::Busy { holder, .. } if holder == pid));
        drop(first);
        Ledger::open(out.path()).unwrap();
    }

    #[test]
    fn a_record_from_the_future_is_refused_and_a_broken_one_named() {
        let out = tempfile::tempdir().unwrap();
        let dir = CellDir::at(out.path().to_owned());
        let future = checksum::to_json(&json!({"format": 99})).unwrap();
        fs::write(dir.file("cell.json"), future).unwrap();
        assert!(matches!(
            dir.read().unwrap_err(),
            LedgerError::Format { found: 99, .. }
        ));
        fs::write(dir.file("cell.json"), "{").unwrap();
        assert!(dir.read().unwrap_err().to_string().contains("cell.json"));
    }

    fn record_with_counts(correct: u64, n: u64) -> CellRecord {
        let mut record = CellRecord::pending("toy", 0, json!({}), "00");
        record.results.report.evaluations.push(TestSetScore {
            protocol: ProtocolRef::new("knn", &1),
            dataset: "val".to_owned(),
            label_space: "full-2".to_owned(),
            variant: Variant::Knn { k: 1, used: 1 },
            headline: true,
            correct,
            n,
            correct_top5: 0,
            excluded: 0,
            per_class: Vec::new(),
        });
        record
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let out = tempfile::tempdir().unwrap();
        let dir = CellDir::at(out.path().to_owned());
        dir.write(&record_with_counts(7, 9)).unwrap();
        let whole = fs::read(dir.file("cell.json")).unwrap();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(dir.file("cell.json"), bytes).unwrap();
            let refused = dir.read().unwrap_err().to_string();
            assert!(refused.contains("cell.json"), "bit {bit}: {refused}");
        }
    }

    #[test]
    fn a_record_of_the_format_before_digests_is_read() {
        let out = tempfile::tempdir().unwrap();
        let dir = CellDir::at(out.path().to_owned());
        let old = CellRecord {
            format: 1,
            ..record_with_counts(7, 9)
        };
        fs::write(dir.file("cell.json"), json!(old).to_string()).unwrap();
        assert_eq!(dir.read().unwrap(), Some(old));
    }

    #[test]
    fn more_right_answers_than_images_are_refused() {
        let out = tempfile::tempdir().unwrap();
        let dir = CellDir::at(out.path().to_owned());
        dir.write(&record_with_counts(4500, 9)).unwrap();
        let refused = dir.read().unwrap_err().to_string();
        assert!(
            refused.contains("cell.json") && refused.contains("4500 of 9 (knn on val)"),
            "{refused}"
        );
    }

    #[test]
    fn an_atomic_write_leaves_nothing_beside_it() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
    }
}
