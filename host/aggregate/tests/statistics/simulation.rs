//! Tests and intervals on simulated frameworks whose truth is known.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use ssl_aggregate::{
    Aggregate, Bootstrap, Cell, DataSet, Discordant, Interactions, Method, PairedOutcomes, Pool,
    Redraws, Table, bootstrap, mcnemar_mid_p, pair_tests, pair_tests_of, two_proportion_z,
};

/// Kolmogorov and Smirnov's distance of a sample from the uniform distribution.
fn distance_from_uniform(mut p: Vec<f64>) -> f64 {
    p.sort_by(f64::total_cmp);
    let n = p.len() as f64;
    let gap = |(index, p): (usize, &f64)| ((index as f64 + 1.0) / n - p).max(p - index as f64 / n);
    p.iter().enumerate().map(gap).fold(0.0, f64::max)
}

/// Distance that a uniform sample exceeds with probability 0.01.
fn critical(n: usize) -> f64 {
    1.628 / (n as f64).sqrt()
}

#[test]
fn p_values_are_uniform_when_nothing_differs() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let n = 50_000;
    let count = Binomial::new(n, 0.62).unwrap();
    let p: Vec<f64> = (0..2000)
        .map(|_| {
            let mut cell = || Cell::counted(count.sample(&mut random), n).unwrap();
            two_proportion_z(&cell(), &cell()).p
        })
        .collect();
    let distance = distance_from_uniform(p);
    assert!(distance < critical(2000), "{distance}");

    // The same images, 4,000 of them discordant by chance alone.
    let split = Binomial::new(4000, 0.5).unwrap();
    let p: Vec<f64> = (0..2000)
        .map(|_| {
            let only_first = split.sample(&mut random);
            mcnemar_mid_p(Discordant {
                only_first,
                only_second: 4000 - only_first,
            })
        })
        .collect();
    let distance = distance_from_uniform(p);
    assert!(distance < critical(2000), "{distance}");
}

/// Two frameworks on the same images: `both`, `first` alone, `second` alone right with these probabilities.
fn pair(
    random: &mut ChaCha8Rng,
    images: usize,
    both: f64,
    first: f64,
    second: f64,
) -> [Vec<bool>; 2] {
    let mut outcomes = [Vec::with_capacity(images), Vec::with_capacity(images)];
    for _ in 0..images {
        let u: f64 = random.random();
        outcomes[0].push(u < both + first);
        outcomes[1].push(u < both || (both + first..both + first + second).contains(&u));
    }
    outcomes
}

fn table(sets: &[[Vec<bool>; 2]]) -> (Table, Vec<Option<PairedOutcomes>>) {
    let data_sets = sets.iter().enumerate().map(|(set, outcomes)| DataSet {
        name: format!("set{set}"),
        n: outcomes[0].len() as u64,
        label_space: None,
        same_images_as: None,
    });
    let right = |bits: &Vec<bool>| bits.iter().filter(|bit| **bit).count() as u64;
    let row = |side: usize| {
        let cell = |outcomes: &[Vec<bool>; 2]| {
            Some(Cell::counted(right(&outcomes[side]), outcomes[side].len() as u64).unwrap())
        };
        sets.iter().map(cell).collect()
    };
    let names = vec!["a".to_owned(), "b".to_owned()];
    let table = Table::try_new(None, data_sets.collect(), names, vec![row(0), row(1)]).unwrap();
    let paired = |outcomes: &[Vec<bool>; 2]| {
        Some(
            PairedOutcomes::try_new([(0, "a", &outcomes[0][..]), (1, "b", &outcomes[1][..])])
                .unwrap(),
        )
    };
    (table, sets.iter().map(paired).collect())
}

/// Redraws over all data sets at level 0.05.
fn redrawn(
    table: &Table,
    outcomes: &[Option<PairedOutcomes>],
    draws: usize,
    seed: u64,
) -> Bootstrap {
    let interactions = Interactions::new(table, outcomes);
    let test = |(set, outcomes): (usize, &Option<PairedOutcomes>)| {
        pair_tests_of(table, set, 0.05, outcomes.as_ref(), &interactions)
    };
    let tests: Vec<_> = outcomes.iter().enumerate().map(test).collect();
    let redraws = Redraws {
        draws,
        seed,
        alpha: 0.05,
    };
    bootstrap(table, outcomes, &tests, &[Pool::all(table)], redraws)
}

