//! How often a framework is near the best: the performance profile.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::scale::Scale;
use crate::html::svg::{Anchor, Svg};

/// Data sets from which on shares of them say something.
const FEWEST: usize = 10;

/// Frameworks drawn: the first by weighted average.
const DRAWN: usize = 6;

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 44.0;

/// Share of data sets on which a framework is within `x` points of the best, over `x`. `None` below ten data sets.
pub(in crate::html) fn profile(analysis: &Analysis) -> Option<String> {
    let table = analysis.table();
    let sets = table.data_sets().len();
    if sets < FEWEST || table.frameworks().len() < 2 {
        return None;
    }
    let best: Vec<f64> = (0..sets)
        .map(|set| {
            let cells = table.column(set).into_iter().flatten();
            cells.map(|cell| cell.percent()).fold(0.0, f64::max)
        })
        .collect();
    let gaps = |row: usize| {
        let sets = best.iter().enumerate();
        let gaps = sets.filter_map(|(set, best)| Some(best - table.cell(row, set)?.percent()));
        let mut gaps: Vec<f64> = gaps.collect();
        gaps.sort_by(f64::total_cmp);
        gaps
    };
    let rows: Vec<usize> = analysis.order().into_iter().take(DRAWN).collect();
    let all: Vec<Vec<f64>> = rows.iter().map(|&row| gaps(row)).collect();
    let farthest = all.iter().flatten().copied().fold(1.0, f64::max);
    let x = Scale::between((0.0, farthest), (LEFT, WIDTH - RIGHT));
    let y = Scale::between((0.0, 100.0), (HEIGHT - BOTTOM, TOP));
    let said: Vec<String> = rows
        .iter()
        .zip(&all)
        .map(|(&row, gaps)| {
            let within = |points: f64| gaps.iter().filter(|gap| **gap <= points).count();
            format!(
                "{}: best on {}, within 1 point on {}, within 5 on {}",
                analysis.framework(row),
                within(0.0),
                within(1.0),
                within(5.0)
            )
        })
        .collect();
    let description = format!("Of {sets} data sets. {}.", said.join(". "));
    let mut svg = Svg::new("profile", WIDTH, HEIGHT, "Performance profile", description);
    for (value, label) in x.ticks(6) {
        svg.line("guide", (x.at(value), TOP), (x.at(value), HEIGHT - BOTTOM));
        svg.text(
            "tick",
            (x.at(value), HEIGHT - BOTTOM + 16.0),
            Anchor::Middle,
            label,
        );
    }
    for value in [0.0, 25.0, 50.0, 75.0, 100.0] {
        svg.line("guide", (LEFT, y.at(value)), (WIDTH - RIGHT, y.at(value)));
        svg.text(
            "tick",
            (LEFT - 6.0, y.at(value) + 4.0),
            Anchor::End,
            format!("{value:.0} %"),
        );
    }
    let centre = (LEFT + WIDTH - RIGHT) / 2.0;
    svg.text(
        "tick",
        (centre, HEIGHT - 8.0),
        Anchor::Middle,
        "points behind the best",
    );
    let mut taken: Vec<f64> = Vec::new();
    for (hue, (&row, gaps)) in rows.iter().zip(&all).enumerate() {
        let mut points = vec![(x.at(0.0), y.at(0.0))];
        let mut height = 0.0;
        for (place, gap) in gaps.iter().enumerate() {
            points.push((x.at(*gap), y.at(height)));
            height = 100.0 * (place + 1) as f64 / sets as f64;
            points.push((x.at(*gap), y.at(height)));
        }
        points.push((WIDTH - RIGHT, y.at(height)));
        svg.open(&format!("strong hue{hue}"), analysis.framework(row), true);
        svg.path("bump", &points, false);
        // A name stands where its line ends, or below the names there.
        let mut place = y.at(height) + 4.0;
        while taken.iter().any(|other: &f64| (other - place).abs() < 14.0) {
            place += 14.0;
        }
        taken.push(place);
        svg.mark(hue, (WIDTH - RIGHT + 10.0, place - 4.0));
        let name = short(analysis.framework(row));
        svg.text("label", (WIDTH - RIGHT + 20.0, place), Anchor::Start, name);
        svg.close();
    }
    Some(svg.finish())
}
