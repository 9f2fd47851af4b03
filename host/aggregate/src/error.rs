//! What aggregation refuses, each with the place in the table it concerns.

/// Why a table could not be built or a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AggregateError {
    /// A cell counts more correct images than images.
    #[error("expected at most {n} correct, found {correct}")]
    TooManyCorrect {
        /// Images counted as correct.
        correct: u64,
        /// Images in the test set.
        n: u64,
    },
    /// More runs than an exact mean over them can hold.
    #[error(
        "expected runs whose exact mean fits 64 bits, found {runs}; use fewer, or the same number of heads per seed"
    )]
    TooManyRuns {
        /// How many there are.
        runs: usize,
    },
    /// A cell or a data set without images.
    #[error("expected at least one image, found n = 0")]
    NoImages,
    /// A text that is not a plain decimal number.
    #[error("expected a decimal number, found `{text}`")]
    NotANumber {
        /// The text as it stood.
        text: String,
    },
    /// A decimal with more digits than exact comparison can hold.
    #[error("expected at most 17 decimals, found `{text}`")]
    TooManyDigits {
        /// The text as it stood.
        text: String,
    },
    /// An accuracy below 0 or above 100 percent.
    #[error("expected an accuracy between 0 and 100 percent, found {text}")]
    OutOfRange {
        /// The accuracy as it stood.
        text: String,
    },
    /// A fault of one cell, with its place.
    #[error("{fault} (framework `{framework}`, data set `{data_set}`)")]
    Cell {
        /// Row name.
        framework: String,
        /// Column name.
        data_set: String,
        /// What is wrong there.
        #[source]
        fault: Box<AggregateError>,
    },
    /// A table without rows.
    #[error("expected at least one framework besides baselines, found none")]
    NoFrameworks,
    /// A table without columns.
    #[error("expected at least one data set, found none")]
    NoDataSets,
    /// The same framework twice.
    #[error("expected each framework once, found `{name}` in rows {first} and {second}")]
    DuplicateFramework {
        /// The repeated name.
        name: String,
        /// First row, counted from 1.
        first: usize,
        /// Second row, counted from 1.
        second: usize,
    },
    /// The same data set twice.
    #[error("expected each data set once, found `{name}` in columns {first} and {second}")]
    DuplicateDataSet {
        /// The repeated name.
        name: String,
        /// First column, counted from 1.
        first: usize,
        /// Second column, counted from 1.
        second: usize,
    },
    /// A row with another number of cells than there are data sets.
    #[error("expected {expected} cells, found {found} (framework `{framework}`)")]
    Ragged {
        /// Row name.
        framework: String,
        /// Number of data sets.
        expected: usize,
        /// Cells in that row.
        found: usize,
    },
    /// Frameworks measured on test sets of different size.
    #[error(
        "expected n = {expected} as for `{other}`, found {found} \
         (framework `{framework}`, data set `{data_set}`)"
    )]
    DifferentN {
        /// Column name.
        data_set: String,
        /// The framework that came first.
        other: String,
        /// Its number of images.
        expected: u64,
        /// The framework that disagrees.
        framework: String,
        /// Its number of images.
        found: u64,
    },
    /// One table, two ways to evaluate.
    #[error(
        "expected one {what} throughout, found `{first}` ({first_at}) and `{second}` ({second_at}); \
         report them apart"
    )]
    Mixed {
        /// `protocol` or `label space`.
        what: &'static str,
        /// The value that came first.
        first: String,
        /// Framework and data set where it was found.
        first_at: String,
        /// The value that disagrees.
        second: String,
        /// Framework and data set where it was found.
        second_at: String,
    },
    /// Two records for one cell.
    #[error("expected one result, found two (framework `{framework}`, data set `{data_set}`)")]
    DuplicateCell {
        /// Row name.
        framework: String,
        /// Column name.
        data_set: String,
    },
    /// A data set that the table does not have.
    #[error("expected one of the data sets {known}, found `{name}`{hint}")]
    UnknownDataSet {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
        /// `; did you mean …?` or empty.
        hint: String,
    },
    /// Per-image outcomes of different length.
    #[error("expected {expected} images, found {found} (framework `{framework}`)")]
    UnalignedOutcomes {
        /// The framework that disagrees.
        framework: String,
        /// Images of the first framework.
        expected: usize,
        /// Images of this one.
        found: usize,
    },
}
