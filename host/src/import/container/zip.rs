//! Zip files as torch writes them: every entry stored, none compressed. An entry that claims
//! otherwise is refused, so nothing in the file can unfold to more than the file's own length. Each
//! entry has a checksum, which is compared with what is read; torch can be told to leave it out.

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

/// An entry: first byte and length of its data, and the checksum of it, 0 where there is none.
#[derive(Clone, Copy, Debug)]
struct Stored {
    start: u64,
    size: u64,
    crc: u32,
}

/// Where the entries are, by name.
#[derive(Debug)]
pub(super) struct Archive {
    /// The folder that holds everything.
    prefix: String,
    entries: HashMap<String, Stored>,
}

impl Archive {
    /// First byte and length of a storage's data.
    pub(super) fn storage(&self, key: &str) -> Option<(u64, u64)> {
        self.entry(key).map(|entry| (entry.start, entry.size))
    }

    /// Whether a storage's whole data are those that were written.
    pub(super) fn is_intact(&self, key: &str, data: &[u8]) -> bool {
        let crc = self.entry(key).map_or(0, |entry| entry.crc);
        crc == 0 || crc == crc32fast::hash(data)
    }

    fn entry(&self, key: &str) -> Option<&Stored> {
        self.entries.get(&format!("{}data/{key}", self.prefix))
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
    while let Some(record) = reader.central(rest)? {
        let (name, size, crc) = (record.name, record.size, record.crc);
        let start = reader.data_start(&name, record.header, size)?;
        let stored = Stored { start, size, crc };
        if archive.entries.insert(name.clone(), stored).is_some() {
            let found = format!("two entries {name:?}");
            return Err(malformed(path, "entries of different names", found));
        }
        rest = record.after;
    }
    let root =
        root(&archive).map_err(|found| malformed(path, "a zip file written by torch", found))?;
    archive.prefix = root.clone();
    if let Some(order) = archive.entries.get(&format!("{root}byteorder")) {
        let order = reader.at(order.start, order.size.min(16))?;
        if order != b"little" {
            return Err(malformed(
                path,
                "little-endian data",
                String::from_utf8_lossy(&order),
            ));
        }
    }
    let Stored { start, size, crc } = archive.entries[&format!("{root}data.pkl")];
    if crc != 0 && crc != reader.checksum(start, size)? {
        return Err(malformed(
            path,
            format!("data of {root}data.pkl with the checksum {crc:08x}"),
            "another one: the file is damaged",
        ));
    }
    reader.file.seek(SeekFrom::Start(start)).map_err(io(path))?;
    let mut input = Input::new(&mut reader.file, size);
    let loaded = load(&mut input).map_err(|source| ImportError::Pickle {
        path: path.to_owned(),
        source,
    })?;
    Ok((loaded, archive))
}

/// The folder that holds `data.pkl`; else what was found instead.
fn root(archive: &Archive) -> std::result::Result<String, String> {
    let mut roots: Vec<&str> = archive
        .entries
        .keys()
        .filter_map(|name| name.strip_suffix("data.pkl"))
        .filter(|prefix| {
            prefix.matches('/').count() <= 1 && (prefix.is_empty() || prefix.ends_with('/'))
        })
        .collect();
    roots.sort_unstable();
    match roots[..] {
        [] => Err("one without data.pkl".to_owned()),
        [root] => Ok(root.to_owned()),
        [first, second, ..] => Err(format!(
            "several pickles, {first}data.pkl and {second}data.pkl"
        )),
    }
}

/// A record of the central directory.
struct Record<'d> {
    name: String,
    /// Place of the local header.
    header: u64,
    /// Length of the data.
    size: u64,
    crc: u32,
    /// What follows the record.
    after: &'d [u8],
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

    /// The checksum of `size` bytes from `start`.
    fn checksum(&mut self, start: u64, size: u64) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut part = [0; 1 << 14];
        self.file
            .seek(SeekFrom::Start(start))
            .map_err(io(self.path))?;
        let mut rest = (&mut self.file).take(size);
        loop {
            match rest.read(&mut part).map_err(io(self.path))? {
                0 => return Ok(hasher.finalize()),
                n => hasher.update(&part[..n]),
            }
        }
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

    /// The next record of the central directory.
    fn central<'d>(&self, bytes: &'d [u8]) -> Result<Option<Record<'d>>> {
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
        let crc = wide(16)? as u32;
        Ok(Some(Record {
            name,
            header,
            size,
            crc,
            after,
        }))
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
