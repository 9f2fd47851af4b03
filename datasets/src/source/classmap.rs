//! A map from the classes of a set to those of another, for shifts in which only some classes
//! occur.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Context, LabelSpace, Labels, Relabelled, Source};
use crate::DataError;

/// A column of a tab-separated table that gives each class its label in another set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassMap {
    /// The table; its first row names the columns.
    pub file: PathBuf,
    /// Column with the names of this set's classes.
    pub from: String,
    /// Column with the label in the other set; a negative one drops the class.
    pub to: String,
    /// Names of the other set's classes, in label order.
    pub classes: Vec<String>,
}

pub(super) fn apply(
    map: &ClassMap,
    source: Arc<dyn Source>,
    context: &Context<'_>,
) -> Result<Arc<dyn Source>, DataError> {
    let path = context.resolve(&map.file)?;
    let table = String::from_utf8_lossy(&context.read(&path)?).into_owned();
    let pairs = read_pairs(map, &table).map_err(|message| context.malformed(&path, message))?;
    let mut targets = Vec::with_capacity(source.space().classes.len());
    for class in &source.space().classes {
        match pairs.iter().find(|(name, _)| name == class) {
            Some((_, target)) => targets.push(u32::try_from(*target).ok()),
            None => {
                return Err(context.malformed(
                    &path,
                    format!("expected a row for class `{class}`, found none"),
                ));
            }
        }
    }
    let mut samples = Vec::new();
    let mut lists = Vec::new();
    for (sample, labels) in source.labels().iter().enumerate() {
        let mapped: Vec<u32> = labels.iter().filter_map(|&l| targets[l as usize]).collect();
        if !mapped.is_empty() {
            samples.push(sample as u32);
            lists.push(mapped);
        }
    }
    if samples.is_empty() {
        return Err(DataError::Empty {
            set: context.name.to_owned(),
            path,
            expected: "a class that maps to one of the other set",
        });
    }
    let mut subset: Vec<u32> = targets.into_iter().flatten().collect();
    subset.sort_unstable();
    subset.dedup();
    let space = LabelSpace {
        subset: (subset.len() < map.classes.len()).then_some(subset),
        classes: map.classes.clone(),
    };
    Ok(Arc::new(Relabelled::select(
        source,
        samples,
        Labels::multi(lists),
        space,
    )))
}

fn read_pairs(map: &ClassMap, table: &str) -> Result<Vec<(String, i64)>, String> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .ok_or_else(|| format!("expected a column `{name}`, found {}", header.join(", ")))
    };
    let (from, to) = (column(&map.from)?, column(&map.to)?);
    let mut pairs = Vec::new();
    for (number, line) in lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let target = fields
            .get(to)
            .and_then(|field| field.trim().parse::<i64>().ok())
            .filter(|&target| target < map.classes.len() as i64);
        match (fields.get(from), target) {
            (Some(name), Some(target)) => pairs.push(((*name).to_owned(), target)),
            _ => {
                return Err(format!(
                    "line {}: expected a label below {} in column `{}`, found `{line}`",
                    number + 2,
                    map.classes.len(),
                    map.to
                ));
            }
        }
    }
    Ok(pairs)
}

/// Parses a table with the columns `from` and `to` as a map onto ten classes; for fuzzing.
///
/// # Errors
/// What is malformed.
pub fn check_class_map(bytes: &[u8]) -> Result<usize, String> {
    let map = ClassMap {
        file: PathBuf::new(),
        from: "from".to_owned(),
        to: "to".to_owned(),
        classes: vec![String::new(); 10],
    };
    read_pairs(&map, &String::from_utf8_lossy(bytes)).map(|pairs| pairs.len())
}
