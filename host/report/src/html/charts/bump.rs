//! How ranks move from data set to data set.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::svg::{Anchor, Svg};
use crate::names::shortened;

/// Few data sets are spread over this width; many take more.
const WIDTH: f64 = 1080.0;
const NAME: f64 = 128.0;
const LINE: f64 = 24.0;
const TOP: f64 = 34.0;

/// Letters of a heading that has no room beside its neighbours and is slanted, and the height that these take.
const SLANTED: usize = 22;
const SLANTED_TOP: f64 = 126.0;

/// Lines that have a hue of their own; the others recede.
const HUES: usize = 6;

/// Most frameworks whose ranks the description lists.
const DESCRIBED: usize = 30;

/// One line per framework over the data sets, rank 1 at the top, each on a place of its own even where it ties.
///
/// Up to six frameworks are drawn in a hue with a dash and a mark: those that are first somewhere, by how often, then the
/// next by weighted average.
pub(in crate::html) fn bump(analysis: &Analysis) -> String {
    let sets = analysis.table().data_sets();
    let frameworks = analysis.table().frameworks().len();
    let gaps = (sets.len().max(2) - 1) as f64;
    let step = ((WIDTH - 2.0 * NAME) / gaps).clamp(64.0, 180.0);
    let width = 2.0 * NAME + step * gaps;
    let places = places(analysis);
    let shown = shown(analysis);
    // At most 9 points to a letter of a heading.
    let longest = (step / 9.0) as usize;
    let slanted = (sets.iter()).any(|set| set.name.chars().count() > longest);
    let top = if slanted { SLANTED_TOP } else { TOP };
    let height = top + LINE * frameworks as f64 + 6.0;
    let description = description(analysis, &shown);
    let mut svg = Svg::new("bump", width, height, "Ranks by data set", description);
    let at = |set: usize, place: f64| (NAME + step * set as f64, top + LINE * (place - 0.5));
    for (set, data_set) in sets.iter().enumerate() {
        let x = at(set, 1.0).0;
        if slanted {
            let name = shortened(&data_set.name, SLANTED);
            svg.slanted("tick strong", (x + 3.0, top - 14.0), &name);
        } else {
            svg.text("tick strong", (x, 14.0), Anchor::Middle, &data_set.name);
        }
        svg.line("guide", (x, top - 10.0), (x, height));
    }
    let mut rows: Vec<usize> = (0..frameworks).collect();
    rows.sort_by_key(|row| {
        let hue = shown.iter().position(|known| known == row);
        std::cmp::Reverse(hue.unwrap_or(usize::MAX))
    });
    for row in rows {
        let hue = shown.iter().position(|&known| known == row);
        let class = hue.map_or_else(|| "weak".to_owned(), |hue| format!("strong hue{hue}"));
        let points: Vec<(usize, (f64, f64))> = (0..sets.len())
            .filter_map(|set| Some((set, at(set, places[set][row]?))))
            .collect();
        let path: Vec<(f64, f64)> = points.iter().map(|(_, point)| *point).collect();
        svg.open(&class, &line_in_words(analysis, row), hue.is_some());
        svg.path("bump", &path, false);
        for (_, point) in points.iter().filter(|_| hue.is_some()) {
            svg.mark(hue.unwrap_or(0), *point);
        }
        for (set, x, anchor) in [
            (0, NAME - 10.0, Anchor::End),
            (sets.len() - 1, width - NAME + 10.0, Anchor::Start),
        ] {
            if let Some(place) = places[set][row] {
                let name = short(analysis.framework(row));
                svg.text("label", (x, at(set, place).1 + 4.0), anchor, name);
            }
        }
        svg.close();
    }
    svg.finish()
}

/// `[set][row]`: places of their own, ties in the order of the data set before, so that lines do not meet.
fn places(analysis: &Analysis) -> Vec<Vec<Option<f64>>> {
    let rows = analysis.table().frameworks().len();
    let mut before: Vec<f64> = vec![0.0; rows];
    for (place, row) in analysis.order().into_iter().enumerate() {
        before[row] = place as f64;
    }
    let mut all = Vec::new();
    for ranks in &analysis.ranks {
        let mut order: Vec<usize> = (0..rows).filter(|&row| ranks[row].is_some()).collect();
        order.sort_by(|&a, &b| {
            let rank = |row: usize| ranks[row].map(|rank| rank.min);
            rank(a).cmp(&rank(b)).then(before[a].total_cmp(&before[b]))
        });
        let mut places = vec![None; rows];
        for (place, &row) in order.iter().enumerate() {
            places[row] = Some(place as f64 + 1.0);
            before[row] = place as f64;
        }
        all.push(places);
    }
    all
}

/// Frameworks with a hue.
fn shown(analysis: &Analysis) -> Vec<usize> {
    let wins = |row: usize| {
        let ranks = analysis.ranks.iter();
        ranks
            .filter(|ranks| ranks[row].is_some_and(|rank| rank.min == 1))
            .count()
    };
    let mut rows = analysis.order();
    rows.sort_by_key(|&row| std::cmp::Reverse(wins(row)));
    rows.truncate(HUES);
    rows
}

fn line_in_words(analysis: &Analysis, row: usize) -> String {
    let sets = analysis.table().data_sets().iter().zip(&analysis.ranks);
    let ranks: Vec<String> = sets
        .filter_map(|(set, ranks)| Some(format!("{} {}", set.name, ranks[row]?.average())))
        .collect();
    format!("{}: {}", analysis.framework(row), ranks.join(", "))
}

fn description(analysis: &Analysis, shown: &[usize]) -> String {
    let rows = analysis.order();
    let listed = if rows.len() <= DESCRIBED {
        &rows[..]
    } else {
        shown
    };
    let lines: Vec<String> = listed
        .iter()
        .map(|&row| line_in_words(analysis, row))
        .collect();
    format!("Ranks by data set. {}.", lines.join(". "))
}
