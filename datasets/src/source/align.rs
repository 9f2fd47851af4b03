//! Whether the classes of a test set are those of the training set.
//!
//! A prediction is a class of the training set, so a label of a test set means something only when
//! both speak of the same class. Numbers cannot show that; names can.

use std::collections::HashMap;
use std::sync::Arc;

use super::{LabelSpace, Labels, Relabelled, Source};
use crate::DataError;

/// Class names that a message lists.
const LISTED: usize = 10;

/// A test set whose labels are classes of the training set.
///
/// A set with the training set's classes in their order is left as it is. One with some of them, in the
/// same order, has its labels put over the training set's classes and declares those that it has as its
/// subset ([`LabelSpace::subset`]).
///
/// # Errors
/// [`DataError::Classes`] for a name that the training set does not have, for another order, and for a
/// name that two classes of the training set share.
pub fn align(train: &dyn Source, test: Arc<dyn Source>) -> Result<Arc<dyn Source>, DataError> {
    let (known, own) = (&train.space().classes, &test.space().classes);
    if known == own {
        return Ok(test);
    }
    let labels = places(known, own).map_err(|fault| DataError::Classes {
        set: test.name().to_owned(),
        message: format!(
            "expected classes of {} in their order ({}), found {}; {}",
            train.name(),
            list(known.iter()),
            fault.words(),
            help(known, own)
        ),
    })?;
    let lists = test.labels().iter();
    let lists: Vec<Vec<u32>> = lists
        .map(|list| list.iter().map(|&label| labels[label as usize]).collect())
        .collect();
    let subset = match &test.space().subset {
        Some(subset) => subset.iter().map(|&label| labels[label as usize]).collect(),
        None => labels,
    };
    let space = LabelSpace {
        classes: known.clone(),
        subset: Some(subset),
    };
    Ok(Arc::new(Relabelled::with_labels(
        test,
        Labels::multi(lists),
        space,
    )))
}

/// How two lists of names differ.
enum Difference<'a> {
    Unknown(Vec<&'a String>),
    Twice(&'a String),
    Order(&'a String, &'a String),
}

impl Difference<'_> {
    fn words(&self) -> String {
        match self {
            Self::Unknown(names) => list(names.iter().copied()),
            Self::Twice(name) => format!("{}, which two classes are called", quoted(name)),
            Self::Order(first, second) => format!("{} before {}", quoted(first), quoted(second)),
        }
    }
}

/// The place among `known` of each of `own`.
fn places<'a>(known: &[String], own: &'a [String]) -> Result<Vec<u32>, Difference<'a>> {
    let mut by_name: HashMap<&String, Vec<u32>> = HashMap::new();
    for (place, name) in known.iter().enumerate() {
        by_name.entry(name).or_default().push(place as u32);
    }
    let unknown: Vec<&String> = own.iter().filter(|n| !by_name.contains_key(n)).collect();
    if !unknown.is_empty() {
        return Err(Difference::Unknown(unknown));
    }
    let mut places = Vec::with_capacity(own.len());
    for name in own {
        match by_name[name][..] {
            [place] => places.push(place),
            _ => return Err(Difference::Twice(name)),
        }
    }
    match places.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(at) => Err(Difference::Order(&own[at], &own[at + 1])),
        None => Ok(places),
    }
}

/// What to do about it.
fn help(known: &[String], own: &[String]) -> String {
    let numbers = |names: &[String]| names.iter().all(|name| name.parse::<u32>().is_ok());
    let alike = own.iter().find_map(|name| {
        let other = known.iter().find(|k| *k != name && fold(k) == fold(name))?;
        Some((name, other))
    });
    match alike {
        Some((name, other)) => format!(
            "{} and {} are different names: rename one, or map the classes with `class_map`",
            quoted(name),
            quoted(other)
        ),
        None if numbers(own) != numbers(known) => {
            "only one of the two sets names its classes: name them in both (`classes` of a manifest), or map them with `class_map`".to_owned()
        }
        None => "`class_map` can say which class is which".to_owned(),
    }
}

/// A name without what is easily overlooked: case, space, and how an accent is written.
fn fold(name: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_alphanumeric);
    plain.map(|c| c.to_ascii_lowercase()).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a String> + Clone) -> String {
    let count = names.clone().count();
    let shown: Vec<String> = names.take(LISTED).map(|name| quoted(name)).collect();
    let shown = shown.join(", ");
    match count.saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A name between backquotes, with marks and spaces that cannot be seen written out.
fn quoted(name: &str) -> String {
    let debug = format!("{name:?}");
    format!("`{}`", &debug[1..debug.len() - 1])
}
