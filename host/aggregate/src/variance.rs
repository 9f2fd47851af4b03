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

/// Standard deviations of one protocol on one data set, in points: nested components, whose squares add up to the
/// variance of a single accuracy on other images, with another seed and another head.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// The protocol.
    pub protocol: String,
    /// Of drawing the images: `100 sqrt(mean of p (1 - p)/n)`.
    pub images: f64,
    /// Between seeds of a framework, beyond what its heads bring; `None` with one seed each, 0 where heads explain all.
    pub seeds: Option<f64>,
    /// Between heads of one pretrained backbone; `None` with one head each.
    pub heads: Option<f64>,
}

/// Where the spread on one data set comes from; `None` where nothing was repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct VarianceSplit {
    /// The data set.
    pub data_set: String,
    /// By protocol, in order of first appearance.
    pub components: Vec<Components>,
    /// Standard deviation between protocols on one backbone, in points.
    pub protocols: Option<f64>,
    /// Standard deviation between checkpoints of one framework, all else equal, in points.
    pub checkpoints: Option<f64>,
}

impl VarianceSplit {
    /// The components of one protocol.
    #[must_use]
    pub fn of(&self, protocol: &str) -> Option<&Components> {
        let mut components = self.components.iter();
        components.find(|components| components.protocol == protocol)
    }
}

/// Splits the spread on each data set, in order of first appearance.
///
/// Heads are nested in seeds, seeds in frameworks (or checkpoints), for each protocol on its own. With `H_s` heads of a seed
/// the variance between heads is `σ²_h = ΣΣ (x - mean of its seed)² / Σ (H_s - 1)`, that between seeds
/// `σ²_s = s² - σ²_h mean(1/H_s)`, not below 0, with `s²` the pooled variance of the seeds' means and the mean
/// weighted by degrees of freedom. Both are measured on
/// the same images, so they add to the sampling of images instead of containing it. Between protocols and between
/// checkpoints the observations are grouped by everything else and variances within groups are pooled; heads of a
/// protocol are averaged first, since they have no counterpart in another.
#[must_use]
pub fn variance_split(observations: &[Observation]) -> Vec<VarianceSplit> {
    let split = |data_set: &str| {
        let of_set: Vec<&Observation> = observations
            .iter()
            .filter(|observation| observation.data_set == data_set)
            .collect();
        let exact = |it: &&Observation| it.cell.percent();
        let protocols = distinct(of_set.iter().map(|it| it.protocol.as_str()));
        VarianceSplit {
            data_set: data_set.to_owned(),
            components: protocols
                .into_iter()
                .map(|protocol| components(protocol, &of_set))
                .collect(),
            protocols: between_protocols(&of_set),
            checkpoints: pool(of_set.iter().map(|it| {
                let rest = [&it.seed.to_string(), &it.protocol, &it.variant];
                (key(it, &rest.map(String::as_str)), exact(it))
            })),
        }
    };
    distinct(observations.iter().map(|it| it.data_set.as_str()))
        .into_iter()
        .map(split)
        .collect()
}

/// The nested components of one protocol.
fn components(protocol: &str, of_set: &[&Observation]) -> Components {
    let own = || of_set.iter().filter(|it| it.protocol == protocol);
    let count = own().count() as f64;
    let sampling: f64 = own().map(|it| it.cell.standard_error().powi(2)).sum();
    let mut seeds: BTreeMap<(Key, u64), Vec<f64>> = BTreeMap::new();
    for it in own() {
        let row = key(it, &[&it.checkpoint]);
        let heads = seeds.entry((row, it.seed)).or_default();
        heads.push(it.cell.percent());
    }
    let heads = pool(own().map(|it| {
        let backbone = key(it, &[&it.checkpoint, &it.seed.to_string()]);
        (backbone, it.cell.percent())
    }));
    let between = pool(seeds.iter().map(|((row, _), heads)| {
        let mean = heads.iter().sum::<f64>() / heads.len() as f64;
        (row.clone(), mean)
    }));
    // What the heads bring to the spread of a row's seeds, rows weighted as in the pooled variance.
    let mut rows: BTreeMap<&Key, Vec<f64>> = BTreeMap::new();
    for ((row, _), heads) in &seeds {
        rows.entry(row).or_default().push(1.0 / heads.len() as f64);
    }
    let (mut parts, mut freedom) = (0.0, 0.0);
    for parts_of in rows.values() {
        let count = parts_of.len() as f64;
        parts += (count - 1.0) * parts_of.iter().sum::<f64>() / count;
        freedom += count - 1.0;
    }
    let of_heads = |variance: f64| variance * variance * parts / freedom;
    Components {
        protocol: protocol.to_owned(),
        images: 100.0 * (sampling / count).sqrt(),
        seeds: between.map(|between| {
            let rest = between * between - heads.map_or(0.0, of_heads);
            rest.max(0.0).sqrt()
        }),
        heads,
    }
}

/// Names in order of first appearance.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known: Vec<&str> = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    known
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
        let linear = found.of("linear").unwrap();
        // Heads: (50, 54) and (60, 62) give (8 + 2)/2. Seeds: means 52 and 61 give 40.5, of which heads bring 5/2.
        close(linear.heads, 5.0);
        close(linear.seeds, 38.0);
        assert_eq!(found.of("knn").unwrap().heads, None);
        assert_eq!(found.of("knn").unwrap().seeds, None);
        // Protocols: mean of heads 52 against 40.
        close(found.protocols, 72.0);
        assert_eq!(found.checkpoints, None);
        assert_eq!(split.len(), 1);
        let mean = [50.0, 54.0, 60.0, 62.0, 90.0]
            .iter()
            .map(|p| p * (100.0 - p) / 100.0)
            .sum::<f64>()
            / 5.0;
        close(Some(linear.images), mean);
    }

    #[test]
    fn nested_components_are_unbiased() {
        // Seeds move by ±3, heads by ±1, both from two values: variances 9 and 1 on average over all draws.
        let (mut seeds, mut heads, mut draws) = (0.0, 0.0, 0.0);
        for signs in 0..64u32 {
            let sign = |bit: u32| if signs >> bit & 1 == 1 { 1i64 } else { -1 };
            let mut all = Vec::new();
            for seed in 0..2u32 {
                for head in 0..2u32 {
                    let correct = 50 + 3 * sign(seed) + sign(2 + 2 * seed + head);
                    all.push(observation(
                        "a",
                        u64::from(seed),
                        "linear",
                        &head.to_string(),
                        correct as u64,
                    ));
                }
            }
            let split = variance_split(&all);
            let found = split[0].of("linear").unwrap();
            heads += found.heads.unwrap().powi(2);
            // Cut off at 0, so that only draws whose seeds differ enter.
            if sign(0) != sign(1) {
                seeds += found.seeds.unwrap().powi(2);
                draws += 1.0;
            }
        }
        assert!((heads / 64.0 - 1.0).abs() < 1e-9, "{}", heads / 64.0);
        // Two seeds that differ by 6 have a variance of 18.
        assert!((seeds / draws - 18.0).abs() < 1e-9, "{}", seeds / draws);
    }
}
