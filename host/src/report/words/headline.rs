//! Who leads, and whether that can be trusted.

use super::list;
use crate::aggregate::{Aggregate, Lead};
use crate::report::analysis::{Analysis, PoolAnalysis};

/// Below this probability of staying ahead a lead is called a coin flip.
const COIN_FLIP: f64 = 0.65;

/// One or two sentences on the two headline aggregates.
#[must_use]
pub fn headline(analysis: &Analysis) -> String {
    let pool = analysis.all();
    let parts: Vec<String> = [Aggregate::Weighted, Aggregate::Geometric]
        .into_iter()
        .filter_map(|kind| leading(analysis, pool, kind))
        .collect();
    if parts.is_empty() {
        return "No framework has all data sets, so there is no aggregate to lead.".to_owned();
    }
    format!("{}.", parts.join("; "))
}

/// Who leads by one aggregate, and whether that can be trusted.
fn leading(analysis: &Analysis, pool: &PoolAnalysis, kind: Aggregate) -> Option<String> {
    let scores = pool.scores(kind);
    let leaders = scores.leaders();
    let name = |row: usize| analysis.framework(row);
    if leaders.len() > 1 {
        let names: Vec<&str> = leaders.iter().map(|&row| name(row)).collect();
        return Some(format!(
            "{} share the first place in the {}",
            list(&names),
            kind.name()
        ));
    }
    let first = *leaders.first()?;
    let Some(lead) = pool.lead(kind) else {
        return Some(format!(
            "{} leads the {}, without a standard error",
            name(first),
            kind.name()
        ));
    };
    let (leader, runner_up) = (name(lead.leader), name(lead.runner_up));
    Some(match verdict(lead, analysis.options.alpha) {
        Verdict::Supported => format!(
            "{leader} leads the {} by {:.2} points over {runner_up}, z = {}",
            kind.name(),
            lead.gap,
            short(lead.z)
        ),
        Verdict::NotSignificant => format!(
            "{leader}'s lead of {:.2} points over {runner_up} in the {} is not significant (z = {})",
            lead.gap,
            kind.name(),
            short(lead.z)
        ),
        Verdict::CoinFlip => format!(
            "{leader}'s lead over {runner_up} in the {} is a coin flip ({:.0} %)",
            kind.name(),
            100.0 * lead.stays_ahead
        ),
    })
}

/// How far a lead can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Significant at the level chosen, two-sided.
    Supported,
    /// Not significant, but more likely than not by a margin.
    NotSignificant,
    /// About as likely to come out the other way round.
    CoinFlip,
}

/// Judges a lead, two-sided at level `alpha`.
#[must_use]
pub fn verdict(lead: &Lead, alpha: f64) -> Verdict {
    if 2.0 * (1.0 - lead.stays_ahead) < alpha {
        Verdict::Supported
    } else if lead.stays_ahead < COIN_FLIP {
        Verdict::CoinFlip
    } else {
        Verdict::NotSignificant
    }
}

fn short(z: f64) -> String {
    if z.is_infinite() {
        "∞".to_owned()
    } else if z < 10.0 {
        format!("{z:.1}")
    } else {
        format!("{z:.0}")
    }
}
