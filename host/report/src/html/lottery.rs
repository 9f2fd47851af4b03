//! The panel in which a reader chooses data sets and an aggregate and sees who wins.
//!
//! Without script it is a table of winners for the choices that are usually made.

use serde::Serialize;

use crate::analysis::{Analysis, COUNTED};
use crate::names::shortened;
use crate::prose::list;
use ssl_aggregate::{Aggregate, Pool, aggregate};

/// What the script works on.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    frameworks: Vec<String>,
    data_sets: Vec<String>,
    n: Vec<u64>,
    /// `[framework][data set]` in percent, `null` where missing.
    accuracy: Vec<Vec<Option<f64>>>,
}

/// One line of the table: a choice of data sets and its winners by each aggregate of [`COUNTED`].
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    name: String,
    winners: Vec<String>,
}

/// The winner share of one aggregate as a bar per framework that ever wins.
#[derive(Debug, Serialize)]
pub(super) struct Share {
    aggregate: String,
    subsets: usize,
    sampled: bool,
    entropy: String,
    bars: Vec<Bar>,
}

/// Letters of the name beside a bar.
const LONGEST: usize = 16;

#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    wins: String,
    percent: String,
}

pub(super) fn data(analysis: &Analysis) -> Data {
    let table = analysis.table();
    let sets = 0..table.data_sets().len();
    let row = |row: usize| {
        sets.clone()
            .map(|set| table.cell(row, set).map(|cell| cell.percent()))
            .collect()
    };
    Data {
        frameworks: table.frameworks().to_vec(),
        data_sets: table
            .data_sets()
            .iter()
            .map(|set| set.name.clone())
            .collect(),
        n: table.data_sets().iter().map(|set| set.n).collect(),
        accuracy: (0..table.frameworks().len()).map(row).collect(),
    }
}

pub(super) fn choices(analysis: &Analysis) -> Vec<Choice> {
    let table = analysis.table();
    let pools = analysis.pools.iter().map(|pool| pool.pool.clone());
    let singles = (0..table.data_sets().len()).map(|set| Pool {
        name: format!("{} alone", analysis.data_set(set)),
        data_sets: vec![set],
    });
    let all = pools
        .chain(singles)
        .filter(|pool| !pool.data_sets.is_empty());
    let winners = |pool: &Pool, kind: Aggregate| {
        let leaders = aggregate(table, &pool.data_sets, kind).leaders();
        list(
            &leaders
                .iter()
                .map(|&row| analysis.framework(row))
                .collect::<Vec<_>>(),
        )
    };
    all.map(|pool| Choice {
        winners: COUNTED.iter().map(|&kind| winners(&pool, kind)).collect(),
        name: pool.name.replace('_', " "),
    })
    .collect()
}

pub(super) fn shares(analysis: &Analysis) -> Vec<Share> {
    let shares = analysis.all().winner_shares.iter().flatten();
    shares
        .map(|share| {
            let mut wins: Vec<(f64, usize)> = share
                .wins
                .iter()
                .enumerate()
                .filter_map(|(row, wins)| Some(((*wins)?, row)))
                .filter(|(wins, _)| *wins > 0.0)
                .collect();
            wins.sort_by(|a, b| b.0.total_cmp(&a.0));
            let bar = |&(wins, row): &(f64, usize)| Bar {
                name: shortened(analysis.framework(row), LONGEST),
                wins: format!("{}", (wins * 100.0).round() / 100.0),
                percent: format!("{:.1}", 100.0 * wins / share.subsets as f64),
            };
            Share {
                aggregate: share.aggregate.name().to_owned(),
                subsets: share.subsets,
                sampled: share.sampled,
                entropy: format!("{:.2}", share.entropy()),
                bars: wins.iter().map(bar).collect(),
            }
        })
        .collect()
}
