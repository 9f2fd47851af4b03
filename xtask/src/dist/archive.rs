//! An archive for machines that have a torch of their own and no Rust.
//!
//! Program and plugins lie in `lib`, and a script beside it finds the libraries of the torch that is there. What
//! measures this program on a machine (`benches`, golden vectors) comes along.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::content::{self, Entry};
use super::{licences, read, run_path, sbom};
use crate::dist::crates::Crate;
use crate::error::Error;
use crate::paths::Checkout;

/// The script that starts the program.
const START: &str = include_str!("start.sh");
/// Where the script has the release of torch.
const RELEASE: &str = "@RELEASE@";

/// An archive that is being written.
pub struct Archive {
    tar: Builder<GzEncoder<BufWriter<File>>>,
    part: PathBuf,
    path: PathBuf,
    /// The one folder that everything lies in.
    folder: String,
}

impl Archive {
    /// Begins an archive in a folder, for a release of torch.
    pub fn create(out: &Path, version: &str, release: &str, level: i32) -> Result<Self, Error> {
        let folder = format!("ssl-lottery-{version}-torch{release}");
        let path = out.join(format!("{folder}-linux_x86_64.tar.gz"));
        let part = path.with_extension("part");
        let file = File::create(&part).map_err(Error::io("create", &part))?;
        let level = Compression::new(level.unsigned_abs());
        Ok(Self {
            tar: Builder::new(GzEncoder::new(BufWriter::new(file), level)),
            part,
            path,
            folder,
        })
    }

    /// Adds bytes; always with the same time and owner, so that equal builds have equal archives.
    fn add(&mut self, to: &str, bytes: &[u8], executable: bool) -> Result<(), Error> {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        let to = format!("{}/{to}", self.folder);
        let added = self.tar.append_data(&mut header, to, bytes);
        added.map_err(Error::io("write", &self.part))
    }

    /// Adds the script, program, plugins, package, benchmarks, measuring scripts, golden vectors and licences.
    pub fn fill(
        &mut self,
        checkout: &Checkout,
        built: &Path,
        release: &str,
        crates: &[Crate],
    ) -> Result<(), Error> {
        self.add(
            "ssl-lottery",
            START.replace(RELEASE, release).as_bytes(),
            true,
        )?;
        for file in content::built(checkout, built)? {
            let bytes = run_path::replace(read(&file.from)?, "$ORIGIN", &file.from)?;
            self.add(content::without_package(&file.to), &bytes, true)?;
        }
        let mut files = content::package(checkout)?;
        for folder in ["benches/peer", "benches/gpu", "tests/golden"] {
            files.extend(below(&checkout.root().join(folder), folder)?);
        }
        for Entry { from, to } in files {
            let to = content::without_package(&to);
            self.add(to, &read(&from)?, to.ends_with(".sh"))?;
        }
        for (name, text) in licences::texts(checkout, crates, false)? {
            self.add(&format!("licenses/{name}"), text.as_bytes(), false)?;
        }
        let sbom = sbom::cyclonedx(env!("CARGO_PKG_VERSION"), crates, &[], &Default::default());
        self.add("ssl-lottery.cdx.json", sbom.as_bytes(), false)
    }

    /// Gives the archive its name.
    pub fn finish(self) -> Result<PathBuf, Error> {
        let written = self.tar.into_inner().and_then(GzEncoder::finish);
        let flushed = written.and_then(|mut file| file.flush());
        flushed.map_err(Error::io("write", &self.part))?;
        fs::rename(&self.part, &self.path).map_err(Error::io("rename", &self.part))?;
        Ok(self.path)
    }
}

/// The files of a folder and of those in it, sorted, without what Python leaves there.
fn below(dir: &Path, to: &str) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let from = entry.map_err(Error::io("list", dir))?.path();
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let to = format!("{to}/{name}");
        if name == "__pycache__" {
            continue;
        }
        if from.is_dir() {
            entries.extend(below(&from, &to)?);
        } else {
            entries.push(Entry { from, to });
        }
    }
    entries.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(entries)
}
