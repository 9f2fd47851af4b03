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

/// One picture per data set: rows against columns, both best first.
pub(in crate::html) fn matrices(analysis: &Analysis) -> Vec<String> {
    (0..analysis.tests.len())
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
    let description = format!(
        "{} of {} pairs on {name} differ after Holm's correction, {} do not differ even without one.",
        tests.significant_after_holm(),
        tests.pairs.len(),
        tests.not_significant()
    );
    let mut svg = Svg::new(
        &format!("mx{set}"),
        NAME + side + 56.0,
        TOP + side + 4.0,
        &format!("Pairs on {name}"),
        description,
    );
    svg.text("title", (0.0, 16.0), Anchor::Start, name);
    for (place, &row) in order.iter().enumerate() {
        let offset = SIDE * (place as f64 + 0.5);
        svg.text(
            "label",
            (NAME - 6.0, TOP + offset + 4.0),
            Anchor::End,
            short(analysis.framework(row)),
        );
        svg.slanted(
            "label",
            (NAME + offset + 3.0, TOP - 6.0),
            &shortened(analysis.framework(row), SLANTED),
        );
    }
    for (i, &a) in order.iter().enumerate() {
        for (j, &b) in order.iter().enumerate() {
            let corner = (NAME + SIDE * j as f64, TOP + SIDE * i as f64);
            let centre = (corner.0 + SIDE / 2.0, corner.1 + SIDE / 2.0 + 4.0);
            let Some(pair) = tests.pair(a, b).filter(|_| a != b) else {
                svg.rect("cell self", corner, (SIDE - 1.0, SIDE - 1.0), "");
                continue;
            };
            let (class, sign) = if pair.holm < tests.alpha {
                ("cell holm", "●")
            } else if pair.p < tests.alpha {
                ("cell plain", "○")
            } else {
                ("cell none", "")
            };
            let difference = if pair.first == a {
                pair.difference
            } else {
                -pair.difference
            };
            let hint = format!(
                "{} {:+.2} against {}: p = {:.1e}, Holm {:.1e}, {}",
                analysis.framework(a),
                difference,
                analysis.framework(b),
                pair.p,
                pair.holm,
                pair.method.id().replace('_', " ")
            );
            svg.rect(class, corner, (SIDE - 1.0, SIDE - 1.0), &hint);
            if !sign.is_empty() {
                svg.text("sign", centre, Anchor::Middle, sign);
            }
        }
    }
    svg.finish()
}
