//! The document as a whole.

use serde::Serialize;

use super::keyed::{Keyed, Numbers, against, by_aggregate, by_data_set, by_framework, by_pool};
use super::sections;
use crate::analysis::{Analysis, COUNTED, POWER, PoolAnalysis};
use crate::claims::Claim;
use crate::words;
use ssl_aggregate::{Aggregate, Rank, standard_error};

/// Version of the document's layout.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document {
    format: u32,
    title: String,
    headline: String,
    findings: Vec<String>,
    claims: Vec<Claim>,
    notes: Vec<String>,
    provenance: Keyed<String>,
    reference: Option<String>,
    protocol: Option<String>,
    alpha: f64,
    bootstrap_draws: usize,
    seed: u64,
    frameworks: Vec<String>,
    runs: Keyed<sections::RunsSection>,
    baselines: Keyed<Keyed<Option<f64>>>,
    data_sets: Vec<sections::DataSetSection>,
    pools: Keyed<Vec<String>>,
    accuracy: Keyed<Keyed<Option<sections::AccuracySection>>>,
    aggregates: Keyed<Keyed<Numbers>>,
    aggregate_standard_errors: Keyed<Keyed<Numbers>>,
    aggregate_ranks: Keyed<Keyed<Numbers>>,
    geometric_smoothed: Keyed<Numbers>,
    leads: Keyed<Keyed<Option<sections::LeadSection>>>,
    ranks: Keyed<Numbers>,
    ranks_min: Keyed<Keyed<Option<u32>>>,
    correlations: Keyed<sections::CorrelationSection>,
    correlation_differences: Vec<sections::DifferenceSection>,
    adjacent_not_significant: Keyed<usize>,
    pairs_not_significant: Keyed<usize>,
    significant_after_holm: Keyed<usize>,
    significant_after_bh: Keyed<usize>,
    /// `all`, or `neighbours` in the ranking where there are too many.
    pairs_listed: &'static str,
    pairs: Keyed<Vec<sections::PairSection>>,
    /// In points, at a power of 80 %.
    smallest_detectable_gap: Keyed<f64>,
    flips: Keyed<sections::FlipSection>,
    kendall_w: Option<f64>,
    friedman: Option<Friedman>,
    nemenyi: Option<Nemenyi>,
    signed_rank: Option<sections::SignedRankSection>,
    winner_share: Keyed<Option<Numbers>>,
    winner_share_subsets: usize,
    winner_share_without_reference: Keyed<Option<Numbers>>,
    lottery_index: Keyed<Keyed<Option<f64>>>,
    borda: Numbers,
    copeland: Keyed<i64>,
    pareto: Vec<String>,
    effective_robustness: Keyed<Option<Numbers>>,
    redraw: Keyed<sections::RedrawSection>,
    bootstrap: BootstrapSection,
    standard_deviations: Keyed<sections::VarianceSection>,
    checkpoint_lottery: Option<sections::CheckpointSection>,
    verification: sections::VerificationSection,
}

/// `value` is the statistic, under the key that every test here uses; `chi2` names which.
#[derive(Serialize)]
struct Friedman {
    value: f64,
    chi2: f64,
    df: usize,
    p: f64,
    iman_davenport: Option<f64>,
    iman_davenport_p: Option<f64>,
}

#[derive(Serialize)]
struct Nemenyi {
    critical_difference: f64,
    mean_ranks: Keyed<f64>,
}

#[derive(Serialize)]
struct BootstrapSection {
    data_sets: Keyed<sections::SetBootstrapSection>,
    aggregates: Keyed<Keyed<sections::PoolBootstrapSection>>,
}

/// The report as one JSON object.
///
/// # Errors
/// None in practice: every part is a plain number, text, list or map.
pub fn render(analysis: &Analysis) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&document(analysis))?;
    text.push('\n');
    Ok(text)
}