#[test]
fn mcnemar_finds_what_the_unpaired_test_misses() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let outcomes = pair(&mut random, 10_000, 0.74, 0.012, 0.005);
    let (table, paired) = table(&[outcomes]);
    let unpaired = pair_tests(&table, 0, 0.05, |_, _| None);
    let with_images = pair_tests(&table, 0, 0.05, |a, b| paired[0].as_ref()?.discordant(a, b));
    assert_eq!(unpaired.pairs[0].method, Method::TwoProportionZ);
    assert!(unpaired.pairs[0].p > 0.1, "{:?}", unpaired.pairs[0]);
    assert_eq!(with_images.pairs[0].method, Method::McNemarExact);
    assert!(with_images.pairs[0].p < 1e-4, "{:?}", with_images.pairs[0]);
}

#[test]
fn bootstrap_intervals_cover_the_truth_as_often_as_they_say() {
    let mut random = ChaCha8Rng::seed_from_u64(17);
    let truth = [(0.5, 0.1, 0.08), (0.3, 0.15, 0.1), (0.2, 0.1, 0.12)];
    let images = [900, 500, 700];
    let shares: Vec<(f64, f64)> = truth
        .iter()
        .zip(images)
        .map(|((both, first, _), n)| (100.0 * (both + first), f64::from(n)))
        .collect();
    let kinds = [(0, Aggregate::Weighted), (2, Aggregate::Geometric)];
    let repeats: u64 = 1000;
    let mut covered = [0u64; 3];
    for repeat in 0..repeats {
        let sets: Vec<[Vec<bool>; 2]> = truth
            .iter()
            .zip(images)
            .map(|(&(both, first, second), n)| pair(&mut random, n as usize, both, first, second))
            .collect();
        let (table, paired) = table(&sets);
        let found = redrawn(&table, &paired, 400, repeat);
        let holds = |interval: Option<(f64, f64)>, value: f64| {
            let (low, high) = interval.unwrap();
            u64::from(low <= value && value <= high)
        };
        for (count, (place, kind)) in covered.iter_mut().zip(kinds) {
            *count += holds(found.pools[0][place].value[0], kind.combine(&shares));
        }
        covered[2] += holds(found.data_sets[0].accuracy[0], shares[0].0);
    }
    for count in covered {
        let share = count as f64 / repeats as f64;
        assert!((0.93..=0.97).contains(&share), "{covered:?}");
    }
}

#[test]
fn paired_redraws_know_that_close_frameworks_move_together() {
    let mut random = ChaCha8Rng::seed_from_u64(23);
    // Nearly the same answers: the first is ahead by a few images, but on almost every redraw.
    let outcomes = pair(&mut random, 5000, 0.7, 0.006, 0.001);
    let (table, paired) = table(&[outcomes]);
    let first = |outcomes: &[Option<PairedOutcomes>]| {
        redrawn(&table, outcomes, 2000, 1).data_sets[0].first[0].unwrap()
    };
    assert!(first(&paired) > 0.99);
    assert!(first(&[None]) < 0.9);
    assert_eq!(first(&paired), first(&paired));
}

#[test]
fn detectable_gap_is_found_in_four_of_five_experiments() {
    let n = 4000;
    let table = |counts: [u64; 2]| {
        let set = DataSet {
            name: "val".to_owned(),
            n,
            label_space: None,
            same_images_as: None,
        };
        let rows = counts.map(|count| vec![Some(Cell::counted(count, n).unwrap())]);
        let names = vec!["a".to_owned(), "b".to_owned()];
        Table::try_new(None, vec![set], names, rows.to_vec()).unwrap()
    };
    let tests = |counts| pair_tests(&table(counts), 0, 0.05, |_, _| None);
    let gap = tests([2400, 2400]).detectable_gap(0.8).unwrap() / 100.0;
    let mut random = ChaCha8Rng::seed_from_u64(31);
    let mut draw = |share: f64| (0..n).filter(|_| random.random_bool(share)).count() as u64;
    let repeats = 1500;
    let found = (0..repeats)
        .filter(|_| {
            let counts = [draw(0.6 + gap / 2.0), draw(0.6 - gap / 2.0)];
            tests(counts).differ(0, 1)
        })
        .count();
    let power = found as f64 / f64::from(repeats);
    assert!((0.77..=0.83).contains(&power), "{power}");
}
