//! The effect of a new test set of the same size on the order, as far as counts alone show it.

use super::distribution::normal_cdf;
use super::uncertainty::ratio;
use super::{Cell, Table, ranks};

/// Expected reversals and the fate of the top on one redrawn data set, frameworks taken as independent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redraw {
    /// `Σ 1 - Φ(gap/SE)` over all pairs: how many would come out the other way round.
    pub expected_discordant: f64,
    /// Pairs compared.
    pub pairs: usize,
    /// `Φ(gap/SE)` of the first over the second place alone: 0.5 for a tie. Whether the first place stays ahead of all
    /// is the share of draws in [`SetBootstrap::first`](super::SetBootstrap::first).
    pub top_beats_second: f64,
}

/// Redraws one data set, by the unpooled standard error `sqrt(se1² + se2²)`. `None` with fewer than two cells.
#[must_use]
pub fn redraw(table: &Table, data_set: usize) -> Option<Redraw> {
    let ranks = ranks(table, data_set);
    let mut cells: Vec<(u32, Cell)> = (0..ranks.len())
        .filter_map(|row| Some((ranks[row]?.min, table.cell(row, data_set)?)))
        .collect();
    cells.sort_by_key(|(rank, _)| *rank);
    let stays = |better: &Cell, worse: &Cell| {
        let gap = if better == worse {
            0.0
        } else {
            better.share() - worse.share()
        };
        normal_cdf(ratio(
            gap,
            better.standard_error().hypot(worse.standard_error()),
        ))
    };
    let (first, second) = (cells.first()?.1, cells.get(1)?.1);
    let mut expected_discordant = 0.0;
    for (place, (_, better)) in cells.iter().enumerate() {
        for (_, worse) in &cells[place + 1..] {
            expected_discordant += 1.0 - stays(better, worse);
        }
    }
    Some(Redraw {
        expected_discordant,
        pairs: cells.len() * (cells.len() - 1) / 2,
        top_beats_second: stays(&first, &second),
    })
}
