//! Zip files as torch writes them: every entry stored, none compressed. An entry that claims
//! otherwise is refused, so nothing in the file can unfold to more than the file's own length. Each
//! entry has a checksum, which is compared with what is read; torch can be told to leave it out.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use rawzip::{CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive};

use super::{io, malformed};
use crate::import::pickle::{Input, Loaded, load};
use crate::import::{ImportError, Result};

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
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let zip = ZipArchive::from_file(file, &mut buffer).map_err(broken(path))?;
    if zip.end_offset() != length {
        return Err(malformed(
            path,
            "a whole zip file",
            format!("one that ends at byte {} of {length}", zip.end_offset()),
        ));
    }
    let mut entries = HashMap::new();
    let mut directory = zip.entries(&mut buffer);
    while let Some(record) = directory.next_entry().map_err(broken(path))? {
        let name = String::from_utf8_lossy(record.file_path().as_ref()).into_owned();
        let (size, packed) = (
            record.uncompressed_size_hint(),
            record.compressed_size_hint(),
        );
        let method = record.compression_method();
        if method != CompressionMethod::STORE || record.flags().is_encrypted() || packed != size {
            return Err(malformed(
                path,
                "entries stored as torch stores them",
                format!("{name}, compressed or encrypted ({method}, {packed} bytes for {size})"),
            ));
        }
        let entry = zip.get_entry(record.wayfinder()).map_err(broken(path))?;
        let (start, end) = entry.compressed_data_range();
        if end > length {
            let expected = format!("{size} bytes of {name}");
            return Err(malformed(path, expected, "the end of the file"));
        }
        let crc = record.crc32();
        let stored = Stored { start, size, crc };
        if entries.insert(name.clone(), stored).is_some() {
            let found = format!("two entries {name:?}");
            return Err(malformed(path, "entries of different names", found));
        }
    }
    let mut archive = Archive {
        prefix: String::new(),
        entries,
    };
    archive.prefix =
        root(&archive).map_err(|found| malformed(path, "a zip file written by torch", found))?;
    let mut file = BufReader::new(zip.into_inner().into_inner());
    if let Some(order) = archive.entries.get(&format!("{}byteorder", archive.prefix)) {
        check_byte_order(path, &mut file, *order)?;
    }
    let name = format!("{}data.pkl", archive.prefix);
    let Stored { start, size, crc } = archive.entries[&name];
    if crc != 0 && crc != checksum(&mut file, start, size).map_err(io(path))? {
        return Err(malformed(
            path,
            format!("data of {name} with the checksum {crc:08x}"),
            "another one: the file is damaged",
        ));
    }
    file.seek(SeekFrom::Start(start)).map_err(io(path))?;
    let mut input = Input::new(&mut file, size);
    let loaded = load(&mut input).map_err(|source| ImportError::Pickle {
        path: path.to_owned(),
        source,
    })?;
    Ok((loaded, archive))
}

/// What the zip reader complains about, in our words.
fn broken(path: &Path) -> impl Fn(rawzip::Error) -> ImportError {
    move |error| {
        let found = match error.into_kind() {
            ErrorKind::IO(source) => return io(path)(source),
            ErrorKind::MissingEndOfCentralDirectory => {
                "one without its end (was the download cut off?)".to_owned()
            }
            ErrorKind::Eof => "one that is cut off".to_owned(),
            other => format!("a damaged one ({other})"),
        };
        malformed(path, "a whole zip file", found)
    }
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

fn check_byte_order(path: &Path, file: &mut BufReader<File>, entry: Stored) -> Result<()> {
    let mut order = Vec::new();
    file.seek(SeekFrom::Start(entry.start))
        .and_then(|_| file.take(entry.size.min(16)).read_to_end(&mut order))
        .map_err(io(path))?;
    if order == b"little" {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&order);
    Err(malformed(path, "little-endian data", found))
}

/// The checksum of `size` bytes from `start`.
fn checksum(file: &mut BufReader<File>, start: u64, size: u64) -> std::io::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut block = [0; 1 << 14];
    file.seek(SeekFrom::Start(start))?;
    let mut rest = file.take(size);
    loop {
        match rest.read(&mut block)? {
            0 => return Ok(hasher.finalize()),
            n => hasher.update(&block[..n]),
        }
    }
}
