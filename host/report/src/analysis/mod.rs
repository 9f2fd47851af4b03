//! Every statistic of a table, computed once for all formats.

mod options;
mod pool;

pub use options::Options;
pub(crate) use pool::counted;
pub use pool::{COUNTED, PoolAnalysis};

use ssl_aggregate::{
    Aggregate, AggregateError, Bootstrap, Concordance, CorrelationDifference, Correlations, Flips,
    Interactions, PairTests, Pool, Rank, Redraw, Redraws, Robustness, SetBootstrap, SignedRank,
    Table, aggregate, bootstrap, borda, concordance, copeland, correlation_difference,
    correlations, effective_robustness, flips, holm_over_all, pair_tests_of, pareto_front, ranks,
    redraw, signed_rank,
};

use crate::input::Input;

/// Probability with which the smallest detectable gap is found.
pub const POWER: f64 = 0.8;

/// Reference data set if none is named.
const DEFAULT_REFERENCE: &str = "val";

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

/// The first by mean rank against one other row, over data sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PracticalDifference {
    /// Row of the first.
    pub first: usize,
    /// Row of the other.
    pub rival: usize,
    /// How probable it is that the first is better, as good, or worse.
    pub found: SignedRank,
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
    /// Each two data sets other than the reference, by how closely they follow it.
    pub correlation_differences: Vec<CorrelationDifference>,
    /// The first by mean rank over all data sets against each other row, by the Bayesian signed-rank test.
    pub signed_ranks: Vec<PracticalDifference>,
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
        let signed_ranks = signed_ranks(table, &all, &options);
        let differences = reference.map_or_else(Vec::new, |reference| {
            let others: Vec<usize> = sets.clone().filter(|&set| set != reference).collect();
            let pairs = others.iter().enumerate().flat_map(|(place, &first)| {
                let rest = others[place + 1..].iter();
                rest.map(move |&second| (first, second))
            });
            let confidence = confidence(&options);
            pairs
                .map(|pair| correlation_difference(table, reference, pair, confidence))
                .collect()
        });
        let notes = crate::notes::notes(&input, reference, options.reference.is_some());
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
            correlation_differences: differences,
            signed_ranks,
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
        let rows = 0..self.ranks[data_set].len();
        let mut rows: Vec<usize> = rows
            .filter(|&row| self.is_in_first_tier(data_set, row))
            .collect();
        rows.sort_by_key(|&row| self.ranks[data_set][row].map(|rank| rank.min));
        rows
    }

    /// Whether a row is one of [`first_tier`](Self::first_tier).
    #[must_use]
    pub fn is_in_first_tier(&self, data_set: usize, row: usize) -> bool {
        let ranks = &self.ranks[data_set];
        let first = |rank: &Option<Rank>| rank.is_some_and(|rank| rank.min == 1);
        let best = ranks.iter().position(first);
        let differ = |best| self.tests[data_set].differ_after_holm(best, row);
        ranks[row].is_some() && best.is_some_and(|best| !differ(best))
    }
}

/// The first by mean rank against each other row that has all data sets, in table order.
fn signed_ranks(table: &Table, all: &Pool, options: &Options) -> Vec<PracticalDifference> {
    let order = aggregate(table, &all.data_sets, Aggregate::MeanRank).order();
    let Some((&first, rivals)) = order.split_first() else {
        return Vec::new();
    };
    let one = |&rival: &usize| {
        let pair = (first, rival);
        let (rope, draws, seed) = (options.rope, options.draws, options.seed);
        signed_rank(table, &all.data_sets, pair, rope, draws, seed).map(|found| {
            PracticalDifference {
                first,
                rival,
                found,
            }
        })
    };
    rivals.iter().filter_map(one).collect()
}

fn confidence(options: &Options) -> f64 {
    1.0 - options.alpha
}
