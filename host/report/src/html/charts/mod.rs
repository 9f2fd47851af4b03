//! The figures, one file each.

mod accuracy;
mod aggregates;
mod bump;
mod critical;
mod intervals;
mod matrix;
mod profile;
mod scatter;

pub(super) use accuracy::accuracy;
pub(super) use aggregates::{aggregates, answer};
pub(super) use bump::bump;
pub(super) use critical::critical_difference;
pub(super) use matrix::matrices;
pub(super) use profile::profile;
pub(super) use scatter::scatters;
