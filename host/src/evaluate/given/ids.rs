//! Lists of sample ids, and which row belongs to which sample.

use crate::evaluate::{EvaluateError, Result};
use ssl_datasets::source::Source;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// How the name of a list ends, after the set's name.
pub const LIST_ENDING: &str = ".ids.txt";

/// The ids of a set's samples, one a line.
///
/// # Errors
/// The id that has a line break in it.
pub fn list(source: &dyn Source) -> std::result::Result<String, String> {
    let mut text = String::new();
    for sample in 0..source.len() {
        let id = source.id(sample);
        if id.contains(['\n', '\r']) {
            return Err(id);
        }
        text.push_str(&id);
        text.push('\n');
    }
    Ok(text)
}

/// The row of each sample, found by its id in the list at `path`; `None` where each sample has the row of its own
/// place. `count` is how many rows there are.
pub(super) fn rows(
    path: &Path,
    count: usize,
    set: &str,
    samples: &[String],
    left_out: &HashSet<&str>,
) -> Result<Option<Vec<i64>>> {
    let refuse = |expected: String, found: String| EvaluateError::File {
        expected,
        found,
        path: path.to_owned(),
    };
    let bytes = crate::regular::read(path).map_err(EvaluateError::io("read", path))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| refuse("sample ids in UTF-8".to_owned(), "other bytes".to_owned()))?;
    let listed: Vec<&str> = text.lines().collect();
    if listed.len() != count {
        let expected = format!("a line for each of the {count} rows of features");
        return Err(refuse(expected, format!("{} lines", listed.len())));
    }
    let mut row_of = HashMap::with_capacity(listed.len());
    for (row, id) in listed.iter().enumerate() {
        if let Some(before) = row_of.insert(*id, row) {
            let found = format!("{id:?} in lines {} and {}", before + 1, row + 1);
            return Err(refuse("each sample id once".to_owned(), found));
        }
    }
    let known: HashSet<&str> = samples.iter().map(String::as_str).collect();
    let mut others = listed
        .iter()
        .filter(|id| !known.contains(**id) && !left_out.contains(**id));
    let other = others.next();
    let missing = || samples.iter().find(|id| !row_of.contains_key(id.as_str()));
    let place = |id: &str| row_of.get(id).map_or(0, |row| row + 1);
    match (missing(), other) {
        (None, None) => {}
        (Some(missing), None) => {
            let expected = format!("the ids of all {} samples of `{set}`", samples.len());
            return Err(refuse(expected, format!("none for {missing:?}")));
        }
        (missing, Some(other)) => {
            let example = missing.map_or(String::new(), |id| format!(", such as {id:?}"));
            let expected =
                format!("the sample ids of `{set}` as `ssl-lottery data ids` lists them{example}");
            let found = format!(
                "{} others, the first is {other:?} in line {}",
                1 + others.count(),
                place(other)
            );
            return Err(refuse(expected, found));
        }
    }
    if listed.len() == samples.len() && listed.iter().zip(samples).all(|(a, b)| a == b) {
        return Ok(None);
    }
    Ok(Some(
        samples
            .iter()
            .map(|id| row_of[id.as_str()] as i64)
            .collect(),
    ))
}
