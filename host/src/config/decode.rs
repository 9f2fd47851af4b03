//! From a document to [`Benchmark`], with every fault found on the way.
//!
//! serde stops at the first fault. To find the others, the offending key is taken out of the tree
//! and decoding starts again, until what is left decodes; then the ranges are checked.

use super::benchmark::Benchmark;
use super::check::Checks;
use super::document::Document;
use super::fault::{BenchmarkFault, ConfigError};
use super::packaged::beside_program;
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue, Deserializer, Error};

/// More faults than this are not looked for.
const MOST_FAULTS: usize = 50;

impl Benchmark {
    /// Reads a benchmark file and merges `--set` overrides into it. A relative path that is not there is looked for
    /// beside the program's folder too, where an installed program has its benchmark files.
    ///
    /// The document is handed back beside the configuration, so that faults found later (a plugin's
    /// own keys) can still point at the file.
    ///
    /// # Errors
    /// When the file cannot be read, or says what it may not; all faults at once.
    pub fn load(path: &Path, overrides: &[String]) -> Result<(Self, Document), ConfigError> {
        let packaged = beside_program(path).filter(|_| !path.exists());
        let path = packaged.as_deref().unwrap_or(path);
        let text = crate::regular::read_text(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&path.display().to_string(), &text, overrides)
    }

    /// As [`Benchmark::load`], from text.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(
        name: &str,
        text: &str,
        overrides: &[String],
    ) -> Result<(Self, Document), ConfigError> {
        let refuse = |faults| ConfigError::Faults {
            name: name.to_owned(),
            faults,
        };
        let mut document = Document::parse(name, text).map_err(refuse)?;
        let mut faults: Vec<BenchmarkFault> = overrides
            .iter()
            .filter_map(|assignment| document.set(assignment).err().map(|fault| *fault))
            .collect();
        let bench = decode(&document, &mut faults);
        if let Some(bench) = &bench {
            let mut checks = Checks::default();
            bench.check(&mut checks);
            for out in checks.found {
                let path: Vec<&str> = out.path.iter().map(String::as_str).collect();
                faults.push(document.fault(&path, out.message, None));
            }
        }
        match bench {
            Some(bench) if faults.is_empty() => Ok((bench, document)),
            _ => Err(refuse(faults)),
        }
    }
}

impl Benchmark {
    /// Checks a benchmark that was changed after it was read.
    ///
    /// # Errors
    /// All values out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        self.check(&mut checks);
        let faults: Vec<BenchmarkFault> = checks
            .found
            .into_iter()
            .map(|out| BenchmarkFault::plain(out.message, "change the argument that says so"))
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Faults {
            name: "arguments".to_owned(),
            faults,
        })
    }
}

fn decode(document: &Document, faults: &mut Vec<BenchmarkFault>) -> Option<Benchmark> {
    let mut tree = document.tree();
    while faults.len() < MOST_FAULTS {
        let error = match Benchmark::deserialize(Deserializer::from(tree.clone())) {
            Ok(bench) => return Some(bench),
            Err(error) => error,
        };
        let mut path = Vec::new();
        let span = error.span();
        let located = span
            .as_ref()
            .is_some_and(|span| locate(tree.get_ref(), span, &mut path));
        faults.push(explain(document, &error, &path));
        if !located || !take_out(tree.get_mut(), &path) {
            return None;
        }
    }
    None
}

/// The path of the key or value with this span.
fn locate(table: &DeTable<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        if key.span() == *span || value.span() == *span || locate_in(value.get_ref(), span, path) {
            return true;
        }
        path.pop();
    }
    false
}

fn locate_in(value: &DeValue<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    match value {
        DeValue::Table(table) => locate(table, span, path),
        DeValue::Array(items) => items.iter().enumerate().any(|(n, item)| {
            path.push(n.to_string());
            if item.span() == *span || locate_in(item.get_ref(), span, path) {
                return true;
            }
            path.pop();
            false
        }),
        _ => false,
    }
}

/// Takes the key at `path` out; an item of a list takes the list with it.
fn take_out(table: &mut DeTable<'_>, path: &[String]) -> bool {
    match path {
        [] => false,
        [key] => table.remove(key.as_str()).is_some(),
        [key, rest @ ..] => {
            let inner = match table.get_mut(key.as_str()).map(toml::Spanned::get_mut) {
                Some(DeValue::Table(inner)) => take_out(inner, rest),
                _ => false,
            };
            inner || table.remove(key.as_str()).is_some()
        }
    }
}

/// serde's words in ours: `path: expected X, found Y`, or the nearest name for an unknown key.
fn explain(document: &Document, error: &Error, path: &[String]) -> BenchmarkFault {
    let words = error.message();
    let dotted = path.join(".");
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some((name, known)) = unknown(words) {
        let full = if path.last().is_some_and(|last| *last == name) {
            dotted
        } else if dotted.is_empty() {
            name.clone()
        } else {
            format!("{dotted}: {name}")
        };
        let nearest = nearest(&name, &known);
        let hint = nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?"));
        let help = format!("known here: {}", known.join(", "));
        let what = if words.starts_with("unknown variant") {
            "unknown value"
        } else {
            "unknown key"
        };
        return key_fault(
            document,
            error,
            &parts,
            format!("{what} `{full}`{hint}"),
            help,
        );
    }
    let at = if dotted.is_empty() {
        String::new()
    } else {
        format!("`{dotted}`: ")
    };
    let message = match words.split_once(", expected ") {
        Some((found, expected)) => {
            let found = found
                .trim_start_matches("invalid type: ")
                .trim_start_matches("invalid value: ");
            format!("{at}expected {}, found {found}", plain_type(expected))
        }
        None => format!("{at}{words}"),
    };
    document.fault_at(error.span(), message, None)
}

fn key_fault(
    document: &Document,
    error: &Error,
    path: &[&str],
    message: String,
    help: String,
) -> BenchmarkFault {
    match error.span() {
        Some(span) => document.fault_at(Some(span), message, Some(help)),
        None => document.fault(path, message, Some(help)),
    }
}

/// The unknown name and the known ones, from serde's message.
fn unknown(words: &str) -> Option<(String, Vec<String>)> {
    let rest = words
        .strip_prefix("unknown field `")
        .or_else(|| words.strip_prefix("unknown variant `"))?;
    let (name, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    Some((name.to_owned(), known.collect()))
}

/// The known name nearest to `name`, when it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k.as_str()))
        .filter(|(distance, k)| *distance <= (k.len().max(name.len()) / 2).max(2))
        .min()
        .map(|(_, k)| k)
}

/// Rust's type names in plain words.
fn plain_type(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number >= 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "true or false",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}
