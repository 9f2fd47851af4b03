//! Redrawing test images and runs, for all frameworks and data sets at once.

mod alias;
mod blocks;
mod draws;
mod multinomial;
mod summary;

pub use draws::{Draws, Resampling, draw};
pub(super) use summary::percentile_interval;
pub use summary::{Bootstrap, PoolBootstrap, Redraws, SetBootstrap, bootstrap};
