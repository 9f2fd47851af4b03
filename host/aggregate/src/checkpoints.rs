//! How far checkpoints of one framework differ, against how far frameworks do.

use std::collections::BTreeMap;

use super::Observation;
use super::variance::distinct;

/// The checkpoint lottery under one protocol: what the choice of a checkpoint changes, against what the choice of a
/// framework does.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointLottery {
    /// Frameworks with several checkpoints, and how many, in order of first appearance.
    pub frameworks: Vec<(String, usize)>,
    /// One per data set that has two checkpoints of one framework, in order of first appearance.
    pub data_sets: Vec<CheckpointSpread>,
}

/// Spreads on one data set, in points. Each holds the chance of images and runs as well.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointSpread {
    /// The data set.
    pub data_set: String,
    /// Standard deviation between checkpoints of one framework: `sqrt(ΣΣ (x - mean of its framework)² / Σ (C_f - 1))` with
    /// `C_f` checkpoints of framework `f`, and `x` a checkpoint's mean over seeds of the means over heads.
    pub within: f64,
    /// Standard deviation between frameworks, each the mean over its checkpoints; `None` with a single framework.
    pub between: Option<f64>,
    /// Lowest and highest checkpoint in percent, for each of [`CheckpointLottery::frameworks`]; `None` where fewer than two
    /// checkpoints have the data set.
    pub ranges: Vec<Option<(f64, f64)>>,
}

/// Compares checkpoints by `protocol`; `None` where no framework has two.
#[must_use]
pub fn checkpoint_lottery(
    observations: &[Observation],
    protocol: &str,
) -> Option<CheckpointLottery> {
    let own: Vec<&Observation> = observations
        .iter()
        .filter(|it| it.protocol == protocol)
        .collect();
    let names = distinct(own.iter().map(|it| it.framework.as_str()));
    let count = |name: &&str| {
        let of_framework = own.iter().filter(|it| it.framework == **name);
        distinct(of_framework.map(|it| it.checkpoint.as_str())).len()
    };
    let frameworks: Vec<(String, usize)> = names
        .iter()
        .map(|name| ((*name).to_owned(), count(name)))
        .filter(|(_, count)| *count > 1)
        .collect();
    let sets = distinct(own.iter().map(|it| it.data_set.as_str()));
    let spread = |set: &str| spread(set, &means(&own, set), &names, &frameworks);
    let data_sets: Vec<CheckpointSpread> = sets.into_iter().filter_map(spread).collect();
    (!data_sets.is_empty()).then_some(CheckpointLottery {
        frameworks,
        data_sets,
    })
}

/// Means of the checkpoints of each framework on one data set.
fn means<'a>(own: &[&'a Observation], set: &str) -> BTreeMap<&'a str, Vec<f64>> {
    let mut seeds: BTreeMap<(&str, &str, u64), Vec<f64>> = BTreeMap::new();
    for it in own.iter().filter(|it| it.data_set == set) {
        let run = (it.framework.as_str(), it.checkpoint.as_str(), it.seed);
        seeds.entry(run).or_default().push(it.cell.percent());
    }
    let mut checkpoints: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for ((framework, checkpoint, _), heads) in seeds {
        let checkpoint = checkpoints.entry((framework, checkpoint)).or_default();
        checkpoint.push(mean(&heads));
    }
    let mut frameworks: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for ((framework, _), seeds) in checkpoints {
        frameworks.entry(framework).or_default().push(mean(&seeds));
    }
    frameworks
}

fn spread(
    set: &str,
    means: &BTreeMap<&str, Vec<f64>>,
    names: &[&str],
    several: &[(String, usize)],
) -> Option<CheckpointSpread> {
    let freedom: usize = means.values().map(|own| own.len() - 1).sum();
    if freedom == 0 {
        return None;
    }
    let within: f64 = means.values().map(|own| squares(own)).sum();
    let of_frameworks: Vec<f64> = names
        .iter()
        .filter_map(|name| means.get(name).map(|own| mean(own)))
        .collect();
    let others = of_frameworks.len() - 1;
    let range = |(name, _): &(String, usize)| {
        let own = means.get(name.as_str()).filter(|own| own.len() > 1)?;
        let low = own.iter().copied().fold(f64::INFINITY, f64::min);
        Some((low, own.iter().copied().fold(0.0, f64::max)))
    };
    Some(CheckpointSpread {
        data_set: set.to_owned(),
        within: (within / freedom as f64).sqrt(),
        between: (others > 0).then(|| (squares(&of_frameworks) / others as f64).sqrt()),
        ranges: several.iter().map(range).collect(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sum of squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Cell;

    fn observation(framework: &str, checkpoint: &str, seed: u64, correct: u64) -> Observation {
        Observation {
            framework: framework.to_owned(),
            data_set: "val".to_owned(),
            checkpoint: checkpoint.to_owned(),
            seed,
            protocol: "linear".to_owned(),
            variant: "0".to_owned(),
            cell: Cell::counted(correct, 100).unwrap(),
        }
    }

    #[test]
    fn checkpoints_are_compared_within_and_frameworks_between() {
        let mut all = vec![
            observation("a", "x", 0, 40),
            observation("a", "x", 1, 44),
            observation("a", "y", 0, 46),
            observation("b", "x", 0, 50),
            observation("c", "x", 0, 60),
            observation("c", "z", 0, 62),
        ];
        let found = checkpoint_lottery(&all, "linear").unwrap();
        assert_eq!(found.frameworks, [("a".to_owned(), 2), ("c".to_owned(), 2)]);
        let val = &found.data_sets[0];
        // Checkpoints 42 and 46, 60 and 62: squares 8 and 2 over two degrees. Frameworks 44, 50 and 61.
        assert!((val.within - 5f64.sqrt()).abs() < 1e-9);
        let squares = [44.0, 50.0, 61.0].map(|it: f64| (it - 155.0 / 3.0).powi(2));
        let between = (squares.iter().sum::<f64>() / 2.0).sqrt();
        assert!((val.between.unwrap() - between).abs() < 1e-9);
        assert_eq!(val.ranges, [Some((42.0, 46.0)), Some((60.0, 62.0))]);
        assert_eq!(checkpoint_lottery(&all, "knn"), None);
        all.retain(|it| it.checkpoint == "x");
        assert_eq!(checkpoint_lottery(&all, "linear"), None);
    }
}
