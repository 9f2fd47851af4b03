//! Pairs whose order on another data set is the reverse of the order on the reference.

use std::cmp::Ordering;

use super::{PairTest, PairTests};
use crate::Table;

/// Reversed pairs, each as `(better on the reference, better on the data set)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flips {
    /// All that reverse; a tie on either side is no reversal.
    pub all: Vec<(usize, usize)>,
    /// Those that differ significantly on both sides, unadjusted.
    pub significant: Vec<(usize, usize)>,
    /// Those that do after Holm's correction over the pairs of each data set.
    pub after_holm: Vec<(usize, usize)>,
    /// Those that do after Holm's correction over the pairs of all data sets together.
    pub after_holm_over_all: Vec<(usize, usize)>,
    /// Pairs with all four cells, of which these are a part.
    pub pairs: usize,
}

/// Compares the order of every pair on two data sets.
#[must_use]
pub fn flips(table: &Table, reference: &PairTests, other: &PairTests) -> Flips {
    let mut flips = Flips::default();
    for pair in &reference.pairs {
        let (a, b) = (pair.first, pair.second);
        let Some(there) = other.pair(a, b) else {
            continue;
        };
        flips.pairs += 1;
        let before = table
            .cell(a, reference.data_set)
            .cmp(&table.cell(b, reference.data_set));
        let after = table
            .cell(a, other.data_set)
            .cmp(&table.cell(b, other.data_set));
        let reversed = match (before, after) {
            (Ordering::Greater, Ordering::Less) => (a, b),
            (Ordering::Less, Ordering::Greater) => (b, a),
            _ => continue,
        };
        flips.all.push(reversed);
        let both = |p: fn(&PairTest) -> f64| p(pair) < reference.alpha && p(there) < other.alpha;
        for (found, list) in [
            (both(|pair| pair.p), &mut flips.significant),
            (both(|pair| pair.holm), &mut flips.after_holm),
            (
                both(|pair| pair.holm_over_all),
                &mut flips.after_holm_over_all,
            ),
        ] {
            if found {
                list.push(reversed);
            }
        }
    }
    flips
}
