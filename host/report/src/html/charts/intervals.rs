//! A column of values with intervals, best at the top: the shape of two figures.

use crate::html::scale::Scale;
use crate::html::svg::{Anchor, Svg};
use crate::names::shortened;

/// One row of the figure.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) interval: (f64, f64),
    /// Drawn solid: the best, or not significantly worse.
    pub(super) near: bool,
    pub(super) text: String,
}

impl Row {
    /// The name and the numbers of the row.
    pub(super) fn in_words(&self) -> String {
        let (low, high) = self.interval;
        format!("{}: {} [{low:.2}, {high:.2}]", self.name, self.text)
    }
}

/// Letters of a name.
const LONGEST: usize = 12;

const NAME: f64 = 112.0;
const PLOT: f64 = 172.0;
const VALUE: f64 = 52.0;
const LINE: f64 = 20.0;
const TOP: f64 = 34.0;

/// Draws the rows in the order given; filled marks are near the best, hollow ones are not.
pub(super) fn draw(id: &str, title: &str, description: String, rows: &[Row]) -> String {
    let width = NAME + PLOT + VALUE;
    let bottom = TOP + LINE * rows.len() as f64;
    let mut svg = Svg::new(id, width, bottom + 24.0, title, description);
    let values = rows.iter().flat_map(|row| [row.interval.0, row.interval.1]);
    let x = Scale::around(values, (NAME, NAME + PLOT));
    svg.text("title", (0.0, 16.0), Anchor::Start, title);
    for (value, label) in x.ticks(4) {
        svg.line("guide", (x.at(value), TOP - 6.0), (x.at(value), bottom));
        svg.text("tick", (x.at(value), bottom + 16.0), Anchor::Middle, label);
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + LINE * (index as f64 + 0.5);
        svg.text(
            "label",
            (NAME - 8.0, y + 4.0),
            Anchor::End,
            short(&row.name),
        );
        svg.line(
            "whisker",
            (x.at(row.interval.0), y),
            (x.at(row.interval.1), y),
        );
        svg.circle(
            if row.near { "dot near" } else { "dot" },
            (x.at(row.value), y),
            4.0,
            &row.in_words(),
        );
        svg.text("value", (width, y + 4.0), Anchor::End, &row.text);
    }
    svg.finish()
}

/// A name that fits beside a plot: where it is long its middle gives way, since names often differ at the end.
pub(super) fn short(name: &str) -> String {
    shortened(name, LONGEST)
}
