//! Where the files of a `tar` archive lie, so that each can be read without unpacking.
//!
//! POSIX `ustar`, with GNU long names and the `path` and `size` records of pax headers; archives inside the
//! archive (as in ImageNet's training archive) are looked into. Compressed archives are not
//! supported: nothing in them can be read alone.

use std::io::{self, Read, Seek, SeekFrom};

const BLOCK: u64 = 512;
/// Longest name or pax header that is read.
const LONGEST: u64 = 1 << 20;
/// Archives in archives.
const DEEPEST: usize = 2;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub offset: u64,
    pub length: u64,
}

/// Lists the regular files of an archive.
pub(super) fn index(archive: &mut (impl Read + Seek)) -> io::Result<Vec<Member>> {
    let end = archive.seek(SeekFrom::End(0))?;
    let mut members = Vec::new();
    walk(archive, 0, end, "", DEEPEST, &mut members)?;
    Ok(members)
}

/// Lists the archive that lies between `start` and `end`.
fn walk(
    archive: &mut (impl Read + Seek),
    start: u64,
    end: u64,
    prefix: &str,
    depth: usize,
    members: &mut Vec<Member>,
) -> io::Result<()> {
    let mut at = start;
    let mut long_name = None;
    let mut long_size = None;
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
        if let (b'0' | 0, Some(size)) = (kind, long_size) {
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
            b'L' => {
                let name = text(archive, length, at)?;
                long_name = Some(name.trim_end_matches('\0').to_owned());
            }
            b'x' => {
                let records = text(archive, length, at)?;
                long_name = pax(&records, "path").map(str::to_owned).or(long_name);
                long_size = pax(&records, "size").and_then(|s| s.parse().ok());
            }
            b'0' | 0 => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                long_size = None;
                if depth > 0 && name.ends_with(".tar") {
                    let stem = name.trim_end_matches(".tar");
                    let stem = stem.rsplit('/').next().unwrap_or(stem);
                    walk(
                        archive,
                        body,
                        body + length,
                        &format!("{stem}/"),
                        depth - 1,
                        members,
                    )?;
                } else {
                    members.push(Member {
                        name: format!("{prefix}{}", name.trim_start_matches("./")),
                        offset: body,
                        length,
                    });
                }
            }
            // Folders, links and the like.
            _ => (long_name, long_size) = (None, None),
        }
        at = next;
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
    let field = |range: std::ops::Range<usize>| {
        let bytes = &header[range];
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let name = field(0..100);
    let prefix = field(345..500);
    if &header[257..262] == b"ustar" && header[262] == 0 && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

fn text(archive: &mut impl Read, length: u64, at: u64) -> io::Result<String> {
    if length > LONGEST {
        return Err(malformed(at, "a name of more than a megabyte"));
    }
    let mut bytes = vec![0; length as usize];
    archive.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of a record `length key=value\n`.
fn pax<'a>(records: &'a str, key: &str) -> Option<&'a str> {
    records.lines().find_map(|line| {
        let (_, pair) = line.split_once(' ')?;
        let (name, value) = pair.split_once('=')?;
        (name == key).then_some(value)
    })
}
