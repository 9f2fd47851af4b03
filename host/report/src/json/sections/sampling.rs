//! What drawing the images again, or repeating the training, would change.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::{Keyed, by_framework};
use ssl_aggregate::{Lead, PoolBootstrap, SetBootstrap};

#[derive(Serialize)]
pub(in crate::json) struct LeadSection {
    leader: String,
    runner_up: String,
    gap: f64,
    standard_error: f64,
    z: f64,
    /// z if data sets of the same images were correlated in full.
    z_shared_images: Option<f64>,
    p: f64,
    /// `Φ(z)`: looks at the second place alone, and is no probability of staying first.
    stays_ahead: f64,
    /// Share of redraws in which the leader is first of all.
    first_share: Option<f64>,
    /// Share of redraws in which the first two are the first two, in any order.
    first_two_share: Option<f64>,
    /// Standard deviation between runs that would make the lead insignificant, in points.
    break_even_standard_deviation: Option<f64>,
}

pub(in crate::json) fn lead(
    analysis: &Analysis,
    drawn: &PoolBootstrap,
    lead: &Lead,
) -> LeadSection {
    LeadSection {
        leader: analysis.framework(lead.leader).to_owned(),
        runner_up: analysis.framework(lead.runner_up).to_owned(),
        gap: lead.gap,
        standard_error: lead.standard_error,
        z: lead.z,
        z_shared_images: lead.z_shared_images,
        p: lead.p,
        stays_ahead: lead.stays_ahead,
        first_share: drawn.first[lead.leader],
        first_two_share: drawn.first_two,
        break_even_standard_deviation: lead.break_even,
    }
}

#[derive(Serialize)]
pub(in crate::json) struct RedrawSection {
    expected_discordant: f64,
    pairs: usize,
    /// `Φ(gap/SE)` of the first over the second place.
    top_beats_second: f64,
    /// Share of redraws in which the first place of the table is first of all.
    top_stays_top: Option<f64>,
}

pub(in crate::json) fn redraw(analysis: &Analysis, set: usize) -> Option<RedrawSection> {
    let found = analysis.redraws[set]?;
    Some(RedrawSection {
        expected_discordant: found.expected_discordant,
        pairs: found.pairs,
        top_beats_second: found.top_beats_second,
        top_stays_top: analysis.top_stays_top(set),
    })
}

type Interval = Option<(f64, f64)>;

#[derive(Serialize)]
pub(in crate::json) struct SetBootstrapSection {
    resampling: &'static str,
    accuracy_interval: Keyed<Interval>,
    rank_interval: Keyed<Interval>,
    first_share: Keyed<Option<f64>>,
}

pub(in crate::json) fn set_bootstrap(
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
pub(in crate::json) struct PoolBootstrapSection {
    interval: Keyed<Interval>,
    rank_interval: Keyed<Interval>,
    first_share: Keyed<Option<f64>>,
}

pub(in crate::json) fn pool_bootstrap(
    analysis: &Analysis,
    pool: &PoolBootstrap,
) -> PoolBootstrapSection {
    PoolBootstrapSection {
        interval: by_framework(analysis, &pool.value),
        rank_interval: by_framework(analysis, &pool.rank),
        first_share: by_framework(analysis, &pool.first),
    }
}
