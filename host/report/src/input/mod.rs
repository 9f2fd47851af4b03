//! What a report is made of, and where tables come from: a CSV file, a study that is built in.

mod annotations;
mod join;
mod rows;
mod study;
mod table_file;
mod table_rows;
mod verified;

pub(crate) use annotations::annotations;
pub use rows::{is_baseline, relabelled};
pub use study::Study;
pub use table_file::read_table;
pub use verified::left_out;

use ssl_aggregate::{
    ApartRow, CheckpointLottery, PairedOutcomes, Table, VarianceSplit, Verification,
};

/// A table with what is known of its origin.
#[derive(Debug, Clone)]
pub struct Input {
    /// What the report is about, for its title.
    pub title: String,
    /// The accuracies.
    pub table: Table,
    /// Rows that learn nothing, `pixels` and `untrained`: reference lines that enter no statistic.
    pub baselines: Vec<ApartRow>,
    /// Per-image outcomes by data set, where predictions exist.
    pub outcomes: Vec<Option<PairedOutcomes>>,
    /// Where the spread comes from, for a ledger that repeats something.
    pub variance: Vec<VarianceSplit>,
    /// Checkpoints of one framework against frameworks, for a ledger that has several of one.
    pub checkpoints: Option<CheckpointLottery>,
    /// Rows beside what the authors of their backbones report, where that is known.
    pub verification: Vec<Verification>,
    /// The built-in study this is, whose conclusions are then judged.
    pub study: Option<Study>,
    /// Where the numbers are from, as pairs of a label and a value.
    pub provenance: Vec<(String, String)>,
    /// What a reader must know about the input.
    pub notes: Vec<String>,
}
