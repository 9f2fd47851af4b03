//! Where the spread of an accuracy comes from, where it was measured more than once.

use std::collections::BTreeMap;

use super::Cell;

/// One accuracy with everything that was varied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The framework.
    pub framework: String,
    /// The data set.
    pub data_set: String,
    /// The checkpoint or configuration it was pretrained with, without the seed.
    pub checkpoint: String,
    /// Seed of the pretraining.
    pub seed: u64,
    /// The protocol.
    pub protocol: String,
    /// What was varied within the protocol: the seed of a linear head, or `k`.
    pub variant: String,
    /// The result.
    pub cell: Cell,
}

/// Standard deviations on one data set, in points; `None` where nothing was repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct VarianceSplit {
    /// The data set.
    pub data_set: String,
    /// Of drawing the images: `100 sqrt(mean of p (1 - p)/n)`.
    pub images: f64,
    /// Between heads of one pretrained backbone under one protocol.
    pub variants: Option<f64>,
    /// Between seeds of one framework, all else equal.
    pub seeds: Option<f64>,
    /// Between protocols on one backbone.
    pub protocols: Option<f64>,
    /// Between checkpoints of one framework, all else equal.
    pub checkpoints: Option<f64>,
}

/// Splits the spread on each data set, in order of first appearance.
///
/// For each factor the observations are grouped by everything else, and the variances within groups are pooled:
/// `s² = ΣΣ (x - mean of its group)² / Σ (m - 1)`. Between protocols the variants of each are averaged first, since
/// they have no counterpart in the other. All but the first are measured on the same images, so they add to the
/// sampling of images instead of containing it.
#[must_use]
pub fn variance_split(observations: &[Observation]) -> Vec<VarianceSplit> {
    let mut data_sets: Vec<&str> = Vec::new();
    for observation in observations {
        if !data_sets.contains(&observation.data_set.as_str()) {
            data_sets.push(&observation.data_set);
        }
    }
    let split = |&data_set: &&str| {
        let of_set: Vec<&Observation> = observations
            .iter()
            .filter(|observation| observation.data_set == data_set)
            .collect();
        let sampling: f64 = of_set
            .iter()
            .map(|it| it.cell.standard_error().powi(2))
            .sum();
        let exact = |it: &&Observation| it.cell.percent();
        let pooled =
            |key: &dyn Fn(&Observation) -> Key| pool(of_set.iter().map(|it| (key(it), exact(it))));
        VarianceSplit {
            data_set: data_set.to_owned(),
            images: 100.0 * (sampling / of_set.len() as f64).sqrt(),
            variants: pooled(&|it| key(it, &[&it.checkpoint, &it.seed.to_string(), &it.protocol])),
            seeds: pooled(&|it| key(it, &[&it.checkpoint, &it.protocol, &it.variant])),
            protocols: between_protocols(&of_set),
            checkpoints: pooled(&|it| key(it, &[&it.seed.to_string(), &it.protocol, &it.variant])),
        }
    };
    data_sets.iter().map(split).collect()
}

type Key = Vec<String>;

fn key(observation: &Observation, rest: &[&str]) -> Key {
    std::iter::once(observation.framework.as_str())
        .chain(rest.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// Mean over the variants of each protocol, then the spread between protocols.
fn between_protocols(observations: &[&Observation]) -> Option<f64> {
    let mut means: BTreeMap<(Key, &str), Vec<f64>> = BTreeMap::new();
    for it in observations {
        let backbone = key(it, &[&it.checkpoint, &it.seed.to_string()]);
        means
            .entry((backbone, &it.protocol))
            .or_default()
            .push(it.cell.percent());
    }
    pool(means.into_iter().map(|((backbone, _), values)| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (backbone, mean)
    }))
}

/// Standard deviation within groups, pooled; `None` if no group has two values.
fn pool(values: impl Iterator<Item = (Key, f64)>) -> Option<f64> {
    let mut groups: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
    for (key, value) in values {
        groups.entry(key).or_default().push(value);
    }
    let (mut squares, mut freedom) = (0.0, 0usize);
    for group in groups.values() {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        squares += group
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>();
        freedom += group.len() - 1;
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn observation(
        framework: &str,
        seed: u64,
        protocol: &str,
        variant: &str,
        correct: u64,
    ) -> Observation {
        Observation {
            framework: framework.to_owned(),
            data_set: "val".to_owned(),
            checkpoint: "x".to_owned(),
            seed,
            protocol: protocol.to_owned(),
            variant: variant.to_owned(),
            cell: Cell::counted(correct, 100).unwrap(),
        }
    }

    #[test]
    fn variance_components_are_measured_within_the_other_factors() {
        let split = variance_split(&[
            observation("a", 0, "linear", "0", 50),
            observation("a", 0, "linear", "1", 54),
            observation("a", 1, "linear", "0", 60),
            observation("a", 1, "linear", "1", 62),
            observation("a", 0, "knn", "20", 40),
            observation("b", 0, "linear", "0", 90),
        ]);
        let found = &split[0];
        let close = |found: Option<f64>, square: f64| {
            assert!(
                (found.unwrap().powi(2) - square).abs() < 1e-9,
                "{found:?} is not sqrt({square})"
            );
        };
        // Heads: (50, 54) and (60, 62) give (8 + 2)/2. Seeds: (50, 60) and (54, 62) give (50 + 32)/2.
        close(found.variants, 5.0);
        close(found.seeds, 41.0);
        // Protocols: mean of heads 52 against 40.
        close(found.protocols, 72.0);
        assert_eq!(found.checkpoints, None);
        assert_eq!(split.len(), 1);
        let mean = [50.0, 54.0, 60.0, 62.0, 40.0, 90.0]
            .iter()
            .map(|p| p * (100.0 - p) / 100.0)
            .sum::<f64>()
            / 6.0;
        assert!((found.images.powi(2) - mean).abs() < 1e-9);
    }
}
