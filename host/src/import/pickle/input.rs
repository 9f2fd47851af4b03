//! Bounded reading: a length that the file cannot hold is refused before memory is asked for.

use std::io::{Read, Seek};

use super::PickleError;

/// A reader that knows how much is left.
#[derive(Debug)]
pub struct Input<R> {
    reader: R,
    at: u64,
    end: u64,
}

impl<R: Read> Input<R> {
    /// Reads at most `length` bytes of `reader`.
    pub const fn new(reader: R, length: u64) -> Self {
        Self {
            reader,
            at: 0,
            end: length,
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.at
    }

    pub(super) fn bytes(&mut self, len: u64) -> Result<Vec<u8>, PickleError> {
        if len > self.end - self.at {
            return Err(PickleError::Truncated { at: self.at });
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        if N as u64 > self.end - self.at {
            return Err(PickleError::Truncated { at: self.at });
        }
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), PickleError> {
        self.reader
            .read_exact(bytes)
            .map_err(|source| PickleError::Io {
                at: self.at,
                source,
            })?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Result<u8, PickleError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Up to a line feed, which is left out.
    pub(super) fn line(&mut self) -> Result<String, PickleError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                byte => line.push(byte),
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(printable(&line))
    }

    /// A whole number of eight bytes, lowest first.
    ///
    /// # Errors
    /// [`PickleError::Truncated`] at the end.
    pub fn number(&mut self) -> Result<u64, PickleError> {
        self.array().map(u64::from_le_bytes)
    }
}

impl<R: Read + Seek> Input<R> {
    /// Passes over `bytes` bytes; `false` when there are fewer left.
    pub fn skip(&mut self, bytes: u64) -> bool {
        let fits = bytes <= self.end - self.at
            && i64::try_from(bytes).is_ok_and(|step| self.reader.seek_relative(step).is_ok());
        if fits {
            self.at += bytes;
        }
        fits
    }
}

/// Bytes as text that a terminal may show: names come from strangers, and control characters have no
/// place in them.
pub(in crate::import) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.replace(char::is_control, "\u{fffd}")
}
