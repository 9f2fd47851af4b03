//! How often the printed intervals hold the truth, on simulated ledgers.

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use ssl_aggregate::{
    Aggregate, Cell, DataSet, Interactions, Member, PairedOutcomes, Pool, Redraws, Table,
    TableEntry, bootstrap, correlations, pair_tests_of,
};

/// Simulated ledgers of each kind.
const LEDGERS: u64 = 1000;

/// Mean skills of the frameworks, two of them nearly tied.
const SKILLS: [f64; 3] = [0.500, 0.504, 0.540];
const HEADS: u64 = 3;
/// Share of an image's difficulty that all runs have in common.
const COMMON: f64 = 0.8;

/// `val` and `real` have the same images, `real` scores nine of ten of them with milder labels; `v2` has others.
const SETS: [(&str, usize, f64); 3] =
    [("val", 1500, 0.0), ("real", 1350, 0.06), ("v2", 800, -0.05)];

/// Standard deviations of the skill between seeds and between heads.
#[derive(Clone, Copy)]
struct Spread {
    seeds: u64,
    seed: f64,
    head: f64,
}

struct Simulated {
    table: Table,
    outcomes: Vec<Option<PairedOutcomes>>,
}

fn right(random: &mut ChaCha8Rng, hard: f64, skill: f64) -> bool {
    COMMON * hard + (1.0 - COMMON) * random.random::<f64>() < skill
}

fn simulate(random: &mut ChaCha8Rng, spread: Spread) -> Simulated {
    let normal = |deviation| Normal::new(0.0, deviation).unwrap();
    let mut hard = |n: usize| (0..n).map(|_| random.random::<f64>()).collect::<Vec<_>>();
    let (shared, other) = (hard(SETS[0].1), hard(SETS[2].1));
    let mut records = Vec::new();
    let mut bits: Vec<Vec<(Member, Vec<bool>)>> = vec![Vec::new(); SETS.len()];
    for (row, skill) in SKILLS.iter().enumerate() {
        for seed in 0..spread.seeds {
            let skill = skill + normal(spread.seed).sample(random);
            for head in 0..HEADS {
                let skill = skill + normal(spread.head).sample(random);
                for (set, (name, n, easier)) in SETS.iter().enumerate() {
                    let hard = if set == 2 { &other } else { &shared };
                    let own: Vec<bool> = hard[..*n]
                        .iter()
                        .map(|hard| right(random, *hard, skill + easier))
                        .collect();
                    records.push(TableEntry {
                        framework: format!("f{row}"),
                        data_set: (*name).to_owned(),
                        label_space: "full-10".to_owned(),
                        protocol: "linear".to_owned(),
                        correct: own.iter().filter(|right| **right).count() as u64,
                        n: *n as u64,
                        same_images_as: (set == 1).then(|| "val".to_owned()),
                        seed,
                        head: head.to_string(),
                    });
                    bits[set].push((Member { row, unit: seed }, own));
                }
            }
        }
    }
    let outcomes = bits.iter().enumerate().map(|(set, runs)| {
        let runs = runs.iter().map(|(member, own)| (*member, "f", &own[..]));
        let outcomes = PairedOutcomes::of_runs(runs).unwrap();
        let numbers = (0..SETS[set].1 as u32).collect();
        Some(if set < 2 {
            outcomes.identified(numbers).unwrap()
        } else {
            outcomes
        })
    });
    Simulated {
        table: Table::from_entries(&records).unwrap(),
        outcomes: outcomes.collect(),
    }
}

/// Expected accuracy in percent, over images, seeds and heads.
fn truth(spread: Spread, skill: f64) -> f64 {
    let deviation = spread.seed.hypot(spread.head);
    let steps = 4000;
    let below = |skill: f64| {
        // P(c d + (1 - c) u < s) for uniform d and u, by the midpoint rule over d.
        let inner = (0..400).map(|step| {
            let hard = (f64::from(step) + 0.5) / 400.0;
            ((skill - COMMON * hard) / (1.0 - COMMON)).clamp(0.0, 1.0)
        });
        inner.sum::<f64>() / 400.0
    };
    let (mut sum, mut weights) = (0.0, 0.0);
    for step in 0..=steps {
        let z = -6.0 + 12.0 * f64::from(step) / f64::from(steps);
        let weight = (-0.5 * z * z).exp();
        sum += weight * below(skill + z * deviation);
        weights += weight;
    }
    100.0 * sum / weights
}

