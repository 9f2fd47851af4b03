//! The directory of one cell, and the record in it.

use super::error::{LedgerError, io_error};
use super::lock::FolderLock;
use super::record::{CellRecord, FORMAT, WITH_DIGEST};
use crate::checksum::{self, Damage};
use crate::regular;
use crate::terminal::with_causes;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the record's file.
const FILE: &str = "cell.json";

/// The directory of one cell.
#[derive(Clone, Debug)]
pub struct CellDir {
    path: PathBuf,
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

    /// Makes the directory and takes hold of it, waiting for at most `patience` for whoever has it.
    ///
    /// # Errors
    /// When it cannot be made; those of [`FolderLock::take`].
    pub fn claim(&self, patience: Duration) -> Result<FolderLock, LedgerError> {
        self.create()?;
        FolderLock::take(&self.path, patience)
    }

    fn create(&self) -> Result<(), LedgerError> {
        fs::create_dir_all(&self.path).map_err(io_error("create", &self.path))
    }

    /// The cell's record; `pending` when there is none of the same configuration, and when the one that is
    /// there cannot be read, which it then says itself.
    #[must_use]
    pub fn record(&self, pending: CellRecord) -> CellRecord {
        match self.read() {
            Ok(Some(record)) if record.config_sha256 == pending.config_sha256 => record,
            Ok(_) => pending,
            Err(error) => pending.unreadable(advice(&error, self)),
        }
    }

    /// The cell's record, `None` before the first one was written.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<CellRecord>, LedgerError> {
        let path = self.file(FILE);
        let text = match regular::read(&path) {
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
        self.create()?;
        let path = self.file(FILE);
        checksum::write_json(&path, record).map_err(io_error("write", &path))
    }
}

/// Why a record cannot be read, and what to do.
pub(super) fn advice(error: &LedgerError, dir: &CellDir) -> String {
    let words = with_causes(error);
    let name = dir.name();
    match error {
        LedgerError::Format { .. } => {
            format!("{words}; use the version of ssl-lottery that wrote it, or newer")
        }
        _ => format!("{words}; `run --redo {name}` computes the cell anew"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use crate::evaluate::LabelSpaceName;
    use crate::evaluate::record::{ProtocolRef, TestSetScore, Variant};
    use serde_json::json;

    #[test]
    fn record_of_a_newer_format_is_refused() {
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
            label_space: LabelSpaceName::Full { classes: 2 },
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
    fn every_flipped_bit_of_a_record_is_detected() {
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
}
