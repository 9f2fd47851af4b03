//! How ranks move from data set to data set.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::svg::{Anchor, Svg};
use crate::names::shortened;

const NAME: f64 = 128.0;
const LINE: f64 = 24.0;
const TOP: f64 = 34.0;

/// One line per framework over the data sets, rank 1 at the top; winners of any data set are drawn strong.
pub(in crate::html) fn bump(analysis: &Analysis) -> String {
    let sets = analysis.table().data_sets();
    let frameworks = analysis.table().frameworks().len();
    let step = (760.0 - 2.0 * NAME) / (sets.len().max(2) - 1) as f64;
    let step = step.clamp(64.0, 180.0);
    let width = 2.0 * NAME + step * (sets.len().max(2) - 1) as f64;
    let height = TOP + LINE * frameworks as f64 + 6.0;
    let rank = |row: usize, set: usize| analysis.ranks[set][row];
    let winner =
        |row: usize| (0..sets.len()).any(|set| rank(row, set).is_some_and(|rank| rank.min == 1));
    let winners: Vec<&str> = (0..frameworks)
        .filter(|&row| winner(row))
        .map(|row| analysis.framework(row))
        .collect();
    let description = format!(
        "Ranks of {frameworks} frameworks on {} data sets; first on at least one: {}.",
        sets.len(),
        winners.join(", ")
    );
    // At most 9 points to a letter of a heading.
    let longest = (step / 9.0) as usize;
    let mut svg = Svg::new("bump", width, height, "Ranks by data set", description);
    let at = |set: usize, place: f64| (NAME + step * set as f64, TOP + LINE * (place - 0.5));
    for (set, data_set) in sets.iter().enumerate() {
        svg.text(
            "tick strong",
            (at(set, 1.0).0, 14.0),
            Anchor::Middle,
            shortened(&data_set.name, longest),
        );
        svg.line(
            "guide",
            (at(set, 1.0).0, TOP - 10.0),
            (at(set, 1.0).0, height),
        );
    }
    let mut rows: Vec<usize> = (0..frameworks).collect();
    rows.sort_by_key(|&row| winner(row));
    for &row in &rows {
        let class = if winner(row) { "strong" } else { "weak" };
        let points: Vec<(usize, f64)> = (0..sets.len())
            .filter_map(|set| Some((set, rank(row, set)?.average())))
            .collect();
        let path: Vec<(f64, f64)> = points.iter().map(|&(set, place)| at(set, place)).collect();
        svg.path(&format!("bump {class}"), &path, false);
        for (&(set, place), &point) in points.iter().zip(&path) {
            let hint = format!(
                "{} on {}: rank {place}",
                analysis.framework(row),
                sets[set].name
            );
            svg.circle(
                if winner(row) { "dot near" } else { "dot" },
                point,
                4.0,
                &hint,
            );
        }
    }
    for (set, x, anchor) in [
        (0, NAME - 10.0, Anchor::End),
        (sets.len() - 1, width - NAME + 10.0, Anchor::Start),
    ] {
        for (row, place) in spread(analysis, set) {
            let class = if winner(row) { "label strong" } else { "label" };
            svg.text(
                class,
                (x, at(set, place).1 + 4.0),
                anchor,
                short(analysis.framework(row)),
            );
        }
    }
    svg.finish()
}

/// Rows of one data set on places of their own, so that the names of a tie do not cover each other.
fn spread(analysis: &Analysis, set: usize) -> Vec<(usize, f64)> {
    let mut rows: Vec<usize> = (0..analysis.ranks[set].len())
        .filter(|&row| analysis.ranks[set][row].is_some())
        .collect();
    rows.sort_by_key(|&row| analysis.ranks[set][row].map(|rank| rank.min));
    rows.into_iter()
        .enumerate()
        .map(|(place, row)| (row, place as f64 + 1.0))
        .collect()
}
