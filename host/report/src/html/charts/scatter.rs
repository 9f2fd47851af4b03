//! Each data set against the reference, with the fitted line and its band.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::scale::Scale;
use crate::html::svg::{Anchor, Svg};
use crate::words::{coefficient, compared, interval_of};

const WIDTH: f64 = 336.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 42.0;
const RIGHT: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// Where the dot that is pointed at says what it is, between title and plot.
const READOUT: f64 = 33.0;

/// Frameworks whose numbers the description lists.
const DESCRIBED: usize = 30;

/// Frameworks named in the picture, those farthest from the line.
const NAMED: usize = 4;

/// One picture per data set other than the reference.
pub(in crate::html) fn scatters(analysis: &Analysis) -> Vec<String> {
    let Some(reference) = analysis.reference else {
        return Vec::new();
    };
    compared(analysis)
        .map(|(set, _)| one(analysis, reference, set))
        .collect()
}

fn one(analysis: &Analysis, reference: usize, set: usize) -> String {
    let found = analysis.against_reference[set]
        .as_ref()
        .map(|against| &against.correlations);
    let points: Vec<(usize, f64, f64)> = (0..analysis.table().frameworks().len())
        .filter_map(|row| {
            let cell = |set| analysis.table().cell(row, set);
            Some((row, cell(reference)?.percent(), cell(set)?.percent()))
        })
        .collect();
    let (name, base) = (analysis.data_set(set), analysis.data_set(reference));
    let line = found.and_then(|found| found.line);
    let value = found.and_then(|found| found.pearson.value);
    let interval = found.and_then(|found| found.pearson.interval);
    let fact = match (value, interval) {
        (Some(r), Some(ends)) => format!("r = {} {}", coefficient(r), interval_of(ends)),
        (Some(r), None) => format!("r = {}", coefficient(r)),
        _ => "r undefined".to_owned(),
    };
    let listed: Vec<String> = points
        .iter()
        .take(DESCRIBED)
        .map(|(row, x, y)| format!("{} {x:.1}, {y:.1}", analysis.framework(*row)))
        .collect();
    let description = format!(
        "{} frameworks, accuracy on {name} over accuracy on {base}; {fact}. Each {base}, {name}: {}.",
        points.len(),
        listed.join("; ")
    );
    let mut svg = Svg::new(
        &format!("sc{set}"),
        WIDTH,
        HEIGHT,
        &format!("{name} against {base}"),
        description,
    );
    let x = Scale::around(points.iter().map(|point| point.1), (LEFT, WIDTH - RIGHT));
    let y = Scale::around(points.iter().map(|point| point.2), (HEIGHT - BOTTOM, TOP));
    svg.text("title", (0.0, 16.0), Anchor::Start, name);
    svg.text("fact", (WIDTH - RIGHT, 16.0), Anchor::End, fact);
    for (value, label) in x.ticks(5) {
        svg.line("guide", (x.at(value), TOP), (x.at(value), HEIGHT - BOTTOM));
        svg.text(
            "tick",
            (x.at(value), HEIGHT - BOTTOM + 15.0),
            Anchor::Middle,
            label,
        );
    }
    for (value, label) in y.ticks(4) {
        svg.line("guide", (LEFT, y.at(value)), (WIDTH - RIGHT, y.at(value)));
        svg.text("tick", (LEFT - 5.0, y.at(value) + 4.0), Anchor::End, label);
    }
    svg.text(
        "tick",
        ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0),
        Anchor::Middle,
        format!("{base}, percent"),
    );
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    svg.upright("tick", (12.0, middle), &format!("{name}, percent"));
    if let Some(line) = line {
        draw_fit(&mut svg, &line, analysis.confidence(), x, y);
    }
    let clip = |(low, high): (f64, f64), scale: Scale| {
        let (from, to) = scale.range();
        (scale.at(low.max(from)), scale.at(high.min(to)))
    };
    for &(row, px, py) in &points {
        let interval = |set: usize| analysis.drawn[set].printed[row];
        let hint = format!(
            "{}: {base} {px:.2}, {name} {py:.2}",
            analysis.framework(row)
        );
        svg.open("point", &hint, true);
        if let Some((low, high)) = interval(reference).map(|ends| clip(ends, x)) {
            svg.line("error", (low, y.at(py)), (high, y.at(py)));
        }
        if let Some((low, high)) = interval(set).map(|ends| clip(ends, y)) {
            svg.line("error", (x.at(px), low), (x.at(px), high));
        }
        svg.circle("dot near", (x.at(px), y.at(py)), 4.0, "");
        svg.text("tip", (WIDTH - RIGHT, READOUT), Anchor::End, &hint);
        svg.close();
    }
    let mut far: Vec<(f64, usize, (f64, f64))> = points
        .iter()
        .map(|&(row, px, py)| {
            (
                line.map_or(0.0, |line| (py - line.at(px)).abs()),
                row,
                (x.at(px), y.at(py)),
            )
        })
        .collect();
    far.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut taken: Vec<Area> = far
        .iter()
        .map(|(.., at)| Area::around(*at, 4.0, 4.0))
        .collect();
    for (_, row, at) in far.iter().take(NAMED) {
        let label = short(analysis.framework(*row));
        if let Some((anchor, place)) = free_place(*at, &label, &mut taken) {
            svg.text("label halo", place, anchor, label);
        }
    }
    svg.finish()
}

