//! From the labels of a manifest to classes.
//!
//! Where `classes` are given, a label is the name of one; where no label is, labels that are all whole
//! numbers are places among them. Without `classes`, labels are all whole numbers, and stand for
//! themselves, or all names.

use std::collections::{BTreeSet, HashMap};

use super::rows::Row;

/// Labels from which on whole numbers are taken for something else, such as the ids of images.
const MOST: u32 = 1_000_000;

/// The classes, and the label of every row.
pub(super) fn assign(
    rows: &[Row],
    classes: Option<Vec<String>>,
) -> Result<(Vec<String>, Vec<u32>), String> {
    if let Some(row) = rows.iter().find(|row| row.label.is_empty()) {
        return Err(format!(
            "line {}: expected the name or the number of a class as label of {}, found none; give it one, or leave the line out",
            row.line, row.path
        ));
    }
    match classes {
        Some(classes) => among(rows, classes),
        None => occurring(rows),
    }
}

/// Labels of classes that are given.
fn among(rows: &[Row], classes: Vec<String>) -> Result<(Vec<String>, Vec<u32>), String> {
    let mut places = HashMap::new();
    for (place, class) in classes.iter().enumerate() {
        if places.insert(class.as_str(), place as u32).is_some() {
            return Err(format!(
                "expected classes of different names in `classes`, found `{class}` twice"
            ));
        }
    }
    let name = |row: &Row| places.get(&*row.label).copied();
    let number = |row: &Row| number(&row.label).filter(|&n| (n as usize) < classes.len());
    let numbers = rows.iter().all(|row| self::number(&row.label).is_some())
        && !rows.iter().any(|row| name(row).is_some());
    let labels = rows.iter().map(|row| {
        let label = if numbers { number(row) } else { name(row) };
        label.ok_or_else(|| {
            let expected = match numbers {
                true => format!("a number below {}", classes.len()),
                false => format!("one of the names in `classes` ({})", few(&classes)),
            };
            format!(
                "line {}: expected {expected}, found `{}`; correct it or add the class",
                row.line, row.label
            )
        })
    });
    let labels = labels.collect::<Result<_, _>>()?;
    Ok((classes, labels))
}

/// The labels that occur: numbers in order of size up to the largest, names in order of name.
fn occurring(rows: &[Row]) -> Result<(Vec<String>, Vec<u32>), String> {
    let help = "if it is the name of a class, list the names in `classes`";
    if let Some(row) = rows
        .iter()
        .find(|row| number(&row.label).is_none() && odd(&row.label))
    {
        return Err(format!(
            "line {}: expected the name of a class or a whole number from 0 as label, found `{}`; {help}",
            row.line, row.label
        ));
    }
    let first = |number_wanted: bool| {
        let mut rows = rows.iter();
        rows.find(|row| number(&row.label).is_some() == number_wanted)
    };
    match (first(true), first(false)) {
        (Some(a), Some(b)) => Err(format!(
            "expected names or numbers of classes, found both: `{}` in line {} and `{}` in line {}; if all are names, list them in `classes`",
            a.label, a.line, b.label, b.line
        )),
        (_, None) => {
            let labels: Vec<u32> = rows.iter().filter_map(|row| number(&row.label)).collect();
            let largest = labels.iter().copied().max().unwrap_or_default();
            match rows.iter().find(|row| number(&row.label) >= Some(MOST)) {
                Some(row) => Err(format!(
                    "line {}: expected the number of a class below {MOST}, found `{}`; {help}",
                    row.line, row.label
                )),
                None => Ok(((0..=largest).map(|n| n.to_string()).collect(), labels)),
            }
        }
        (None, _) => {
            let classes: BTreeSet<&str> = rows.iter().map(|row| &*row.label).collect();
            among(rows, classes.into_iter().map(str::to_owned).collect())
        }
    }
}

/// A whole number from 0, without a sign.
fn number(label: &str) -> Option<u32> {
    let digits = label.bytes().all(|b| b.is_ascii_digit());
    // One that does not fit is still a number, and refused as one.
    digits.then(|| label.parse().unwrap_or(u32::MAX))
}

/// A value of another kind that was written as text: −1, 0.0, 1e5, nan, true.
fn odd(label: &str) -> bool {
    let truth = ["true", "false"]
        .iter()
        .any(|t| label.eq_ignore_ascii_case(t));
    truth || label.parse::<f64>().is_ok()
}

/// The first few names.
fn few(classes: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = if classes.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<&str> = classes.iter().take(SHOWN).map(String::as_str).collect();
    format!("{}{more}", shown.join(", "))
}
