//! Every statistic of a table, computed once for all formats.

use ssl_aggregate::{
    Aggregate, AggregateError, Bootstrap, Comparisons, Concordance, Correlations, Flips,
    Interactions, Lead, PairTests, Pool, PoolBootstrap, Rank, Redraw, Redraws, Robustness, Scores,
    SetBootstrap, Table, WinnerShare, aggregate, bootstrap, borda, concordance, copeland,
    correlations, effective_robustness, flips, holm_over_all, pair_tests_of, pareto_front, ranks,
    redraw, smoothed_geometric, winner_share,
};

use super::input::Input;

/// Aggregates for which the winner of every subset of data sets is counted.
pub const COUNTED: [Aggregate; 4] = [
    Aggregate::Arithmetic,
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// Reference data set if none is named.
const DEFAULT_REFERENCE: &str = "val";

/// What a reader may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Data set that the others are compared with; `val` if `None`.
    pub reference: Option<String>,
    /// Further pools to aggregate over, each a list of data sets.
    pub pools: Vec<Vec<String>>,
    /// Level of the tests, in (0, 1).
    pub alpha: f64,
    /// Bootstrap draws, at least 1.
    pub draws: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
}

impl Default for Options {
    /// `val`, no further pool, level 0.05, 2,000 draws, seed 0.
    fn default() -> Self {
        Self {
            reference: None,
            pools: Vec::new(),
            alpha: 0.05,
            draws: 2000,
            seed: 0,
        }
    }
}

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
    fn new(table: &Table, pool: Pool, drawn: Vec<PoolBootstrap>, seed: u64) -> Self {
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
        let order = self.scores(aggregate).order();
        match (self.comparisons(aggregate), order.first()) {
            (Some(found), Some(&first)) => order
                .iter()
                .copied()
                .filter(|&row| !found.differ_after_holm(first, row))
                .collect(),
            _ => Vec::new(),
        }
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
pub(super) fn counted(aggregate: Aggregate) -> usize {
    COUNTED
        .iter()
        .position(|&kind| kind == aggregate)
        .unwrap_or(0)
}

/// One data set against the reference.
#[derive(Debug, Clone)]
pub struct AgainstReference {
    /// Correlations and the regression line.
    pub correlations: Correlations,
    /// Pairs in reversed order.
    pub flips: Flips,
    /// Accuracy beyond the logit-scale fit.
    pub robustness: Option<Robustness>,
}

/// Every statistic of one table.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The table and where it is from.
    pub input: Input,
    /// What was asked for.
    pub options: Options,
    /// Column of the reference; `None` if the table has no `val` and none was named.
    pub reference: Option<usize>,
    /// `all`, `without_reference`, `distinct_images`, then those asked for.
    pub pools: Vec<PoolAnalysis>,
    /// Ranks by data set.
    pub ranks: Vec<Vec<Option<Rank>>>,
    /// Pair tests by data set.
    pub tests: Vec<PairTests>,
    /// Redrawn test sets by data set.
    pub redraws: Vec<Option<Redraw>>,
    /// By data set; `None` for the reference itself.
    pub against_reference: Vec<Option<AgainstReference>>,
    /// Agreement of all data sets.
    pub concordance: Option<Concordance>,
    /// Borda count over all data sets.
    pub borda: Vec<Option<f64>>,
    /// Copeland score over all data sets.
    pub copeland: Vec<i64>,
    /// Pareto front over all data sets.
    pub pareto: Vec<usize>,
    /// Redrawn images and runs on each data set, for all frameworks together.
    pub drawn: Vec<SetBootstrap>,
    /// What a reader must know, the input's notes included.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Computes everything.
    ///
    /// # Errors
    /// [`AggregateError::UnknownDataSet`] for a reference or a pool that the table does not have.
    pub fn new(input: Input, options: Options) -> Result<Self, AggregateError> {
        let table = &input.table;
        let reference = match &options.reference {
            Some(name) => Some(table.data_set_index(name)?),
            None => table.data_set_index(DEFAULT_REFERENCE).ok(),
        };
        let all = Pool::all(table);
        let mut pools = vec![all.clone()];
        pools.extend(reference.map(|reference| Pool::without_reference(table, reference)));
        pools.push(Pool::distinct_images(table));
        for names in &options.pools {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            pools.push(Pool::listed(table, &names)?);
        }
        let sets = 0..table.data_sets().len();
        let interactions = Interactions::new(table, &input.outcomes);
        let mut tests: Vec<PairTests> = sets
            .clone()
            .map(|set| {
                let outcomes = input.outcomes.get(set).and_then(Option::as_ref);
                pair_tests_of(table, set, options.alpha, outcomes, &interactions)
            })
            .collect();
        holm_over_all(&mut tests);
        let redraws = Redraws {
            draws: options.draws,
            seed: options.seed,
            alpha: options.alpha,
        };
        let Bootstrap {
            data_sets: drawn,
            pools: drawn_pools,
            ..
        } = bootstrap(table, &input.outcomes, &tests, &pools, redraws);
        let against = |set: usize| {
            let reference = reference.filter(|&reference| reference != set)?;
            Some(AgainstReference {
                correlations: correlations(
                    table,
                    reference,
                    set,
                    confidence(&options),
                    options.draws,
                    options.seed,
                ),
                flips: flips(table, &tests[reference], &tests[set]),
                robustness: effective_robustness(table, reference, set),
            })
        };
        let notes = super::notes::notes(&input, reference, options.reference.is_some());
        Ok(Self {
            reference,
            pools: pools
                .into_iter()
                .zip(drawn_pools)
                .map(|(pool, drawn)| PoolAnalysis::new(table, pool, drawn, options.seed))
                .collect(),
            drawn,
            ranks: sets.clone().map(|set| ranks(table, set)).collect(),
            redraws: sets.clone().map(|set| redraw(table, set)).collect(),
            against_reference: sets.map(against).collect(),
            tests,
            concordance: concordance(table, &all.data_sets, options.alpha),
            borda: borda(table, &all.data_sets),
            copeland: copeland(table, &all.data_sets),
            pareto: pareto_front(table, &all.data_sets),
            notes,
            input,
            options,
        })
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.input.table
    }

    /// The pool of all data sets.
    #[must_use]
    pub fn all(&self) -> &PoolAnalysis {
        &self.pools[0]
    }

    /// A pool by name.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&PoolAnalysis> {
        self.pools.iter().find(|pool| pool.pool.name == name)
    }

    /// Name of a row.
    #[must_use]
    pub fn framework(&self, row: usize) -> &str {
        &self.input.table.frameworks()[row]
    }

    /// Name of a column.
    #[must_use]
    pub fn data_set(&self, column: usize) -> &str {
        &self.input.table.data_sets()[column].name
    }

    /// Confidence of all intervals, `1 - alpha`.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        confidence(&self.options)
    }

    /// Rows, best weighted average first; those without one last.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let weighted = self.all().scores(Aggregate::Weighted);
        let mut order = weighted.order();
        order.extend((0..weighted.ranks.len()).filter(|&row| weighted.ranks[row].is_none()));
        order
    }

    /// Share of redraws in which the first place of a data set is first of all, several first places together.
    #[must_use]
    pub fn top_stays_top(&self, data_set: usize) -> Option<f64> {
        let ranks = self.ranks[data_set].iter();
        let first = ranks.zip(&self.drawn[data_set].first);
        let shares: Vec<f64> = first
            .filter(|(rank, _)| rank.is_some_and(|rank| rank.min == 1))
            .filter_map(|(_, share)| *share)
            .collect();
        (!shares.is_empty()).then(|| shares.iter().sum())
    }

    /// Rows that cannot be told apart from the best of a data set after Holm's correction, best first, the best included.
    #[must_use]
    pub fn first_tier(&self, data_set: usize) -> Vec<usize> {
        let ranks = &self.ranks[data_set];
        let mut rows: Vec<usize> = (0..ranks.len())
            .filter(|&row| ranks[row].is_some())
            .collect();
        rows.sort_by_key(|&row| ranks[row].map(|rank| rank.min));
        let best = rows.first().copied();
        rows.retain(|&row| {
            best.is_some_and(|best| !self.tests[data_set].differ_after_holm(best, row))
        });
        rows
    }
}

fn confidence(options: &Options) -> f64 {
    1.0 - options.alpha
}
