//! Does the order on the reference carry over to another data set?

mod bootstrap;
mod coefficients;
mod difference;
mod kendall;
mod line;
mod report;

pub use coefficients::{pearson, spearman};
pub use difference::{CorrelationDifference, Difference, correlation_difference};
pub use kendall::{Kendall, kendall};
pub use line::{Line, fit_line};
pub use report::{Correlations, Estimate, LeaveOneOut, correlations};
