//! What drawing the images again, or repeating the training, would change.

use serde::Serialize;

use crate::aggregate::{Lead, PoolBootstrap, Redraw, SetBootstrap, VarianceSplit};
use crate::report::analysis::Analysis;
use crate::report::json::keyed::{Keyed, by_framework};

#[derive(Serialize)]
pub(in crate::report::json) struct LeadSection {
    leader: String,
    runner_up: String,
    gap: f64,
    standard_error: f64,
    z: f64,
    stays_ahead: f64,
}

pub(in crate::report::json) fn lead(analysis: &Analysis, lead: &Lead) -> LeadSection {
    LeadSection {
        leader: analysis.framework(lead.leader).to_owned(),
        runner_up: analysis.framework(lead.runner_up).to_owned(),
        gap: lead.gap,
        standard_error: lead.standard_error,
        z: lead.z,
        stays_ahead: lead.stays_ahead,
    }
}

#[derive(Serialize)]
pub(in crate::report::json) struct RedrawSection {
    expected_discordant: f64,
    pairs: usize,
    top_stays_top: f64,
}

impl From<Redraw> for RedrawSection {
    fn from(
        Redraw {
            expected_discordant,
            pairs,
            top_stays_top,
        }: Redraw,
    ) -> Self {
        Self {
            expected_discordant,
            pairs,
            top_stays_top,
        }
    }
}

type Interval = Option<(f64, f64)>;

#[derive(Serialize)]
pub(in crate::report::json) struct SetBootstrapSection {
    resampling: &'static str,
    accuracy_interval: Keyed<Interval>,
    rank_interval: Keyed<Interval>,
    first_share: Keyed<Option<f64>>,
}

pub(in crate::report::json) fn set_bootstrap(
    analysis: &Analysis,
    set: &SetBootstrap,
) -> SetBootstrapSection {
    SetBootstrapSection {
        resampling: set.resampling.id(),
        accuracy_interval: by_framework(analysis, &set.accuracy),
        rank_interval: by_framework(analysis, &set.rank),
        first_share: by_framework(analysis, &set.first),
    }
}

#[derive(Serialize)]
pub(in crate::report::json) struct PoolBootstrapSection {
    interval: Keyed<Interval>,
    rank_interval: Keyed<Interval>,
    first_share: Keyed<Option<f64>>,
}

pub(in crate::report::json) fn pool_bootstrap(
    analysis: &Analysis,
    pool: &PoolBootstrap,
) -> PoolBootstrapSection {
    PoolBootstrapSection {
        interval: by_framework(analysis, &pool.value),
        rank_interval: by_framework(analysis, &pool.rank),
        first_share: by_framework(analysis, &pool.first),
    }
}

#[derive(Serialize)]
pub(in crate::report::json) struct VarianceSection {
    images: f64,
    variants: Option<f64>,
    seeds: Option<f64>,
    protocols: Option<f64>,
    checkpoints: Option<f64>,
}

impl From<&VarianceSplit> for VarianceSection {
    fn from(split: &VarianceSplit) -> Self {
        Self {
            images: split.images,
            variants: split.variants,
            seeds: split.seeds,
            protocols: split.protocols,
            checkpoints: split.checkpoints,
        }
    }
}
