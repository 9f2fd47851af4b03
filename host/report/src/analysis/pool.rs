//! One pool with all that is aggregated over it.

use ssl_aggregate::{
    Aggregate, Comparisons, Lead, Pool, PoolBootstrap, Scores, Table, WinnerShare, aggregate,
    smoothed_geometric, winner_share,
};

/// Aggregates for which the winner of every subset of data sets is counted.
pub const COUNTED: [Aggregate; 4] = [
    Aggregate::Arithmetic,
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// One pool with all that is aggregated over it.
#[derive(Debug, Clone)]
pub struct PoolAnalysis {
    /// The data sets.
    pub pool: Pool,
    /// Scores as in [`Aggregate::ALL`].
    pub scores: Vec<Scores>,
    /// Redraws and comparisons as in [`Aggregate::ALL`].
    pub drawn: Vec<PoolBootstrap>,
    /// Leads as in [`Aggregate::ALL`]; `None` without a standard error.
    pub leads: Vec<Option<Lead>>,
    /// Geometric mean of smoothed accuracies.
    pub smoothed_geometric: Vec<Option<f64>>,
    /// Winner counts as in [`COUNTED`]; `None` for an empty pool.
    pub winner_shares: Vec<Option<WinnerShare>>,
}

impl PoolAnalysis {
    pub(super) fn new(table: &Table, pool: Pool, drawn: Vec<PoolBootstrap>, seed: u64) -> Self {
        let sets = &pool.data_sets;
        let scores: Vec<Scores> = Aggregate::ALL
            .iter()
            .map(|&kind| aggregate(table, sets, kind))
            .collect();
        Self {
            leads: scores
                .iter()
                .zip(&drawn)
                .map(|(scores, drawn)| drawn.comparisons.as_ref()?.lead(scores))
                .collect(),
            drawn,
            smoothed_geometric: smoothed_geometric(table, sets),
            winner_shares: COUNTED
                .iter()
                .map(|&kind| winner_share(table, sets, kind, seed))
                .collect(),
            scores,
            pool,
        }
    }

    /// The scores of one aggregate.
    #[must_use]
    pub fn scores(&self, aggregate: Aggregate) -> &Scores {
        &self.scores[place(aggregate)]
    }

    /// Redraws of one aggregate.
    #[must_use]
    pub fn drawn(&self, aggregate: Aggregate) -> &PoolBootstrap {
        &self.drawn[place(aggregate)]
    }

    /// All pairs by one aggregate; `None` without a standard error.
    #[must_use]
    pub fn comparisons(&self, aggregate: Aggregate) -> Option<&Comparisons> {
        self.drawn(aggregate).comparisons.as_ref()
    }

    /// Rows that cannot be told apart from the first by one aggregate, after Holm's correction, the first included;
    /// empty where no error is known.
    #[must_use]
    pub fn first_tier(&self, aggregate: Aggregate) -> Vec<usize> {
        let mut order = self.scores(aggregate).order();
        order.retain(|&row| self.is_in_first_tier(aggregate, row));
        order
    }

    /// Whether a row is one of [`first_tier`](Self::first_tier).
    #[must_use]
    pub fn is_in_first_tier(&self, aggregate: Aggregate, row: usize) -> bool {
        let scores = self.scores(aggregate);
        let (found, best) = (self.comparisons(aggregate), scores.leaders());
        let differ = |best| found.is_none_or(|found| found.differ_after_holm(best, row));
        scores.ranks[row].is_some() && best.first().is_some_and(|&best| !differ(best))
    }

    /// The lead by one aggregate.
    #[must_use]
    pub fn lead(&self, aggregate: Aggregate) -> Option<&Lead> {
        self.leads[place(aggregate)].as_ref()
    }
}

/// Position of an aggregate in [`Aggregate::ALL`].
#[must_use]
pub fn place(aggregate: Aggregate) -> usize {
    Aggregate::ALL
        .iter()
        .position(|&kind| kind == aggregate)
        .unwrap_or(0)
}

/// Position of an aggregate in [`COUNTED`].
#[must_use]
pub(crate) fn counted(aggregate: Aggregate) -> usize {
    COUNTED
        .iter()
        .position(|&kind| kind == aggregate)
        .unwrap_or(0)
}
