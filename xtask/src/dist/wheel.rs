//! A wheel: a zip file with a list of its files and their SHA-256.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::FileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::Error;

/// The distribution's name as it stands in file names.
const NAME: &str = "ssl_lottery";
/// Where the wheel can be installed: any Python 3 on this platform.
const TAG: &str = "py3-none-linux_x86_64";
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// What is said about torch.
pub enum Torch {
    /// Only authors of frameworks in Python need it.
    OfAuthors,
    /// The program itself uses the torch of this release.
    Exactly(&'static str),
}

/// A wheel that is being written.
pub struct Wheel {
    zip: ZipWriter<BufWriter<File>>,
    part: PathBuf,
    path: PathBuf,
    info: String,
    version: String,
    level: i32,
    /// SHA-256 in hexadecimal, by place.
    digests: BTreeMap<String, String>,
    record: String,
}

impl Wheel {
    /// Begins a wheel of a version in a folder.
    pub fn create(folder: &Path, version: &str, level: i32) -> Result<Self, Error> {
        let path = folder.join(format!("{NAME}-{version}-{TAG}.whl"));
        let part = path.with_extension("part");
        let file = File::create(&part).map_err(Error::io("create", &part))?;
        Ok(Self {
            zip: ZipWriter::new(BufWriter::new(file)),
            part,
            path,
            info: format!("{NAME}-{version}.dist-info"),
            version: version.to_owned(),
            level,
            digests: BTreeMap::new(),
            record: String::new(),
        })
    }

    /// SHA-256 of what was added, by place.
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }

    /// Adds bytes.
    pub fn add(&mut self, to: &str, bytes: &[u8], executable: bool) -> Result<(), Error> {
        self.add_from(to, &mut &*bytes, Path::new(to), executable)
    }

    /// Adds a file of the disk.
    pub fn add_file(&mut self, to: &str, from: &Path, executable: bool) -> Result<(), Error> {
        let mut file = File::open(from).map_err(Error::io("open", from))?;
        self.add_from(to, &mut file, from, executable)
    }

    /// Adds bytes to the folder of metadata.
    pub fn add_info(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add(&format!("{}/{name}", self.info), bytes, false)
    }

    /// Adds what pip reads; `readme` describes the project.
    pub fn add_metadata(&mut self, torch: &Torch, readme: &str) -> Result<(), Error> {
        let requires = match torch {
            Torch::OfAuthors => {
                "Provides-Extra: frameworks\nRequires-Dist: torch>=2.4; extra == \"frameworks\""
                    .to_owned()
            }
            Torch::Exactly(version) => format!("Requires-Dist: torch=={version}"),
        };
        let metadata = format!(
            "Metadata-Version: 2.4\nName: ssl-lottery\nVersion: {}\nSummary: Self-supervised-learning \
             frameworks, compared by one protocol\nLicense-Expression: MIT OR Apache-2.0\n\
             Requires-Python: >=3.9\n{requires}\nDescription-Content-Type: text/markdown\n\n{readme}",
            self.version
        );
        self.add_info("METADATA", metadata.as_bytes())?;
        let wheel = format!(
            "Wheel-Version: 1.0\nGenerator: cargo xtask dist\nRoot-Is-Purelib: false\nTag: {TAG}\n"
        );
        self.add_info("WHEEL", wheel.as_bytes())?;
        let scripts = "[console_scripts]\nssl-lottery = ssl_lottery_program:main\n";
        self.add_info("entry_points.txt", scripts.as_bytes())
    }

    /// Writes the list and gives the wheel its name.
    pub fn finish(mut self) -> Result<PathBuf, Error> {
        let list = format!("{}/RECORD", self.info);
        self.record.push_str(&format!("{list},,\n"));
        let record = std::mem::take(&mut self.record);
        self.add(&list, record.as_bytes(), false)?;
        let mut file = self
            .zip
            .finish()
            .map_err(|error| failed(&self.part, error))?;
        file.flush().map_err(Error::io("write", &self.part))?;
        fs::rename(&self.part, &self.path).map_err(Error::io("rename", &self.part))?;
        Ok(self.path)
    }

    fn add_from(
        &mut self,
        to: &str,
        from: &mut impl Read,
        shown: &Path,
        executable: bool,
    ) -> Result<(), Error> {
        // Always the same time, so that equal builds have equal wheels.
        let options = FileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(self.level))
            .last_modified_time(DateTime::default())
            .unix_permissions(if executable { 0o755 } else { 0o644 });
        let part = self.part.clone();
        self.zip
            .start_file(to, options)
            .map_err(|error| failed(&part, error))?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut block = vec![0; BLOCK];
        loop {
            let count = from.read(&mut block).map_err(Error::io("read", shown))?;
            if count == 0 {
                break;
            }
            hasher.update(&block[..count]);
            size += count;
            self.zip
                .write_all(&block[..count])
                .map_err(Error::io("write", &part))?;
        }
        let digest = hasher.finalize();
        let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.digests.insert(to.to_owned(), hex);
        self.record
            .push_str(&format!("{to},sha256={},{size}\n", base64url(&digest)));
        Ok(())
    }
}

fn failed(path: &Path, error: zip::result::ZipError) -> Error {
    Error::io("write", path)(error.into())
}

/// Base64 in the alphabet for URLs, without padding, as lists of wheels have it.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |all, (n, &byte)| {
            all | u32::from(byte) << (16 - 8 * n)
        });
        for n in 0..=three.len() {
            text.push(LETTERS[(bits >> (18 - 6 * n)) as usize & 63] as char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648_for_urls() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff], "-_8"),
        ] {
            assert_eq!(base64url(bytes), text);
        }
    }
}
