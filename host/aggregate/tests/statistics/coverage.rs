//! How often the printed intervals hold the truth, on simulated ledgers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use ssl_aggregate::{
    Aggregate, Interactions, Member, PairedOutcomes, Pool, Redraws, Table, TableEntry, bootstrap,
    pair_tests_of,
};

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

/// Shares of ledgers, times three frameworks, whose intervals hold the truth.
#[derive(Default)]
struct Covered {
    accuracy: f64,
    weighted: f64,
    geometric: f64,
    ranks: f64,
}

fn coverage(ledgers: u64, spread: Spread) -> Covered {
    let mut random = ChaCha8Rng::seed_from_u64(29);
    let truths: Vec<Vec<(f64, f64)>> = SKILLS
        .iter()
        .map(|skill| {
            let sets = SETS.iter();
            sets.map(|(_, n, easier)| (truth(spread, skill + easier), *n as f64))
                .collect()
        })
        .collect();
    let mut covered = Covered::default();
    let holds = |interval: Option<(f64, f64)>, value: f64| {
        let (low, high) = interval.unwrap();
        f64::from(u8::from(low <= value && value <= high))
    };
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
        let by = |kind| {
            let mut kinds = found.pools[0].iter();
            kinds.find(|found| found.aggregate == kind).unwrap()
        };
        let (weighted, geometric) = (by(Aggregate::Weighted), by(Aggregate::Geometric));
        let mut all_ranks = true;
        for (row, truth) in truths.iter().enumerate() {
            for (set, (value, _)) in truth.iter().enumerate() {
                covered.accuracy += holds(found.data_sets[set].printed[row], *value);
            }
            covered.weighted += holds(weighted.value[row], Aggregate::Weighted.combine(truth));
            covered.geometric += holds(geometric.value[row], Aggregate::Geometric.combine(truth));
            // Skills rise, so the last framework is first.
            all_ranks &= holds(weighted.rank[row], (SKILLS.len() - row) as f64) > 0.0;
        }
        covered.ranks += f64::from(u8::from(all_ranks));
    }
    let rows = ledgers as f64 * SKILLS.len() as f64;
    Covered {
        accuracy: covered.accuracy / rows / SETS.len() as f64,
        weighted: covered.weighted / rows,
        geometric: covered.geometric / rows,
        ranks: covered.ranks / ledgers as f64,
    }
}

/// Prints a line for each kind of ledger; the figures stand in the guide's page on reports.
#[test]
#[ignore = "measures; a minute"]
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
        let covered = coverage(200, Spread { seeds, seed, head });
        let Covered {
            accuracy,
            weighted,
            geometric,
            ranks,
        } = covered;
        println!(
            "{name}: accuracy {accuracy:.3}, weighted {weighted:.3}, geometric {geometric:.3}, ranks {ranks:.3}"
        );
        assert!(ranks >= 0.95, "{name}: {ranks}");
    }
}
