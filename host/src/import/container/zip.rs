//! Zip files as torch writes them: every entry stored, none compressed. An entry that claims
//! otherwise is refused, so nothing in the file can unfold to more than the file's own length.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::{io, malformed};
use crate::import::pickle::{Input, Loaded, load};
use crate::import::{ImportError, Result};

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Length of the end record without its comment.
const END_LEN: u64 = 22;
const MASK_32: u64 = 0xffff_ffff;

/// Where the entries are: first byte and length by name.
#[derive(Debug)]
pub(super) struct Archive {
    /// The folder that holds everything.
    prefix: String,
    entries: HashMap<String, (u64, u64)>,
}

impl Archive {
    pub(super) fn storage(&self, key: &str) -> Option<(u64, u64)> {
        self.entries
            .get(&format!("{}data/{key}", self.prefix))
            .copied()
    }
}

/// Finds the entries and loads `data.pkl`.
pub(super) fn open(path: &Path, file: File) -> Result<(Loaded, Archive)> {
    let length = file.metadata().map_err(io(path))?.len();
    let mut reader = Bytes {
        file: BufReader::new(file),
        path,
        length,
    };
    let mut archive = Archive {
        prefix: String::new(),
        entries: HashMap::new(),
    };
    let (start, size) = reader.directory()?;
    let directory = reader.at(start, size)?;
    let mut rest = directory.as_slice();
    while let Some((name, header, size, after)) = reader.central(rest)? {
        let start = reader.data_start(&name, header, size)?;
        archive.entries.insert(name, (start, size));
        rest = after;
    }
    let root = archive
        .entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .find(|prefix| {
            prefix.matches('/').count() <= 1 && (prefix.is_empty() || prefix.ends_with('/'))
        });
    let Some(root) = root else {
        return Err(malformed(
            path,
            "a zip file written by torch",
            "one without data.pkl",
        ));
    };
    archive.prefix = root.to_owned();
    if let Some(&(start, size)) = archive.entries.get(&format!("{root}byteorder")) {
        let order = reader.at(start, size.min(16))?;
        if order != b"little" {
            return Err(malformed(
                path,
                "little-endian data",
                String::from_utf8_lossy(&order),
            ));
        }
    }
    let (start, size) = archive.entries[&format!("{root}data.pkl")];
    reader.file.seek(SeekFrom::Start(start)).map_err(io(path))?;
    let mut input = Input::new(&mut reader.file, size);
    let loaded = load(&mut input).map_err(|source| ImportError::Pickle {
        path: path.to_owned(),
        source,
    })?;
    Ok((loaded, archive))
}

struct Bytes<'a> {
    file: BufReader<File>,
    path: &'a Path,
    length: u64,
}

impl Bytes<'_> {
    /// `size` bytes from `start`, if the file has them.
    fn at(&mut self, start: u64, size: u64) -> Result<Vec<u8>> {
        if start.checked_add(size).is_none_or(|end| end > self.length) {
            return Err(malformed(
                self.path,
                "a whole zip file",
                format!("one that ends at byte {}", self.length),
            ));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(io(self.path))?;
        Ok(bytes)
    }

    /// Start and length of the central directory.
    fn directory(&mut self) -> Result<(u64, u64)> {
        // The end record is last, before a comment of at most 65,535 bytes.
        let tail_len = self.length.min(END_LEN + 0xffff);
        let tail = self.at(self.length - tail_len, tail_len)?;
        let Some(place) = tail.windows(4).rposition(|window| window == END) else {
            return Err(malformed(
                self.path,
                "a whole zip file",
                "one without its end (was the download cut off?)",
            ));
        };
        let end = &tail[place..];
        let (size, start) = (u32_at(end, 12), u32_at(end, 16));
        let whole = u16_at(end, 20).is_some_and(|comment| end.len() as u64 == END_LEN + comment);
        let (Some(size), Some(start), true) = (size, start, whole) else {
            return Err(malformed(self.path, "a whole zip file", "a cut-off end"));
        };
        if size != MASK_32 && start != MASK_32 {
            return Ok((start, size));
        }
        let record = self.length - tail_len + place as u64;
        let locator = self.at(record.saturating_sub(20), 20)?;
        let place = u64_at(&locator, 8).filter(|_| locator.starts_with(&LOCATOR_64));
        let end = match place {
            Some(place) => self.at(place, 56)?,
            None => Vec::new(),
        };
        match (u64_at(&end, 40), u64_at(&end, 48)) {
            (Some(size), Some(start)) if end.starts_with(&END_64) => Ok((start, size)),
            _ => Err(malformed(
                self.path,
                "a whole zip file",
                "a damaged 64-bit end record",
            )),
        }
    }

    /// One record of the central directory: name, place of the local header, length of the data,
    /// and what follows.
    #[expect(clippy::type_complexity, reason = "used once, right above")]
    fn central<'d>(&self, bytes: &'d [u8]) -> Result<Option<(String, u64, u64, &'d [u8])>> {
        if !bytes.starts_with(&CENTRAL) {
            return Ok(None);
        }
        let damaged = || malformed(self.path, "a whole zip directory", "a cut-off record");
        let field = |at| u16_at(bytes, at).ok_or_else(damaged);
        let wide = |at| u32_at(bytes, at).ok_or_else(damaged);
        let (flags, method) = (field(8)?, field(10)?);
        let (packed, size, header) = (wide(20)?, wide(24)?, wide(42)?);
        let name_end = 46 + field(28)? as usize;
        let extra_end = name_end + field(30)? as usize;
        let record_end = extra_end + field(32)? as usize;
        let name = bytes.get(46..name_end).ok_or_else(damaged)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let mut extra = bytes.get(name_end..extra_end).ok_or_else(damaged)?;
        let mut values = [size, packed, header];
        // Fields that do not fit 32 bits follow in the extra field 1, in this order.
        while extra.len() >= 4 {
            let (id, len) = (u16_at(extra, 0), u16_at(extra, 2).unwrap_or(0) as usize);
            let body = extra.get(4..4 + len).ok_or_else(damaged)?;
            if id == Some(1) {
                let mut at = 0;
                for value in values.iter_mut().filter(|value| **value == MASK_32) {
                    *value = u64_at(body, at).ok_or_else(damaged)?;
                    at += 8;
                }
            }
            extra = &extra[4 + len..];
        }
        let [size, packed, header] = values;
        if method != 0 || flags & 1 != 0 || packed != size {
            return Err(malformed(
                self.path,
                "entries stored as torch stores them",
                format!(
                    "{name}, compressed or encrypted (method {method}, {packed} bytes for {size})"
                ),
            ));
        }
        let after = bytes.get(record_end..).ok_or_else(damaged)?;
        Ok(Some((name, header, size, after)))
    }

    /// Where the data of an entry begins.
    fn data_start(&mut self, name: &str, header: u64, size: u64) -> Result<u64> {
        let local = self.at(header, 30)?;
        let start = match (u16_at(&local, 26), u16_at(&local, 28)) {
            (Some(name), Some(extra)) if local.starts_with(&LOCAL) => header + 30 + name + extra,
            _ => {
                return Err(malformed(
                    self.path,
                    format!("the header of {name} at byte {header}"),
                    "something else",
                ));
            }
        };
        if start.checked_add(size).is_none_or(|end| end > self.length) {
            return Err(malformed(
                self.path,
                format!("{size} bytes of {name}"),
                "the end of the file",
            ));
        }
        Ok(start)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(field).into())
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(field).into())
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(field))
}
