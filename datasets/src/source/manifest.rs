//! Any images, listed in a CSV or JSON-lines file.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{Context, Files, LabelSpace, Labels, Source, SourceKind};
use crate::DataError;
use crate::files::{Entry, FileSet, Tree};

inventory::submit! {
    SourceKind {
        kind: "manifest",
        doc: "images listed in `file` (.csv with a header, or .jsonl) as `path` and `label`, below the folder `path`; a label is a number or the name of a class",
        keys: &["file", "path", "classes"],
        open,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    file: PathBuf,
    /// Folder that the listed paths start from; default the folder of the list.
    path: Option<PathBuf>,
    /// Names of the classes in label order; default the labels that occur, sorted.
    classes: Option<Vec<String>>,
}

/// One line of a manifest; other columns are passed over.
#[derive(Debug, Deserialize)]
struct Row {
    path: String,
    label: Label,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Label {
    Number(u32),
    Name(String),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

fn open(context: &Context<'_>) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    let list = context.resolve(&config.file)?;
    let rows = parse(&context.read(&list)?, is_csv(&list))
        .map_err(|message| context.malformed(&list, message))?;
    if rows.is_empty() {
        return Err(context.empty(&list, "images"));
    }
    let classes = config.classes.unwrap_or_else(|| classes_of(&rows));
    let by_name: HashMap<&str, u32> = classes
        .iter()
        .enumerate()
        .map(|(label, class)| (class.as_str(), label as u32))
        .collect();
    let mut labels = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let label = match &row.label {
            Label::Number(n) => Some(*n).filter(|&n| (n as usize) < classes.len()),
            Label::Name(name) => by_name.get(name.as_str()).copied(),
        };
        labels.push(label.ok_or_else(|| {
            let found = &row.label;
            context.malformed(
                &list,
                format!(
                    "entry {}: expected one of {} classes, found `{found}`",
                    at + 1,
                    classes.len()
                ),
            )
        })?);
    }
    let root = match &config.path {
        Some(path) => context.resolve(path)?,
        None => list.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let mut files = FileSet::new(context, &Tree::unlisted(root))?;
    files.folder("");
    for row in rows {
        files.push(&Entry {
            name: row.path,
            span: None,
        });
    }
    Ok(Arc::new(Files {
        name: context.name.to_owned(),
        files,
        labels: Labels::single(labels),
        space: LabelSpace::full(classes),
    }))
}

/// The labels that occur: numbers in order of size up to the largest, names in order of name.
fn classes_of(rows: &[Row]) -> Vec<String> {
    let largest = rows.iter().try_fold(0, |largest, row| match row.label {
        Label::Number(n) if n < 1_000_000 => Some(largest.max(n)),
        _ => None,
    });
    if let Some(largest) = largest {
        return (0..=largest).map(|n| n.to_string()).collect();
    }
    let classes: BTreeSet<String> = rows.iter().map(|row| row.label.to_string()).collect();
    classes.into_iter().collect()
}

fn is_csv(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}

fn parse(bytes: &[u8], csv: bool) -> Result<Vec<Row>, String> {
    if csv {
        return csv::Reader::from_reader(bytes)
            .deserialize()
            .enumerate()
            .map(|(at, row)| row.map_err(|e| format!("entry {}: {e}", at + 1)))
            .collect();
    }
    String::from_utf8_lossy(bytes)
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 1)))
        .collect()
}

/// Parses a manifest; for fuzzing.
///
/// # Errors
/// What is malformed.
pub fn check_manifest(bytes: &[u8], csv: bool) -> Result<usize, String> {
    parse(bytes, csv).map(|rows| rows.len())
}
