//! The table as it goes into a paper, before it is Markdown, LaTeX or CSV.

use crate::aggregate::{Aggregate, normal_critical, standard_error, wilson};

use super::analysis::{Analysis, place};

/// Decimals of counted accuracies.
const DECIMALS: usize = 2;

/// Aggregates that get a column.
const COLUMNS: [Aggregate; 3] = [
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// How a value stands to the best of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The best, or tied with it.
    Best,
    /// Not significantly worse than the best, unadjusted.
    Near,
    /// Worse.
    None,
}

impl Mark {
    /// Word in the CSV.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Near => "near",
            Self::None => "",
        }
    }
}

/// One value of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) value: f64,
    pub(super) text: String,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) mark: Mark,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) title: String,
    /// Images, for a data set.
    pub(super) n: Option<u64>,
    /// In row order; `None` where missing.
    pub(super) entries: Vec<Option<Entry>>,
}

/// The table, best weighted average first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PaperTable {
    /// Rows of the analysis' table, in the order printed.
    pub(super) order: Vec<usize>,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    pub(super) legend: String,
}

impl PaperTable {
    pub(super) fn new(analysis: &Analysis) -> Self {
        let order = analysis.order();
        let sets =
            (0..analysis.table().data_sets().len()).map(|set| data_set(analysis, set, &order));
        let aggregates = COLUMNS.iter().map(|&kind| score(analysis, kind, &order));
        let mut pairs = analysis.tests.iter().flat_map(|tests| &tests.pairs);
        let paired = pairs.clone().any(|pair| pair.discordant.is_some());
        let unpaired = pairs.any(|pair| pair.discordant.is_none());
        let test = match (paired, unpaired) {
            (true, false) => "McNemar's exact test",
            (true, true) => {
                "McNemar's exact test where outcomes per image are known, the two-proportion test elsewhere"
            }
            (false, _) => "the two-proportion test",
        };
        Self {
            names: order
                .iter()
                .map(|&row| analysis.framework(row).to_owned())
                .collect(),
            columns: sets.chain(aggregates).collect(),
            legend: format!(
                "Top-1 accuracy in percent. Bold: best of its column; dagger: not significantly worse than the best at \
                 level {}, unadjusted, by {test}; for averages by their standard errors, for the mean rank within \
                 Nemenyi's critical difference.",
                analysis.options.alpha
            ),
            order,
        }
    }
}

fn data_set(analysis: &Analysis, set: usize, order: &[usize]) -> Column {
    let near = analysis.near_best(set);
    let cells = analysis.table().column(set);
    let printed = cells.iter().flatten().map(|cell| {
        cell.decimals()
            .map_or(DECIMALS, |decimals| decimals as usize)
    });
    let decimals = printed.max().unwrap_or(DECIMALS);
    let entry = |&row: &usize| {
        let cell = cells[row]?;
        let mark = match analysis.ranks[set][row] {
            Some(rank) if rank.min == 1 => Mark::Best,
            _ if near.contains(&row) => Mark::Near,
            _ => Mark::None,
        };
        let value = cell.percent();
        Some(Entry {
            value,
            text: format!("{value:.decimals$}"),
            interval: Some(wilson(&cell, analysis.confidence())),
            mark,
        })
    };
    let data_set = &analysis.table().data_sets()[set];
    Column {
        title: data_set.name.clone(),
        n: Some(data_set.n),
        entries: order.iter().map(entry).collect(),
    }
}

fn score(analysis: &Analysis, kind: Aggregate, order: &[usize]) -> Column {
    let pool = analysis.all();
    let scores = pool.scores(kind);
    let leader = scores.order().first().copied();
    let drawn = &analysis.bootstrap.pools[0][place(kind)];
    let entry = |&row: &usize| {
        let value = scores.values[row]?;
        let mark = match (scores.ranks[row], leader) {
            (Some(rank), _) if rank.min == 1 => Mark::Best,
            (_, Some(leader)) if close(analysis, kind, leader, row) => Mark::Near,
            _ => Mark::None,
        };
        Some(Entry {
            value,
            text: format!("{value:.DECIMALS$}"),
            interval: drawn.value[row],
            mark,
        })
    };
    Column {
        title: kind.name().to_owned(),
        n: None,
        entries: order.iter().map(entry).collect(),
    }
}

/// Whether an aggregate of `row` is not significantly worse than that of the leader.
fn close(analysis: &Analysis, kind: Aggregate, leader: usize, row: usize) -> bool {
    let pool = analysis.all();
    let values = &pool.scores(kind).values;
    let (Some(best), Some(value)) = (values[leader], values[row]) else {
        return false;
    };
    let gap = (best - value).abs();
    if kind == Aggregate::MeanRank {
        return analysis
            .concordance
            .as_ref()
            .is_some_and(|found| gap < found.critical_difference);
    }
    let error = |row| standard_error(analysis.table(), &pool.pool.data_sets, kind, row);
    let (Some(a), Some(b)) = (error(leader), error(row)) else {
        return false;
    };
    gap < normal_critical(analysis.confidence()) * a.hypot(b)
}
