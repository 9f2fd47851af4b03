//! From `[[features]]` entries to subjects.

use super::job::{FeaturesSubject, Subject};
use crate::config::{Benchmark, BenchmarkFault, Document, FeaturesEntry};
use crate::digest;
use crate::evaluate::given::SetFiles;
use ssl_datasets::files::open_regular;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder of features that takes part.
pub(super) struct FeaturesRow {
    pub(super) subject: Subject,
    pub(super) folder: PathBuf,
}

/// The benchmark's features; files that are missing or cannot be read are reported in `faults`.
pub(super) fn features_rows(
    bench: &Benchmark,
    document: &Document,
    faults: &mut Vec<BenchmarkFault>,
) -> Vec<FeaturesRow> {
    let mut rows = Vec::new();
    for (n, entry) in bench.features.iter().enumerate() {
        let folder = entry.resolve(bench.data.root.as_deref());
        match digests(&folder, sets(bench)) {
            Ok(files) => rows.push(row(entry, &folder, files)),
            Err(message) => {
                let message = format!("`features.folder`: {message}");
                faults.push(document.fault(&["features", &n.to_string(), "folder"], message, None));
            }
        }
    }
    rows
}

fn row(entry: &FeaturesEntry, folder: &Path, files: BTreeMap<String, String>) -> FeaturesRow {
    FeaturesRow {
        subject: Subject::Features(FeaturesSubject {
            name: entry.row(),
            files,
            covariates: entry.covariates(),
        }),
        folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
    }
}

/// The names of a benchmark's sets, the training set first.
fn sets(bench: &Benchmark) -> impl Iterator<Item = &str> {
    let data = &bench.data;
    std::iter::once(&data.train)
        .chain(&data.test)
        .map(|set| set.name.as_str())
}

/// SHA-256 of the files of these sets, by name; the error is one line.
pub(super) fn digests<'a>(
    folder: &Path,
    sets: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for set in sets {
        let files = SetFiles::of(folder, set).map_err(|error| error.to_string())?;
        for path in [files.features, files.ids] {
            let sha256 = open_regular(&path)
                .and_then(digest::sha256_of)
                .map_err(|error| format!("cannot read {} ({error})", path.display()))?;
            let name = path.file_name().unwrap_or_default();
            found.insert(name.to_string_lossy().into_owned(), sha256);
        }
    }
    Ok(found)
}