fn document(analysis: &Analysis) -> Document {
    let table = analysis.table();
    let name = |row: &usize| analysis.framework(*row).to_owned();
    let winners = |pool: Option<&PoolAnalysis>| -> Keyed<Option<Numbers>> {
        let share = |place: usize| {
            let share = pool?.winner_shares[place].as_ref()?;
            Some(by_framework(analysis, &share.wins))
        };
        COUNTED
            .iter()
            .enumerate()
            .map(|(place, kind)| (kind.id().to_owned(), share(place)))
            .collect()
    };
    let subsets = analysis
        .all()
        .winner_shares
        .iter()
        .flatten()
        .map(|share| share.subsets);
    Document {
        format: FORMAT,
        title: analysis.input.title.clone(),
        headline: words::headline(analysis),
        findings: words::findings(analysis),
        claims: analysis.claims(),
        notes: analysis.notes.clone(),
        provenance: analysis.input.provenance.iter().cloned().collect(),
        reference: analysis
            .reference
            .map(|set| analysis.data_set(set).to_owned()),
        protocol: table.protocol().map(str::to_owned),
        alpha: analysis.options.alpha,
        bootstrap_draws: analysis.options.draws,
        seed: analysis.options.seed,
        frameworks: table.frameworks().to_vec(),
        runs: sections::runs(analysis),
        baselines: sections::baselines(analysis),
        data_sets: sections::data_sets(analysis),
        pools: by_pool(analysis, |pool| {
            pool.pool
                .data_sets
                .iter()
                .map(|&set| analysis.data_set(set).to_owned())
                .collect()
        }),
        accuracy: by_data_set(analysis, |set| Some(sections::accuracy(analysis, set))),
        aggregates: by_aggregate(analysis, |_, scores| scores.values.clone()),
        aggregate_standard_errors: by_aggregate(analysis, |pool, scores| {
            let rows = 0..table.frameworks().len();
            rows.map(|row| standard_error(table, &pool.pool.data_sets, scores.aggregate, row))
                .collect()
        }),
        aggregate_ranks: by_aggregate(analysis, |_, scores| average(&scores.ranks)),
        geometric_smoothed: by_pool(analysis, |pool| {
            by_framework(analysis, &pool.smoothed_geometric)
        }),
        leads: leads(analysis),
        ranks: by_data_set(analysis, |set| {
            Some(by_framework(analysis, &average(&analysis.ranks[set])))
        }),
        ranks_min: by_data_set(analysis, |set| {
            let ranks: Vec<_> = analysis.ranks[set]
                .iter()
                .map(|rank| rank.map(|rank| rank.min))
                .collect();
            Some(by_framework(analysis, &ranks))
        }),
        correlations: against(analysis, |against| {
            sections::correlation(analysis, &against.correlations)
        }),
        correlation_differences: sections::differences(analysis),
        smallest_detectable_gap: by_data_set(analysis, |set| {
            analysis.tests[set].detectable_gap(POWER)
        }),
        signed_rank: sections::signed_ranks(analysis),
        adjacent_not_significant: by_data_set(analysis, |set| {
            Some(analysis.tests[set].adjacent_not_significant(table))
        }),
        pairs_not_significant: by_data_set(analysis, |set| {
            Some(analysis.tests[set].not_significant())
        }),
        significant_after_holm: by_data_set(analysis, |set| {
            Some(analysis.tests[set].significant_after_holm())
        }),
        significant_after_bh: by_data_set(analysis, |set| {
            Some(analysis.tests[set].significant_after_bh())
        }),
        pairs_listed: sections::listed(analysis),
        pairs: by_data_set(analysis, |set| Some(sections::pairs(analysis, set))),
        flips: against(analysis, |against| sections::flip(analysis, against)),
        kendall_w: analysis.concordance.as_ref().map(|found| found.kendall_w),
        friedman: analysis.concordance.as_ref().map(|found| Friedman {
            value: found.friedman,
            chi2: found.friedman,
            df: found.degrees_of_freedom,
            p: found.p,
            iman_davenport: found.iman_davenport,
            iman_davenport_p: found.iman_davenport_p,
        }),
        nemenyi: analysis.concordance.as_ref().map(|found| Nemenyi {
            critical_difference: found.critical_difference,
            mean_ranks: found
                .rows
                .iter()
                .map(name)
                .zip(found.mean_ranks.iter().copied())
                .collect(),
        }),
        winner_share: winners(Some(analysis.all())),
        winner_share_subsets: subsets.max().unwrap_or(0),
        winner_share_without_reference: winners(analysis.pool("without_reference")),
        lottery_index: lottery_index(analysis),
        borda: by_framework(analysis, &analysis.borda),
        copeland: by_framework(analysis, &analysis.copeland),
        pareto: analysis.pareto.iter().map(name).collect(),
        effective_robustness: against(analysis, |against| {
            against
                .robustness
                .as_ref()
                .map(|found| by_framework(analysis, &found.residuals))
        }),
        redraw: by_data_set(analysis, |set| sections::redraw(analysis, set)),
        bootstrap: bootstrap(analysis),
        standard_deviations: analysis
            .input
            .variance
            .iter()
            .map(|split| {
                let section = sections::variance(analysis, split);
                (split.data_set.clone(), section)
            })
            .collect(),
        checkpoint_lottery: sections::checkpoints(analysis),
        verification: sections::verification(analysis),
    }
}

fn average(ranks: &[Option<Rank>]) -> Vec<Option<f64>> {
    ranks.iter().map(|rank| rank.map(Rank::average)).collect()
}

fn leads(analysis: &Analysis) -> Keyed<Keyed<Option<sections::LeadSection>>> {
    let one = |kind: Aggregate| {
        by_pool(analysis, |pool| {
            let lead = pool.lead(kind)?;
            Some(sections::lead(analysis, pool.drawn(kind), lead))
        })
    };
    Aggregate::ALL
        .iter()
        .map(|&kind| (kind.id().to_owned(), one(kind)))
        .collect()
}

fn lottery_index(analysis: &Analysis) -> Keyed<Keyed<Option<f64>>> {
    let one = |place: usize| {
        by_pool(analysis, |pool| {
            pool.winner_shares[place]
                .as_ref()
                .map(|share| share.entropy())
        })
    };
    COUNTED
        .iter()
        .enumerate()
        .map(|(place, kind)| (kind.id().to_owned(), one(place)))
        .collect()
}

fn bootstrap(analysis: &Analysis) -> BootstrapSection {
    let pool = |kind: Aggregate| {
        by_pool(analysis, |pool| {
            sections::pool_bootstrap(analysis, pool.drawn(kind))
        })
    };
    BootstrapSection {
        data_sets: by_data_set(analysis, |set| {
            Some(sections::set_bootstrap(analysis, &analysis.drawn[set]))
        }),
        aggregates: Aggregate::ALL
            .iter()
            .map(|&kind| (kind.id().to_owned(), pool(kind)))
            .collect(),
    }
}
