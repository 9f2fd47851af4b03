//! Which pairs differ significantly, one matrix per data set.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::svg::{Anchor, Svg};
use crate::names::shortened;

const NAME: f64 = 112.0;
const SIDE: f64 = 19.0;
const TOP: f64 = 96.0;

/// Letters of a slanted name, which has the height between title and matrix.
const SLANTED: usize = 12;

/// More frameworks than this make no legible matrix.
const MOST: usize = 40;

/// Up to this many frameworks each cell has its numbers at hand.
const HINTED: usize = 16;

/// Points of difference from which on a cell is coloured more strongly.
const STEPS: [f64; 3] = [1.0, 3.0, 10.0];

/// One picture per data set: who is ahead of whom, both best first. None beyond 40 frameworks.
pub(in crate::html) fn matrices(analysis: &Analysis) -> Vec<String> {
    if analysis.table().frameworks().len() > MOST {
        return Vec::new();
    }
    (0..analysis.tests.len())
        .filter(|&set| !analysis.tests[set].pairs.is_empty())
        .map(|set| one(analysis, set))
        .collect()
}

fn one(analysis: &Analysis, set: usize) -> String {
    let tests = &analysis.tests[set];
    let mut order: Vec<usize> = (0..analysis.ranks[set].len())
        .filter(|&row| analysis.ranks[set][row].is_some())
        .collect();
    order.sort_by_key(|&row| analysis.ranks[set][row].map(|rank| rank.min));
    let side = SIDE * order.len() as f64;
    let name = analysis.data_set(set);
    let mut svg = Svg::new(
        &format!("mx{set}"),
        NAME + side + 56.0,
        TOP + side + 4.0,
        &format!("Pairs on {name}"),
        description(analysis, set, &order),
    );
    svg.text("title", (0.0, 16.0), Anchor::Start, name);
    for (place, &row) in order.iter().enumerate() {
        let offset = SIDE * (place as f64 + 0.5);
        let label = short(analysis.framework(row));
        svg.text(
            "label",
            (NAME - 6.0, TOP + offset + 4.0),
            Anchor::End,
            label,
        );
        let slanted = shortened(analysis.framework(row), SLANTED);
        svg.slanted("label", (NAME + offset + 3.0, TOP - 6.0), &slanted);
    }
    for (i, &better) in order.iter().enumerate() {
        for (j, &worse) in order.iter().enumerate().skip(i + 1) {
            let Some(pair) = tests.pair(better, worse) else {
                continue;
            };
            let corner = (NAME + SIDE * j as f64, TOP + SIDE * i as f64);
            let size = (SIDE - 1.0, SIDE - 1.0);
            let gap = pair.difference.abs();
            let (class, sign) = if pair.holm < tests.alpha {
                let strength = STEPS.iter().filter(|&&step| gap >= step).count();
                (format!("cell ahead{strength}"), "●")
            } else if pair.p < tests.alpha {
                ("cell".to_owned(), "○")
            } else {
                ("cell".to_owned(), "")
            };
            let hint = if order.len() <= HINTED {
                format!(
                    "{} {gap:+.2} against {}: p = {:.1e}, Holm {:.1e}, {}",
                    analysis.framework(better),
                    analysis.framework(worse),
                    pair.p,
                    pair.holm,
                    pair.method.id().replace('_', " ")
                )
            } else {
                String::new()
            };
            svg.rect(&class, corner, size, &hint);
            let centre = (corner.0 + SIDE / 2.0, corner.1 + SIDE / 2.0 + 4.0);
            if !sign.is_empty() {
                svg.text("sign", centre, Anchor::Middle, sign);
            }
        }
    }
    svg.finish()
}

/// The counts, and for each framework the nearest one that it is ahead of for certain.
fn description(analysis: &Analysis, set: usize, order: &[usize]) -> String {
    let tests = &analysis.tests[set];
    let ahead = order.iter().enumerate().map(|(place, &row)| {
        let behind = order[place + 1..].iter();
        let nearest = behind
            .copied()
            .find(|&other| tests.differ_after_holm(row, other));
        let nearest = nearest.map_or("nobody", |other| analysis.framework(other));
        format!("{} of {nearest}", analysis.framework(row))
    });
    format!(
        "{} of {} pairs on {} differ after Holm's correction, {} do not differ even without one. Ahead, best first, the \
         nearest named: {}.",
        tests.significant_after_holm(),
        tests.pairs.len(),
        analysis.data_set(set),
        tests.not_significant(),
        ahead.collect::<Vec<_>>().join(", ")
    )
}
