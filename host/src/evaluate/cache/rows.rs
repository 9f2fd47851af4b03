//! Features of an extraction that is under way, so that it goes on where it stopped.
//!
//! The file holds a record for each batch: number of rows, numbers a row, BLAKE3 digest of both, of the entry's key
//! and of the bytes that follow. A record that is not whole, or is another entry's, ends the file. So a kill
//! at any moment costs one batch.

use crate::atomic;
use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Bytes before a batch's own: rows, numbers a row, digest.
const HEAD: usize = 8 + 8 + 32;

/// A batch of features as bytes.
pub(super) struct Rows {
    pub(super) count: u64,
    /// Numbers a row.
    pub(super) dim: u64,
    pub(super) bytes: Vec<u8>,
}

impl Rows {
    fn digest(&self, key: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(key.as_bytes());
        hasher.update(&self.count.to_le_bytes());
        hasher.update(&self.dim.to_le_bytes());
        hasher.update(&self.bytes);
        *hasher.finalize().as_bytes()
    }
}

/// The open file; once the disk refuses a record, nothing is kept any more.
pub(super) struct RowLog {
    path: PathBuf,
    key: String,
    file: Option<File>,
}

impl RowLog {
    /// Opens the file of an entry, hands every whole batch in it to `take`, in order, and gives back how many
    /// there were. `bytes` are those of one number.
    pub(super) fn open<E>(
        path: PathBuf,
        key: &str,
        bytes: u64,
        mut take: impl FnMut(Rows) -> Result<(), E>,
    ) -> Result<(Self, usize), E> {
        let mut log = Self {
            path,
            key: key.to_owned(),
            file: None,
        };
        let opened = atomic::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&log.path);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                log.give_up(&error);
                return Ok((log, 0));
            }
        };
        let length = file.metadata().map_or(0, |about| about.len());
        let (mut whole, mut batches) = (0, 0);
        let mut reader = BufReader::new(&file);
        while let Some(rows) = next(&mut reader, key, bytes, length - whole) {
            whole += HEAD as u64 + rows.bytes.len() as u64;
            batches += 1;
            take(rows)?;
        }
        drop(reader);
        log.file = Some(file);
        let ready = log.at(whole);
        if let Err(error) = ready {
            log.give_up(&error);
        }
        Ok((log, batches))
    }

    fn at(&mut self, end: u64) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end)).map(drop)
    }

    /// Keeps the next batch.
    pub(super) fn keep(&mut self, rows: &Rows) {
        let Some(file) = &mut self.file else { return };
        let mut record = Vec::with_capacity(HEAD + rows.bytes.len());
        record.extend(rows.count.to_le_bytes());
        record.extend(rows.dim.to_le_bytes());
        record.extend(rows.digest(&self.key));
        record.extend(&rows.bytes);
        if let Err(error) = file.write_all(&record) {
            self.give_up(&error);
        }
    }

    /// Removes the file, as the entry is there now. One left behind is untidy at worst.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }

    fn give_up(&mut self, error: &io::Error) {
        self.file = None;
        let _ = fs::remove_file(&self.path);
        tracing::warn!(
            "cannot write {} ({error}); a stop in this extraction costs the set",
            self.path.display()
        );
    }
}

/// The next whole batch of a file in which `left` bytes are left.
fn next(reader: &mut impl io::Read, key: &str, bytes: u64, left: u64) -> Option<Rows> {
    let mut head = [0; HEAD];
    reader.read_exact(&mut head).ok()?;
    let number = |at: usize| head[at..at + 8].try_into().map(u64::from_le_bytes).ok();
    let (count, dim) = (number(0)?, number(8)?);
    let length = count.checked_mul(dim)?.checked_mul(bytes)?;
    if length > left.saturating_sub(HEAD as u64) {
        return None;
    }
    let mut rows = Rows {
        count,
        dim,
        bytes: vec![0; usize::try_from(length).ok()?],
    };
    reader.read_exact(&mut rows.bytes).ok()?;
    (rows.digest(key) == head[16..]).then_some(rows)
}

/// Where the batches of the entry at `path` are kept meanwhile.
pub(super) fn path_of(path: &Path) -> PathBuf {
    path.with_extension("rows")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    fn batch(first: u8) -> Rows {
        Rows {
            count: 2,
            dim: 3,
            bytes: (first..first + 24).collect(),
        }
    }

    fn open(path: &Path, key: &str) -> (RowLog, Vec<Vec<u8>>) {
        let mut found = Vec::new();
        let opened = RowLog::open(path.to_owned(), key, 4, |rows| {
            found.push(rows.bytes);
            Ok::<(), ()>(())
        });
        (opened.unwrap().0, found)
    }

    #[test]
    fn whole_batches_survive_wherever_the_file_is_torn_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rows");
        let (mut log, found) = open(&path, "key");
        assert!(found.is_empty());
        let batches = [batch(0), batch(100)];
        batches.iter().for_each(|rows| log.keep(rows));
        drop(log);
        let whole = fs::read(&path).unwrap();
        let one = whole.len() / 2;
        for end in 0..=whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let (mut log, found) = open(&path, "key");
            assert_eq!(found.len(), end / one, "cut at {end}");
            // What follows is written behind what is whole.
            log.keep(&batches[1]);
            assert_eq!(open(&path, "key").1.len(), end / one + 1);
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(&path, bytes).unwrap();
            assert_eq!(open(&path, "key").1.len(), at / one, "damaged at {at}");
        }
        fs::write(&path, &whole).unwrap();
        assert!(open(&path, "another").1.is_empty());
    }
}