/// How many intervals of a kind hold the truth, of how many.
#[derive(Default)]
struct Counts(BTreeMap<&'static str, (u64, u64)>);

impl Counts {
    fn add(&mut self, kind: &'static str, holds: bool) {
        let (held, all) = self.0.entry(kind).or_default();
        *held += u64::from(holds);
        *all += 1;
    }

    fn shares(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let shares = self.0.iter();
        shares.map(|(kind, (held, all))| (*kind, *held as f64 / *all as f64))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = self.shares();
        let shares = shares.map(|(kind, share)| format!("{kind} {:.1}", 100.0 * share));
        formatter.write_str(&shares.collect::<Vec<_>>().join(", "))
    }
}

fn holds(interval: Option<(f64, f64)>, value: f64) -> bool {
    let (low, high) = interval.unwrap();
    low <= value && value <= high
}

/// The intervals of a report on each of so many ledgers.
fn coverage(ledgers: u64, spread: Spread) -> Counts {
    let mut random = ChaCha8Rng::seed_from_u64(29);
    let truths: Vec<Vec<(f64, f64)>> = SKILLS
        .iter()
        .map(|skill| {
            let sets = SETS.iter();
            sets.map(|(_, n, easier)| (truth(spread, skill + easier), *n as f64))
                .collect()
        })
        .collect();
    let mut counts = Counts::default();
    for ledger in 0..ledgers {
        let Simulated { table, outcomes } = simulate(&mut random, spread);
        let interactions = Interactions::new(&table, &outcomes);
        let tests: Vec<_> = (0..SETS.len())
            .map(|set| pair_tests_of(&table, set, 0.05, outcomes[set].as_ref(), &interactions))
            .collect();
        let redraws = Redraws {
            draws: 600,
            seed: ledger,
            alpha: 0.05,
        };
        let found = bootstrap(&table, &outcomes, &tests, &[Pool::all(&table)], redraws);
        // Skills rise, so the last framework is first everywhere. Ranks are right together or not at all.
        let all_ranks = |ranks: &[Option<(f64, f64)>]| {
            let mut ranks = ranks.iter().zip((1..=SKILLS.len()).rev());
            ranks.all(|(interval, truth)| holds(*interval, truth as f64))
        };
        for (set, drawn) in found.data_sets.iter().enumerate() {
            for (row, truth) in truths.iter().enumerate() {
                counts.add("accuracy", holds(drawn.printed[row], truth[set].0));
            }
            counts.add("ranks on a data set", all_ranks(&drawn.rank));
        }
        for drawn in &found.pools[0] {
            let kind = drawn.aggregate;
            if kind == Aggregate::MeanRank {
                let truth = |row: usize| (SKILLS.len() - row) as f64;
                let rows = 0..SKILLS.len();
                let all = rows
                    .into_iter()
                    .all(|row| holds(drawn.value[row], truth(row)));
                counts.add(kind.name(), all);
                continue;
            }
            for (row, truth) in truths.iter().enumerate() {
                counts.add(kind.name(), holds(drawn.value[row], kind.combine(truth)));
            }
            counts.add("ranks by an aggregate", all_ranks(&drawn.rank));
        }
    }
    counts
}

/// Prints a line for each kind of ledger; the figures stand in the guide's page on reports.
#[test]
#[ignore = "measures; some minutes"]
fn measure_how_often_intervals_hold_the_truth() {
    for (name, seeds, seed, head) in [
        ("three seeds that hardly differ", 3, 0.001, 0.001),
        (
            "three seeds about as far apart as images move",
            3,
            0.01,
            0.004,
        ),
        ("three seeds far apart", 3, 0.04, 0.01),
        (
            "five seeds about as far apart as images move",
            5,
            0.01,
            0.004,
        ),
    ] {
        let counts = coverage(LEDGERS, Spread { seeds, seed, head });
        println!("{name}: {counts}");
        for (kind, share) in counts.shares() {
            // Wider than need be is possible: a normal and a Student's variable are added.
            let least = if kind.contains("rank") { 0.95 } else { 0.93 };
            assert!(share >= least, "{name}: {kind} {share}");
        }
    }
}

/// Prints how often intervals of correlations hold the truth, frameworks drawn from a population with a known one.
#[test]
#[ignore = "measures; some minutes"]
fn measure_how_often_intervals_of_correlations_hold_the_truth() {
    let mut random = ChaCha8Rng::seed_from_u64(37);
    let normal = Normal::new(0.0, 1.0).unwrap();
    for frameworks in [12, 30] {
        for rho in [0.3_f64, 0.8] {
            let mut counts = Counts::default();
            for ledger in 0..LEDGERS {
                let points = (0..frameworks).map(|_| {
                    let (x, y): (f64, f64) =
                        (normal.sample(&mut random), normal.sample(&mut random));
                    (x, rho * x + (1.0 - rho * rho).sqrt() * y)
                });
                let cell = |z: f64| {
                    let correct = (1e6 * (0.5 + 0.02 * z)).round() as u64;
                    Some(Cell::counted(correct, 1_000_000).unwrap())
                };
                let rows: Vec<Vec<_>> = points.map(|(x, y)| vec![cell(x), cell(y)]).collect();
                let names = (0..frameworks).map(|row| format!("f{row}")).collect();
                let sets = ["val", "v2"].map(|name| DataSet {
                    name: name.to_owned(),
                    n: 1_000_000,
                    label_space: None,
                    same_images_as: None,
                });
                let table = Table::try_new(None, sets.to_vec(), names, rows).unwrap();
                let found = correlations(&table, 0, 1, 0.95, 10, ledger);
                // Of two normal variables: Pearson's coefficient as Spearman's and Kendall's see it.
                let angle = |r: f64| r.asin() / std::f64::consts::FRAC_PI_2;
                counts.add("Pearson", holds(found.pearson.interval, rho));
                counts.add(
                    "Spearman",
                    holds(found.spearman.interval, 3.0 * angle(rho / 2.0)),
                );
                counts.add("Kendall", holds(found.kendall.interval, angle(rho)));
            }
            println!("{frameworks} frameworks, correlation {rho}: {counts}");
            for (kind, share) in counts.shares() {
                assert!((0.93..=0.97).contains(&share), "{kind} {share}");
            }
        }
    }
}
