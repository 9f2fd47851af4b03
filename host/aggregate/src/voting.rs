//! Rules that treat data sets as voters.

use std::cmp::Ordering;

use super::{Rank, Table, ranks_among};

/// Borda count over the columns `pool`: `Σ (k - rank)` among the `k` complete rows; `None` for the others.
#[must_use]
pub fn borda(table: &Table, pool: &[usize]) -> Vec<Option<f64>> {
    let rows = table.complete_rows(pool);
    let mut points = vec![None; table.frameworks().len()];
    for &row in &rows {
        points[row] = Some(0.0);
    }
    for &set in pool {
        for (&row, rank) in rows.iter().zip(ranks_among(table, set, &rows)) {
            let gained = rows.len() as f64 - rank.map_or(rows.len() as f64, Rank::average);
            points[row] = points[row].map(|points: f64| points + gained);
        }
    }
    points
}

/// Copeland score: frameworks beaten on more of the shared data sets than lost to, minus those lost to.
#[must_use]
pub fn copeland(table: &Table, pool: &[usize]) -> Vec<i64> {
    let count = table.frameworks().len();
    let score = |row: usize| {
        (0..count)
            .map(|other| majority(table, pool, row, other))
            .sum()
    };
    (0..count).map(score).collect()
}

/// 1 if `row` is better on more of the shared data sets, -1 if worse, else 0.
fn majority(table: &Table, pool: &[usize], row: usize, other: usize) -> i64 {
    let votes: i64 = pool
        .iter()
        .filter_map(|&set| Some(table.cell(row, set)?.cmp(&table.cell(other, set)?)))
        .map(|ordering| ordering as i64)
        .sum();
    votes.signum()
}

/// Complete rows that no other complete row equals or beats on every data set while beating it on one.
#[must_use]
pub fn pareto_front(table: &Table, pool: &[usize]) -> Vec<usize> {
    let rows = table.complete_rows(pool);
    let dominates = |a: usize, b: usize| {
        let mut better = false;
        for &set in pool {
            match table.cell(a, set).cmp(&table.cell(b, set)) {
                Ordering::Less => return false,
                Ordering::Greater => better = true,
                Ordering::Equal => {}
            }
        }
        better
    };
    let free = |&row: &usize| !rows.iter().any(|&other| dominates(other, row));
    rows.iter().copied().filter(free).collect()
}
