//! The parts of the document.

mod checkpoints;
mod pairs;
mod practical;
mod reference;
mod runs;
mod sampling;
mod table;
mod variance;
mod verification;

pub(super) use checkpoints::{CheckpointSection, checkpoints};
pub(super) use pairs::{PairSection, listed, pairs};
pub(super) use practical::{DifferenceSection, SignedRankSection, differences, signed_ranks};
pub(super) use reference::{CorrelationSection, FlipSection, correlation, flip};
pub(super) use runs::{RunsSection, baselines, runs};
pub(super) use sampling::{
    LeadSection, PoolBootstrapSection, RedrawSection, SetBootstrapSection, lead, pool_bootstrap,
    redraw, set_bootstrap,
};
pub(super) use table::{AccuracySection, DataSetSection, accuracy, data_sets};
pub(super) use variance::{VarianceSection, variance};
pub(super) use verification::{VerificationSection, verification};
