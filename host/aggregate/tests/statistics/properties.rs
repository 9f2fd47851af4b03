//! What theory says must hold for every table.

use proptest::prelude::*;
use ssl_aggregate::{
    Aggregate, Cell, DataSet, Pool, Table, aggregate, concordance, correlations, pair_tests, ranks,
    winner_share,
};

/// `counts[framework][data set]` of `n[data set]`.
#[derive(Debug, Clone)]
struct Counts {
    n: Vec<u64>,
    counts: Vec<Vec<u64>>,
}

impl Counts {
    fn table(&self) -> Table {
        let data_sets = self.n.iter().enumerate().map(|(set, &n)| DataSet {
            name: format!("set{set}"),
            n,
            label_space: None,
            same_images_as: None,
        });
        let frameworks = (0..self.counts.len())
            .map(|row| format!("f{row}"))
            .collect();
        let cells = |row: &Vec<u64>| {
            row.iter()
                .zip(&self.n)
                .map(|(&correct, &n)| Some(Cell::counted(correct, n).unwrap()))
                .collect()
        };
        let rows = self.counts.iter().map(cells).collect();
        Table::try_new(None, data_sets.collect(), frameworks, rows).unwrap()
    }

    fn with_data_set(&self, set: usize) -> Self {
        let mut wider = self.clone();
        wider.n.push(self.n[set]);
        wider.counts.iter_mut().for_each(|row| row.push(row[set]));
        wider
    }
}

fn counts() -> impl Strategy<Value = Counts> {
    (2usize..7, 1usize..5).prop_flat_map(|(frameworks, sets)| {
        let n = prop::collection::vec(prop::sample::select(vec![20u64, 97, 1000]), sets);
        n.prop_flat_map(move |n| {
            let row: Vec<_> = n.iter().map(|&n| 1..=n).collect();
            prop::collection::vec(row, frameworks).prop_map(move |counts| Counts {
                n: n.clone(),
                counts,
            })
        })
    })
}

fn all(table: &Table) -> Vec<usize> {
    Pool::all(table).data_sets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn adding_a_constant_framework_changes_no_other_result(counts in counts(), tenths in 1u64..=10) {
        let before = counts.table();
        let mut more = counts.clone();
        // A tenth of every n need not be whole; the floor is as good a constant as any.
        more.counts.push(counts.n.iter().map(|n| (n * tenths / 10).max(1)).collect());
        let after = more.table();
        for kind in Aggregate::ALL {
            if kind != Aggregate::MeanRank {
                let (old, new) = (aggregate(&before, &all(&before), kind), aggregate(&after, &all(&after), kind));
                prop_assert_eq!(&old.values[..], &new.values[..counts.counts.len()]);
            }
        }
        for set in 0..counts.n.len() {
            let (old, new) = (ranks(&before, set), ranks(&after, set));
            for (old, new) in old.iter().zip(&new) {
                let moved = new.unwrap().average() - old.unwrap().average();
                prop_assert!([0.0, 0.5, 1.0].contains(&moved), "moved by {}", moved);
            }
            let (old, new) = (pair_tests(&before, set, 0.05, |_, _| None), pair_tests(&after, set, 0.05, |_, _| None));
            for pair in &old.pairs {
                let again = new.pair(pair.first, pair.second).unwrap();
                prop_assert_eq!(pair.p, again.p);
                prop_assert!(again.holm >= pair.holm);
            }
        }
    }

    #[test]
    fn permuting_rows_permutes_results(counts in counts(), shift in 1usize..6) {
        let rows = counts.counts.len();
        let shift = shift % rows;
        let mut turned = counts.clone();
        turned.counts.rotate_left(shift);
        let (before, after) = (counts.table(), turned.table());
        for kind in Aggregate::ALL {
            let (old, new) = (aggregate(&before, &all(&before), kind), aggregate(&after, &all(&after), kind));
            for row in 0..rows {
                prop_assert_eq!(new.ranks[row], old.ranks[(row + shift) % rows]);
                prop_assert_eq!(new.values[row], old.values[(row + shift) % rows]);
            }
        }
        let (old, new) = (concordance(&before, &all(&before), 0.05), concordance(&after, &all(&after), 0.05));
        prop_assert_eq!(old.is_some(), new.is_some());
        if let (Some(old), Some(new)) = (old, new) {
            prop_assert!((old.kendall_w - new.kendall_w).abs() < 1e-12);
        }
    }

    #[test]
    fn duplicating_a_data_set_weighs_it_twice(counts in counts()) {
        let (before, after) = (counts.table(), counts.with_data_set(0).table());
        let sets = counts.n.len() as f64;
        let (old, new) = (
            aggregate(&before, &all(&before), Aggregate::Arithmetic),
            aggregate(&after, &all(&after), Aggregate::Arithmetic),
        );
        for row in 0..counts.counts.len() {
            let first = before.cell(row, 0).unwrap().percent();
            let expected = (old.values[row].unwrap() * sets + first) / (sets + 1.0);
            prop_assert!((new.values[row].unwrap() - expected).abs() < 1e-9);
        }
        // The copy agrees with its original in everything.
        let copy = counts.n.len();
        let found = correlations(&after, 0, copy, 0.95, 0, 0);
        if let Some(r) = found.pearson.value {
            prop_assert!((r - 1.0).abs() < 1e-12);
            prop_assert!((found.line.unwrap().slope - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn duplicating_every_data_set_changes_no_aggregate(counts in counts()) {
        let doubled = (0..counts.n.len()).fold(counts.clone(), |wider, set| wider.with_data_set(set));
        let (before, after) = (counts.table(), doubled.table());
        for kind in Aggregate::ALL {
            let (old, new) = (aggregate(&before, &all(&before), kind), aggregate(&after, &all(&after), kind));
            prop_assert_eq!(&old.ranks, &new.ranks);
            for (old, new) in old.values.iter().zip(&new.values) {
                prop_assert!((old.unwrap() - new.unwrap()).abs() < 1e-9);
            }
        }
        let (old, new) = (concordance(&before, &all(&before), 0.05), concordance(&after, &all(&after), 0.05));
        if let (Some(old), Some(new)) = (old, new) {
            prop_assert!((old.kendall_w - new.kendall_w).abs() < 1e-9);
            prop_assert!((2.0 * old.friedman - new.friedman).abs() < 1e-6);
        }
    }

    #[test]
    fn winner_shares_of_all_subsets_sum_to_one(counts in counts()) {
        let table = counts.table();
        for kind in Aggregate::ALL {
            let share = winner_share(&table, &all(&table), kind, 0).unwrap();
            let wins: f64 = share.wins.iter().flatten().sum();
            prop_assert_eq!(share.subsets, (1 << counts.n.len()) - 1);
            prop_assert!((wins - share.subsets as f64).abs() < 1e-9);
            prop_assert!(share.entropy() <= (counts.counts.len() as f64).log2() + 1e-9);
        }
    }
}