/// An area that a dot or a name covers.
#[derive(Debug, Clone, Copy)]
struct Area {
    centre: (f64, f64),
    half: (f64, f64),
}

impl Area {
    fn around(centre: (f64, f64), half_width: f64, half_height: f64) -> Self {
        Self {
            centre,
            half: (half_width, half_height),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        (self.centre.0 - other.centre.0).abs() < self.half.0 + other.half.0
            && (self.centre.1 - other.centre.1).abs() < self.half.1 + other.half.1
    }
}

/// A place beside, above or below a dot where its name covers nothing; `None` if there is none.
fn free_place(at: (f64, f64), label: &str, taken: &mut Vec<Area>) -> Option<(Anchor, (f64, f64))> {
    let half = 3.4 * label.chars().count() as f64;
    let places = [
        (Anchor::Start, (at.0 + 7.0, at.1 + 4.0), at.0 + 7.0 + half),
        (Anchor::End, (at.0 - 7.0, at.1 + 4.0), at.0 - 7.0 - half),
        (Anchor::Middle, (at.0, at.1 - 8.0), at.0),
        (Anchor::Middle, (at.0, at.1 + 16.0), at.0),
    ];
    places.into_iter().find_map(|(anchor, place, centre)| {
        let area = Area::around((centre, place.1 - 4.0), half, 7.0);
        let inside = area.centre.0 - half > LEFT && area.centre.0 + half < WIDTH - 2.0;
        let free = inside && !taken.iter().any(|other| area.meets(other));
        free.then(|| {
            taken.push(area);
            (anchor, place)
        })
    })
}

fn draw_fit(svg: &mut Svg, line: &ssl_aggregate::Line, confidence: f64, x: Scale, y: Scale) {
    const STEPS: usize = 24;
    let (low, high) = x.range();
    let at = |step: usize| low + (high - low) * step as f64 / STEPS as f64;
    let clip = |value: f64| y.at(value).clamp(TOP, HEIGHT - BOTTOM);
    if let Some(band) = line.band(confidence) {
        let edge = |sign: f64| {
            let band = &band;
            move |step: usize| {
                let value = at(step);
                (x.at(value), clip(line.at(value) + sign * band(value)))
            }
        };
        let upper = (0..=STEPS).map(edge(1.0));
        let area: Vec<_> = upper.chain((0..=STEPS).rev().map(edge(-1.0))).collect();
        svg.path("band", &area, true);
    }
    let fit: Vec<_> = (0..=STEPS)
        .map(|step| (x.at(at(step)), y.at(line.at(at(step)))))
        .filter(|point| (TOP..=HEIGHT - BOTTOM).contains(&point.1))
        .collect();
    svg.path("fit", &fit, false);
}
