//! The forecast for people, in 80 columns.

use super::{CellForecast, Fate, Forecast};
use indicatif::{DecimalBytes, HumanCount};
use std::fmt::Write as _;

/// Cells of a row, added up.
#[derive(Default)]
struct Row {
    cells: usize,
    computed: usize,
    images: u64,
    bytes: u64,
    seconds: Option<f64>,
}

/// The forecast as text.
#[must_use]
pub fn text(forecast: &Forecast) -> String {
    let mut rows: Vec<(&str, Row)> = Vec::new();
    for cell in &forecast.cells {
        if rows.last().is_none_or(|(name, _)| *name != cell.row) {
            let seconds = Some(0.0);
            rows.push((
                &cell.row,
                Row {
                    seconds,
                    ..Row::default()
                },
            ));
        }
        if let Some((_, row)) = rows.last_mut() {
            row.add(cell);
        }
    }
    let mut text = format!(
        "{:34} {:>9} {:>13} {:>10} {:>9}\n",
        "row", "cells", "images", "disk", "time"
    );
    for (name, row) in &rows {
        text.push_str(&row.line(name));
    }
    let mut all = Row {
        seconds: Some(0.0),
        ..Row::default()
    };
    forecast.cells.iter().for_each(|cell| all.add(cell));
    text.push_str(&all.line("all, one after the other"));
    let count = |fate: Fate| {
        forecast
            .cells
            .iter()
            .filter(|cell| cell.fate == fate)
            .count()
    };
    let fates = [
        (Fate::Done, "done before"),
        (Fate::LeftOut, "left out"),
        (Fate::Missing, "without their checkpoint"),
    ];
    let others: Vec<String> = fates
        .iter()
        .filter(|(fate, _)| count(*fate) > 0)
        .map(|(fate, words)| format!("{} {words}", count(*fate)))
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(" ({})", others.join(", "))
    };
    let counts = format!(
        "{} of {} to compute{others}, {} at a time",
        count(Fate::Computed),
        forecast.cells.len(),
        forecast.side_by_side
    );
    let sets: Vec<String> = forecast
        .sets
        .iter()
        .map(|set| format!("{} {}", set.name, HumanCount(set.images as u64)))
        .collect();
    let disk = format!(
        "{}: features {}, checkpoints {}, predictions {}",
        DecimalBytes(forecast.disk.total()),
        DecimalBytes(forecast.disk.features),
        DecimalBytes(forecast.disk.pretraining),
        DecimalBytes(forecast.disk.predictions)
    );
    let memory = format!(
        "{} in a cell at most, without the activations of a batch",
        DecimalBytes(forecast.memory_bytes)
    );
    let time = forecast
        .seconds
        .map_or_else(|| "unknown".to_owned(), duration);
    let time = format!("{time} (after {:.0} s of measuring)", forecast.measured_s);
    text.push('\n');
    for (heading, words) in [
        ("cells:    ", &counts),
        ("sets:     ", &sets.join(", ")),
        ("disk:     ", &disk),
        ("memory:   ", &memory),
        ("time:     ", &time),
    ] {
        text.push_str(&filled(heading, words));
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "results:  {}", forecast.results.display());
    for file in &forecast.missing {
        let published = file
            .source
            .as_ref()
            .map_or_else(String::new, |it| format!("\n  it is published at {it}"));
        let _ = writeln!(
            text,
            "missing:  {}, {}{published}",
            file.row,
            file.file.display()
        );
    }
    for note in &forecast.notes {
        text.push_str(&filled("note:     ", note));
    }
    text
}

impl Row {
    fn add(&mut self, cell: &CellForecast) {
        self.cells += 1;
        self.computed += usize::from(cell.fate == Fate::Computed);
        self.images += cell.images.values().sum::<u64>();
        self.bytes += cell.disk.total();
        self.seconds = self.seconds.zip(cell.seconds).map(|(sum, own)| sum + own);
    }

    fn line(&self, name: &str) -> String {
        let name: String = name.chars().take(34).collect();
        let cells = format!("{}/{}", self.computed, self.cells);
        let images = HumanCount(self.images).to_string();
        let bytes = DecimalBytes(self.bytes).to_string();
        let time = self.seconds.map_or_else(|| "?".to_owned(), duration);
        format!("{name:34} {cells:>9} {images:>13} {bytes:>10} {time:>9}\n")
    }
}

/// About two digits of the largest unit that fits.
fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
    let unit = UNITS.iter().find(|(length, _)| seconds >= 1.5 * length);
    let (length, name) = unit.unwrap_or(&UNITS[3]);
    match seconds / length {
        few if few < 10.0 => format!("{few:.1} {name}"),
        many => format!("{many:.0} {name}"),
    }
}

/// A paragraph behind a heading, lines after the first indented.
fn filled(heading: &str, words: &str) -> String {
    const WIDTH: usize = 80;
    let mut text = heading.to_owned();
    let mut column = heading.chars().count();
    let indent = column;
    for (place, word) in words.split_whitespace().enumerate() {
        let length = word.chars().count();
        if place > 0 && column + 1 + length > WIDTH {
            text.push_str(&format!("\n{}", " ".repeat(indent)));
            column = indent;
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}
