//! The run's numbers as TensorBoard reads them: records of protocol buffers, each framed by its length and checksums.
//!
//! A record is `length (u64) · checksum of the length (u32) · event · checksum of the event (u32)`, little-endian,
//! where a checksum `c` (CRC-32C) stands as `(c >> 15 | c << 17) + 0xa282ead8`. Field numbers are those of
//! TensorFlow's `event.proto` and `summary.proto`.

use crc::{CRC_32_ISCSI, Crc};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Name of the file in the run's folder; TensorBoard looks for `tfevents`.
pub(super) const FILE: &str = "events.out.tfevents.ssl-lottery";

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// What TensorFlow adds to a checksum, so that the checksum of a record with checksums in it is not of a kind of its own.
const MASK: u32 = 0xa282_ead8;

/// Wire types of protocol buffers.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The open file.
pub(super) struct EventFile {
    file: File,
}

impl EventFile {
    /// Begins the file anew.
    pub(super) fn create(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        crate::atomic::write(&path, &record(&version(seconds())))?;
        let file = crate::atomic::options().append(true).open(&path)?;
        Ok(Self { file })
    }

    /// Adds numbers of a step.
    pub(super) fn write(&mut self, step: u64, scalars: &[(String, f64)]) -> io::Result<()> {
        self.file
            .write_all(&record(&event(seconds(), step, scalars)))
    }
}

/// Seconds since 1970.
fn seconds() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map(|time| time.as_secs_f64()).unwrap_or_default()
}

/// The first event of a file, `Event { 1: wall_time, 3: file_version }`.
fn version(seconds: f64) -> Vec<u8> {
    let mut event = fixed64(1, seconds);
    event.extend(bytes(3, b"brain.Event:2"));
    event
}

/// `Event { 1: wall_time, 2: step, 5: Summary { 1: Value { 1: tag, 2: simple_value }, … } }`
fn event(seconds: f64, step: u64, scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in scalars {
        let mut value = bytes(1, tag.as_bytes());
        value.extend(key(2, FIXED32));
        value.extend((*number as f32).to_le_bytes());
        summary.extend(bytes(1, &value));
    }
    let mut event = fixed64(1, seconds);
    event.extend(key(2, VARINT));
    event.extend(varint(step));
    event.extend(bytes(5, &summary));
    event
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(&length));
    record.extend(event);
    record.extend(masked(event));
    record
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    let checksum = CHECKSUM.checksum(bytes);
    checksum.rotate_right(15).wrapping_add(MASK).to_le_bytes()
}

fn key(field: u64, wire: u64) -> Vec<u8> {
    varint(field << 3 | wire)
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    let mut out = key(field, BYTES);
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

fn fixed64(field: u64, number: f64) -> Vec<u8> {
    let mut out = key(field, FIXED64);
    out.extend(number.to_le_bytes());
    out
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;

    /// What `tensorboard.summary.writer.record_writer.RecordWriter` of TensorBoard wrote for the same events.
    const THEIRS: &str = "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe930000000\
        0000000095f5d05f0900006040fc54d94110ac022a220a100a09737465702f6c6f737315cdcccc3d0a0e0a07\
        737465702f6c72150000c07f5baddd59";

    #[test]
    fn events_have_the_bytes_that_tensorboard_writes() {
        let scalars = [
            ("step/loss".to_owned(), 0.1),
            ("step/lr".to_owned(), f64::NAN),
        ];
        let mut ours = record(&version(1_700_000_000.25));
        ours.extend(record(&event(1_700_000_001.5, 300, &scalars)));
        assert_eq!(crate::digest::hex(&ours), THEIRS);
    }

    #[test]
    fn a_file_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let length = |steps: u64| {
            let mut file = EventFile::create(dir.path()).unwrap();
            for step in 0..steps {
                file.write(step, &[("a".to_owned(), 1.0)]).unwrap();
            }
            std::fs::metadata(dir.path().join(FILE)).unwrap().len()
        };
        let (none, two) = (length(0), length(2));
        assert!(two > none);
        assert_eq!(length(0), none);
    }
}
