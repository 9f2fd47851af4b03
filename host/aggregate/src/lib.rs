//! Statistics that separate a better framework from a luckier one.
//!
//! Everything starts from a [`Table`] of exact accuracies and is a pure function of it: no files, no clocks, no hidden
//! randomness. Ties are decided on whole numbers ([`Cell`] is a fraction), percentages are only views.

mod cell;
mod checkpoints;
mod comparison;
mod concordance;
mod correlation;
mod decimal;
mod distribution;
mod entry;
mod error;
mod exact;
mod lottery;
mod means;
mod outcomes;
mod pool;
mod ranks;
mod redraw;
mod repeats;
mod resample;
mod robustness;
mod runs;
mod signed_rank;
mod significance;
mod table;
mod uncertainty;
mod variance;
mod verification;
mod voting;

pub use cell::Cell;
pub use checkpoints::{CheckpointLottery, CheckpointSpread, checkpoint_lottery};
pub use comparison::{Comparisons, Gap, Lead};
pub use concordance::{Concordance, concordance};
pub use correlation::{
    CorrelationDifference, Correlations, Difference, Estimate, Kendall, LeaveOneOut, Line,
    correlation_difference, correlations, fit_line, kendall, pearson, spearman,
};
pub use decimal::Decimal;
pub use distribution::normal_critical;
pub use entry::TableEntry;
pub use error::AggregateError;
pub use lottery::{WinnerShare, winner_share};
pub use means::{Aggregate, Scores, aggregate, smoothed_geometric};
pub use outcomes::{Member, PairedOutcomes};
pub use pool::Pool;
pub use ranks::{Rank, rank_by, ranks, ranks_among};
pub use redraw::{Redraw, redraw};
pub use repeats::{Interactions, RunError, weighted_spread};
pub use resample::{
    Bootstrap, Draws, PoolBootstrap, Redraws, Resampling, SetBootstrap, bootstrap, draw,
};
pub use robustness::{Robustness, effective_robustness};
pub use runs::{Runs, Spread, Unit};
pub use signed_rank::{SignedRank, signed_rank};
pub use significance::{
    Discordant, Evidence, Flips, Method, PairTest, PairTests, ZTest, benjamini_hochberg, flips,
    holm, holm_over_all, mcnemar_exact, mcnemar_mid_p, pair_tests, pair_tests_of, pair_tests_with,
    rank_sets, repeated_p, two_proportion_z,
};
pub use table::{ApartRow, DataSet, Table};
pub use uncertainty::{rounding_range, standard_error, standard_error_of_shared_images, wilson};
pub use variance::{Components, Observation, VarianceSplit, variance_split};
pub use verification::{Verification, not_verified};
pub use voting::{borda, copeland, pareto_front};
