//! Is a difference between two frameworks on one data set more than sampling noise?

mod adjust;
mod evidence;
mod flips;
mod mcnemar;
mod pairs;
mod proportions;
mod rank_sets;
mod repeated;

pub use adjust::{benjamini_hochberg, holm};
pub use evidence::pair_tests_of;
pub use flips::{Flips, flips};
pub use mcnemar::{Discordant, mcnemar_exact, mcnemar_mid_p};
pub use pairs::{
    Evidence, Method, PairTest, PairTests, holm_over_all, pair_tests, pair_tests_with,
};
pub use proportions::{ZTest, two_proportion_z};
pub use rank_sets::rank_sets;
pub use repeated::repeated_p;
