//! Where the files of a `tar` archive lie, so that each can be read without unpacking.
//!
//! POSIX `ustar`, with GNU long names and the `path`, `linkpath` and `size` records of pax headers; archives
//! inside the archive (as in ImageNet's training archive) are looked into. Compressed archives are not
//! supported: nothing in them can be read alone.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use super::links::{Link, resolve};
use super::listing::{Found, Place, normal};

const BLOCK: u64 = 512;
/// Longest name or pax header that is read.
const LONGEST: u64 = 1 << 20;
/// Archives in archives.
const DEEPEST: usize = 2;

/// What was read of an archive.
#[derive(Default)]
struct Contents {
    /// The last of several members of one name counts, as when they are unpacked.
    places: BTreeMap<String, Place>,
    links: Vec<Link>,
}

/// Lists an archive in order of path. The root is among it when the archive's names start with `./`: then
/// the archive was made inside the folder.
pub(super) fn index(archive: &mut (impl Read + Seek)) -> io::Result<Vec<Found>> {
    let end = archive.seek(SeekFrom::End(0))?;
    let mut contents = Contents::default();
    contents.walk(archive, 0, end, "", DEEPEST)?;
    let Contents { mut places, links } = contents;
    resolve(links, &mut places);
    let found = places.into_iter();
    Ok(found.map(|(path, place)| Found::new(path, place)).collect())
}

impl Contents {
    /// Lists the archive that lies between `start` and `end`; its names get `prefix` before them.
    fn walk(
        &mut self,
        archive: &mut (impl Read + Seek),
        start: u64,
        end: u64,
        prefix: &str,
        depth: usize,
    ) -> io::Result<()> {
        let mut at = start;
        let mut long = Long::default();
        // An archive ends with a block of zeros; without it something is missing.
        loop {
            if at + BLOCK > end {
                return Err(malformed(at, "the end (is the archive cut short?)"));
            }
            archive.seek(SeekFrom::Start(at))?;
            let mut header = [0; BLOCK as usize];
            archive.read_exact(&mut header)?;
            if header.iter().all(|&b| b == 0) {
                return Ok(());
            }
            check_sum(&header, at)?;
            let mut length = number(&header[124..136], at)?;
            let body = at + BLOCK;
            let kind = header[156];
            if let (b'0' | b'7' | 0, Some(size)) = (kind, long.size) {
                length = size;
            }
            let next = length
                .checked_next_multiple_of(BLOCK)
                .and_then(|padded| body.checked_add(padded))
                .ok_or_else(|| malformed(at, "a length beyond all bounds"))?;
            if length > end - body.min(end) {
                return Err(malformed(
                    at,
                    "a file that goes on beyond the end (is the archive cut short?)",
                ));
            }
            match kind {
                b'L' => long.name = Some(name_text(archive, length, at)?),
                b'K' => long.target = Some(name_text(archive, length, at)?),
                b'x' => long.read(&bytes(archive, length, at)?),
                // What holds for all members: none of it names one.
                b'g' => {}
                _ => {
                    let long = std::mem::take(&mut long);
                    let name = long.name.unwrap_or_else(|| short_name(&header));
                    if prefix.is_empty() && (name.starts_with("./") || name == ".") {
                        self.places.insert(String::new(), Place::Folder);
                    }
                    // A name that leads out of the archive is kept as it is, to be named as such.
                    let Some(path) = normal("", &name).map(|path| format!("{prefix}{path}")) else {
                        self.places.insert(name, Place::Link);
                        at = next;
                        continue;
                    };
                    match kind {
                        // Before `ustar`, a folder was a name that ends so.
                        b'0' | 0 if name.ends_with('/') => {
                            self.places.insert(path, Place::Folder);
                        }
                        b'0' | b'7' | 0 if depth > 0 && path.ends_with(".tar") => {
                            let prefix = format!("{}/", path.trim_end_matches(".tar"));
                            self.walk(archive, body, body + length, &prefix, depth - 1)?;
                        }
                        b'0' | b'7' | 0 => {
                            self.places.insert(path, Place::Span(body, length));
                        }
                        b'1' | b'2' => {
                            let target = long.target.unwrap_or_else(|| field(&header[157..257]));
                            self.links.push(Link {
                                path,
                                within: prefix.to_owned(),
                                target,
                                hard: kind == b'1',
                            });
                        }
                        b'5' => {
                            self.places.insert(path, Place::Folder);
                        }
                        _ => {
                            self.places.insert(path, Place::Special);
                        }
                    }
                }
            }
            at = next;
        }
    }
}

/// What headers say about the member that follows, because it does not fit that one's own.
#[derive(Default)]
struct Long {
    name: Option<String>,
    target: Option<String>,
    size: Option<u64>,
}

impl Long {
    /// Reads records `length key=value\n`; the length counts the whole record.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(blank) = records.iter().position(|&b| b == b' ') {
            let length = std::str::from_utf8(&records[..blank]);
            let length = length.ok().and_then(|n| n.parse::<usize>().ok());
            let Some(length) = length.filter(|&n| n > blank + 1 && n <= records.len()) else {
                return;
            };
            let record = String::from_utf8_lossy(&records[blank + 1..length]);
            match record.trim_end_matches('\n').split_once('=') {
                Some(("path", value)) => self.name = Some(value.to_owned()),
                Some(("linkpath", value)) => self.target = Some(value.to_owned()),
                Some(("size", value)) => self.size = value.parse().ok(),
                _ => {}
            }
            records = &records[length..];
        }
    }
}

fn malformed(at: u64, message: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("expected a tar header at byte {at}, found {message}"),
    )
}

/// The header's checksum: the sum of its bytes with its own field as blanks.
fn check_sum(header: &[u8; BLOCK as usize], at: u64) -> io::Result<()> {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(i, &b)| u64::from(if (148..156).contains(&i) { b' ' } else { b }))
        .sum();
    if number(&header[148..156], at)? == sum {
        Ok(())
    } else {
        Err(malformed(at, "a wrong checksum (is it compressed?)"))
    }
}

/// An octal number, or a binary one when its first bit is set (GNU, for files over 8 GiB).
fn number(field: &[u8], at: u64) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        return field[1..]
            .iter()
            .try_fold(u64::from(field[0] & 0x7F), |sum, &b| {
                sum.checked_mul(256)
                    .and_then(|sum| sum.checked_add(u64::from(b)))
                    .ok_or_else(|| malformed(at, "a number beyond all bounds"))
            });
    }
    let digits: Vec<u8> = field
        .iter()
        .copied()
        .skip_while(|b| *b == b' ')
        .take_while(|b| !matches!(b, 0 | b' '))
        .collect();
    digits.iter().try_fold(0, |sum: u64, &b| match b {
        b'0'..=b'7' => Ok(sum * 8 + u64::from(b - b'0')),
        _ => Err(malformed(at, "a number that is not octal")),
    })
}

fn short_name(header: &[u8; BLOCK as usize]) -> String {
    let name = field(&header[0..100]);
    let prefix = field(&header[345..500]);
    if &header[257..262] == b"ustar" && header[262] == 0 && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

/// A text up to its first zero.
fn field(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn name_text(archive: &mut impl Read, length: u64, at: u64) -> io::Result<String> {
    Ok(field(&bytes(archive, length, at)?))
}

fn bytes(archive: &mut impl Read, length: u64, at: u64) -> io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(malformed(at, "a name of more than a megabyte"));
    }
    let mut bytes = vec![0; length as usize];
    archive.read_exact(&mut bytes)?;
    Ok(bytes)
}
