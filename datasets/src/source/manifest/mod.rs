//! Any images, listed in a CSV, tab-separated or JSON-lines file.

mod classes;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use self::rows::{Form, Row};
use super::{Context, Files, LabelSpace, Labels, Source, SourceKind};
use crate::DataError;
use crate::files::{Entry, FileSet, Tree, normal};

inventory::submit! {
    SourceKind {
        kind: "manifest",
        doc: "images listed in `file` (.csv or .tsv with a header, or .jsonl) as `path` and `label`, all below the folder `path`; labels are the names of classes, or all of them numbers",
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

fn open(context: &Context<'_>) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    let list = context.resolve(&config.file)?;
    let malformed = |message| context.malformed(&list, message);
    let form = form(&list).map_err(malformed)?;
    let mut rows = rows::parse(&context.read(&list)?, form).map_err(malformed)?;
    if rows.is_empty() {
        return Err(context.empty(&list, "images"));
    }
    let (classes, labels) = classes::assign(&rows, config.classes).map_err(malformed)?;
    let root = match &config.path {
        Some(path) => context.resolve(path)?,
        None => list.parent().map(Path::to_owned).unwrap_or_default(),
    };
    place(&mut rows, &root).map_err(malformed)?;
    let mut files = FileSet::new(context, &Tree::unlisted(root))?;
    files.folder("");
    for row in rows {
        files.push(&Entry {
            name: row.path.into(),
            raw: None,
            span: None,
        });
    }
    Ok(Arc::new(Files {
        name: context.name.to_owned(),
        files,
        labels: Labels::single(labels),
        space: LabelSpace::full(classes),
        passed: None,
    }))
}

fn form(list: &Path) -> Result<Form, String> {
    let ending = list.extension().map(|e| e.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("csv") => Ok(Form::Table(b',')),
        Some("tsv") => Ok(Form::Table(b'\t')),
        Some("jsonl" | "ndjson" | "json") => Ok(Form::Lines),
        _ => Err("expected a file that ends in .csv, .tsv or .jsonl".to_owned()),
    }
}

/// Makes the paths start from the root; each image may be listed once, and none outside.
fn place(rows: &mut [Row], root: &Path) -> Result<(), String> {
    for row in rows.iter_mut() {
        let listed = Path::new(&*row.path);
        let inside = match listed.is_absolute() {
            true => listed.strip_prefix(root).ok().and_then(Path::to_str),
            false => Some(&*row.path),
        };
        let path = inside.and_then(|inside| normal("", inside));
        let path = path.filter(|path| !path.is_empty()).ok_or_else(|| {
            format!(
                "line {}: expected a path below {}, found {}; set `path` to a folder that all images are in",
                row.line,
                root.display(),
                row.path
            )
        })?;
        row.path = path.into();
    }
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    let row = |at: u32| &rows[at as usize];
    order.sort_unstable_by_key(|&at| (&*row(at).path, at));
    match order.windows(2).find(|w| row(w[0]).path == row(w[1]).path) {
        None => Ok(()),
        Some(twice) => {
            let (first, second) = (row(twice[0]), row(twice[1]));
            Err(format!(
                "expected each image once, found {} in line {} (`{}`) and in line {} (`{}`); leave one out",
                first.path, first.line, first.label, second.line, second.label
            ))
        }
    }
}

/// Parses a manifest and its labels; for fuzzing.
///
/// # Errors
/// What is malformed.
pub fn check_manifest(bytes: &[u8], csv: bool) -> Result<usize, String> {
    let form = if csv { Form::Table(b',') } else { Form::Lines };
    let mut rows = rows::parse(bytes, form)?;
    classes::assign(&rows, None)?;
    place(&mut rows, Path::new("/data"))?;
    Ok(rows.len())
}
