//! Features of the passes that are begun at a checkpoint, so that a pass goes on where it stopped.
//!
//! A framework's state is only asked for between steps; what it has absorbed of an open pass is in no
//! checkpoint. A resumed run therefore begins the pass again at the checkpoint and hands the framework
//! the features that were computed before, out of this file, in the same order.
//!
//! The file starts with the digest of the checkpoint it belongs to. A record follows for each batch: its
//! length in 8 bytes, then a safetensors file with its own digest. A record that is not whole ends the
//! file, so a kill at any moment costs one batch at most.

use crate::atomic;
use crate::progress::Progress;
use crate::tensorfile;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use tch::Tensor;

/// The number of the pass that a record belongs to.
const PASS: &str = "pass";

/// The open file; once the disk refuses a record, nothing is kept any more.
pub(super) struct PassLog {
    path: PathBuf,
    file: Option<File>,
    /// Where the next record is, or is to be.
    at: u64,
}

impl PassLog {
    /// Opens the file that belongs to a checkpoint; one of another checkpoint is begun anew.
    pub(super) fn open(path: PathBuf, checkpoint: &str, progress: &mut dyn Progress) -> Self {
        let at = checkpoint.len() as u64;
        let open = || -> io::Result<File> {
            let mut file = atomic::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            let mut found = vec![0; checkpoint.len()];
            if file.read_exact(&mut found).is_err() || found != checkpoint.as_bytes() {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(checkpoint.as_bytes())?;
            }
            Ok(file)
        };
        let opened = open();
        let mut log = Self {
            path,
            file: None,
            at,
        };
        match opened {
            Ok(file) => log.file = Some(file),
            Err(error) => log.give_up(&error, progress),
        }
        log
    }

    /// The next batch of pass `nth`, where it was computed before.
    pub(super) fn next(&mut self, nth: u64) -> Option<Vec<(String, Tensor)>> {
        let file = self.file.as_mut()?;
        let mut length = [0; 8];
        file.seek(SeekFrom::Start(self.at)).ok()?;
        file.read_exact(&mut length).ok()?;
        let length = u64::from_le_bytes(length);
        let end = self.at.checked_add(8)?.checked_add(length)?;
        if end > file.metadata().ok()?.len() {
            return None;
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact(&mut bytes).ok()?;
        let record = tensorfile::from_bytes(&bytes, &self.path).ok()?;
        let (_, pass) = record.iter().find(|(name, _)| name == PASS)?;
        if pass.int64_value(&[]) != nth as i64 {
            return None;
        }
        self.at = end;
        Some(record)
    }

    /// Keeps a batch of pass `nth`; what follows in the file is given up.
    pub(super) fn keep(
        &mut self,
        nth: u64,
        mut record: Vec<(String, Tensor)>,
        progress: &mut dyn Progress,
    ) {
        let Some(file) = &mut self.file else { return };
        record.push((PASS.to_owned(), Tensor::from(nth as i64)));
        let tensors = record.iter().map(|(name, tensor)| (name.clone(), tensor));
        let written = tensorfile::to_bytes(&self.path, tensors)
            .map_err(io::Error::other)
            .and_then(|(bytes, _)| {
                file.set_len(self.at)?;
                file.seek(SeekFrom::Start(self.at))?;
                file.write_all(&(bytes.len() as u64).to_le_bytes())?;
                file.write_all(&bytes)?;
                Ok(8 + bytes.len() as u64)
            });
        match written {
            Ok(length) => self.at += length,
            Err(error) => self.give_up(&error, progress),
        }
    }

    fn give_up(&mut self, error: &io::Error, progress: &mut dyn Progress) {
        self.file = None;
        let _ = std::fs::remove_file(&self.path);
        progress.warning(&format!(
            "cannot write {} ({error}); a stop in this pass costs the pass",
            self.path.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;
    use crate::progress::NoProgress;
    use std::path::Path;

    fn open(path: &Path, key: &str) -> PassLog {
        PassLog::open(path.to_owned(), key, &mut NoProgress)
    }

    fn record(value: i64) -> Vec<(String, Tensor)> {
        vec![("index".to_owned(), Tensor::from(value))]
    }

    fn index(record: &[(String, Tensor)]) -> i64 {
        let (_, index) = record.iter().find(|(name, _)| name == "index").unwrap();
        index.int64_value(&[])
    }

    #[test]
    fn whole_records_of_the_same_checkpoint_are_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = open(&path, "one");
        assert!(log.next(0).is_none());
        for (nth, value) in [(0, 5), (0, 6), (1, 7)] {
            log.keep(nth, record(value), &mut NoProgress);
        }
        let whole = std::fs::read(&path).unwrap();

        let mut log = open(&path, "one");
        assert_eq!(index(&log.next(0).unwrap()), 5);
        assert!(log.next(1).is_none());
        assert_eq!(index(&log.next(0).unwrap()), 6);
        assert!(log.next(0).is_none());
        assert_eq!(index(&log.next(1).unwrap()), 7);
        assert!(log.next(1).is_none());

        // However much a killed process has written of the last record, it is written again.
        for length in (3..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let mut log = open(&path, "one");
            let mut count = 0;
            while log.next(0).is_some() {
                count += 1;
            }
            log.keep(0, record(9), &mut NoProgress);
            let mut log = open(&path, "one");
            let read: Vec<i64> = std::iter::from_fn(|| log.next(0).map(|r| index(&r))).collect();
            let mut expected = vec![5, 6];
            expected.truncate(count);
            expected.push(9);
            assert_eq!(read, expected, "{length} bytes");
        }

        std::fs::write(&path, &whole).unwrap();
        let mut log = open(&path, "two");
        assert!(log.next(0).is_none());
    }
}
