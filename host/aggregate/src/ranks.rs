//! Ranks with ties found on exact values, never on rounded ones.

use std::cmp::Ordering;

use super::Table;

/// Rank of one framework among those that have a value; 1 is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Rank if ties share the best place.
    pub min: u32,
    /// How many frameworks stand on this place, itself included.
    pub tied: u32,
}

impl Rank {
    /// Rank if ties share the mean of the places they take.
    #[must_use]
    pub fn average(self) -> f64 {
        f64::from(self.twice()) / 2.0
    }

    /// Twice the average rank, which is whole.
    #[must_use]
    pub fn twice(self) -> u32 {
        2 * self.min + self.tied - 1
    }
}

/// Ranks `values`, of which `None` takes no place; `better(a, b)` is a total order, `Less` where `a` comes first.
pub fn rank_by<T>(values: &[Option<T>], better: impl Fn(&T, &T) -> Ordering) -> Vec<Option<Rank>> {
    let present = values.iter().enumerate();
    let mut order: Vec<(usize, &T)> = present
        .filter_map(|(row, value)| Some((row, value.as_ref()?)))
        .collect();
    order.sort_unstable_by(|a, b| better(a.1, b.1));
    let mut ranks = vec![None; values.len()];
    let mut min = 1;
    for group in order.chunk_by(|a, b| better(a.1, b.1) == Ordering::Equal) {
        let tied = group.len() as u32;
        for (row, _) in group {
            ranks[*row] = Some(Rank { min, tied });
        }
        min += tied;
    }
    ranks
}

/// Ranks of all frameworks on one data set; a missing cell takes no place.
#[must_use]
pub fn ranks(table: &Table, data_set: usize) -> Vec<Option<Rank>> {
    rank_by(&table.column(data_set), |a, b| b.cmp(a))
}

/// Ranks on one data set among `rows` alone.
#[must_use]
pub fn ranks_among(table: &Table, data_set: usize, rows: &[usize]) -> Vec<Option<Rank>> {
    let cells: Vec<_> = rows.iter().map(|&row| table.cell(row, data_set)).collect();
    rank_by(&cells, |a, b| b.cmp(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_ranks_share_a_place_and_the_next_is_skipped() {
        let values = [Some(5), Some(9), None, Some(5), Some(1)];
        let ranks = rank_by(&values, |a: &i32, b| b.cmp(a));
        let average: Vec<_> = ranks.iter().map(|rank| rank.map(Rank::average)).collect();
        let min: Vec<_> = ranks.iter().map(|rank| rank.map(|rank| rank.min)).collect();
        assert_eq!(average, [Some(2.5), Some(1.0), None, Some(2.5), Some(4.0)]);
        assert_eq!(min, [Some(2), Some(1), None, Some(2), Some(4)]);
    }
}
