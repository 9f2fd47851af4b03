//! Which images' labels are used.

use std::collections::HashMap;
use std::path::Path;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::LabelFraction;
use crate::digest::sha256;
use crate::evaluate::{EvaluateError, Result};

/// SHA-256 of the published lists of ImageNet images: 1 % (12,811) and 10 % (128,116).
const OFFICIAL: [(f64, &str); 2] = [
    (
        0.01,
        "71e82a48ba78252683ae334c4d019ebd5c6e855b9599c1389fbe83eb9549cf17",
    ),
    (
        0.1,
        "6d09de11e7bdaf5b1f3b1f249b6183695f97310cdd20f0c03e7235b6b9392091",
    ),
];

/// The images of a share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subset {
    /// Their rows, ascending.
    #[serde(skip)]
    pub rows: Vec<usize>,
    /// How many there are.
    pub samples: usize,
    /// SHA-256 of the list, where one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_sha256: Option<String>,
    /// Whether the list is the published one for its share.
    pub official: bool,
}

/// Chooses the images: all, those of the list, or a share of every class drawn with `seed`, of a class
/// with `n` images `round(share·n)` and at least one.
///
/// # Errors
/// [`EvaluateError::Io`] for a list that cannot be read, [`EvaluateError::File`] for one that names an
/// image that is not in the set, or two that are.
pub fn subset(
    fraction: &LabelFraction,
    ids: &[String],
    labels: &[u32],
    root: Option<&Path>,
    seed: u64,
) -> Result<Subset> {
    if let Some(list) = &fraction.list {
        let path = root.map_or_else(|| list.clone(), |root| root.join(list));
        return listed(fraction, &path, ids);
    }
    let rows = if fraction.labels >= 1.0 {
        (0..labels.len()).collect()
    } else {
        drawn(fraction.labels, labels, seed)
    };
    Ok(Subset {
        samples: rows.len(),
        rows,
        list_sha256: None,
        official: false,
    })
}

fn listed(fraction: &LabelFraction, path: &Path, ids: &[String]) -> Result<Subset> {
    let bytes = crate::regular::read(path).map_err(EvaluateError::io("read", path))?;
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut doubles: HashMap<&str, usize> = HashMap::new();
    for (row, id) in ids.iter().enumerate() {
        let name = id.rsplit(['/', '\\']).next().unwrap_or(id);
        if known.insert(name, row).is_some() {
            doubles.insert(name, row);
        }
    }
    let refuse = |expected: &str, found: String| EvaluateError::File {
        expected: expected.to_owned(),
        found,
        path: path.to_owned(),
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut rows = Vec::new();
    for name in text.lines().map(str::trim).filter(|name| !name.is_empty()) {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        match known.get(name) {
            Some(_) if doubles.contains_key(name) => {
                let found = format!("{name} more than once");
                return Err(refuse("names that one image of the set has", found));
            }
            Some(&row) => rows.push(row),
            None => return Err(refuse("names of images of the set", name.to_owned())),
        }
    }
    rows.sort_unstable();
    rows.dedup();
    if rows.is_empty() {
        return Err(refuse("one image name a line", "none".to_owned()));
    }
    let sha256 = sha256(&bytes);
    let official = OFFICIAL
        .iter()
        .any(|(labels, hash)| (labels - fraction.labels).abs() < 1e-9 && *hash == sha256);
    Ok(Subset {
        samples: rows.len(),
        rows,
        list_sha256: Some(sha256),
        official,
    })
}

fn drawn(share: f64, labels: &[u32], seed: u64) -> Vec<usize> {
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        members[label as usize].push(row);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = Vec::new();
    for class in &mut members {
        class.shuffle(&mut rng);
        let count = ((share * class.len() as f64).round() as usize).max(1);
        rows.extend(class.iter().take(count));
    }
    rows.sort_unstable();
    rows
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn share(labels: f64) -> LabelFraction {
        LabelFraction { labels, list: None }
    }

    #[test]
    fn label_subset_takes_a_fraction_of_each_class_and_at_least_one() {
        let labels: Vec<u32> = (0..130).map(|i| u32::from(i >= 100)).collect();
        let ids: Vec<String> = (0..130).map(|i| i.to_string()).collect();
        let count = |part: f64| {
            let subset = subset(&share(part), &ids, &labels, None, 1).unwrap();
            let first = subset.rows.iter().filter(|&&row| row < 100).count();
            assert_eq!(subset.samples, subset.rows.len());
            (first, subset.rows.len() - first)
        };
        assert_eq!(count(0.1), (10, 3));
        assert_eq!(count(0.01), (1, 1));
        assert_eq!(count(1.0), (100, 30));
    }

    #[test]
    fn label_list_selects_exactly_the_named_images() {
        let folder = tempfile::tempdir().unwrap();
        let ids = ["a/1.jpg", "a/2.jpg", "b/3.jpg", "b/1.jpg"].map(str::to_owned);
        let listed = |text: &str| {
            std::fs::write(folder.path().join("list.txt"), text).unwrap();
            let share = LabelFraction {
                labels: 0.5,
                list: Some("list.txt".into()),
            };
            subset(&share, &ids, &[0, 0, 1, 1], Some(folder.path()), 0)
        };
        let found = listed("3.jpg\n2.jpg\n").unwrap();
        assert_eq!((found.rows, found.official), (vec![1, 2], false));
        for (text, words) in [
            ("2.jpg\nno.jpg\n", "no.jpg"),
            ("1.jpg\n", "more than once"),
            ("\n", "none"),
        ] {
            let fault = listed(text).unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
