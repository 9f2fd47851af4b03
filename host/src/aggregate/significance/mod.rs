//! Is a difference between two frameworks on one data set more than sampling noise?

mod adjust;
mod flips;
mod mcnemar;
mod pairs;
mod proportions;

pub use adjust::{benjamini_hochberg, holm};
pub use flips::{Flips, flips};
pub use mcnemar::{Discordant, mcnemar_exact, mcnemar_mid_p};
pub use pairs::{Method, PairTest, PairTests, pair_tests};
pub use proportions::{ZTest, two_proportion_z};
