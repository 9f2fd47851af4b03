//! The table as CSV, which `report --table` reads again: plain numbers with intervals and marks.

use super::ReportError;
use super::analysis::Analysis;
use super::input::annotations;
use super::paper::{COLUMNS, Mark};
use ssl_aggregate::Cell;

/// A first column `framework`, then for each data set and aggregate its value, interval and mark (`best`, `near` or empty);
/// a first row `n` with the images of the data sets; baselines in the last rows.
///
/// Rows and columns are in the table's order, and an accuracy has all decimals that its images give, so that the report
/// on the CSV is the report on the table.
///
/// # Errors
/// [`ReportError::CsvOut`] never in practice.
pub fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let table = analysis.table();
    let sets = table.data_sets();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |line: Vec<String>| -> Result<(), ReportError> {
        writer.write_record(&line).map_err(ReportError::CsvOut)
    };
    let titles = sets.iter().map(|set| inert(&set.name));
    let titles = titles.chain(COLUMNS.iter().map(|kind| kind.name().to_owned()));
    let header = titles.flat_map(|title| {
        let [low, high, mark] = annotations(&title);
        [title, low, high, mark]
    });
    write(
        std::iter::once("framework".to_owned())
            .chain(header)
            .collect(),
    )?;
    let mut counts = vec!["n".to_owned()];
    for set in sets {
        counts.extend([
            set.n.to_string(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    counts.extend(vec![String::new(); 4 * COLUMNS.len()]);
    write(counts)?;
    for row in 0..table.frameworks().len() {
        let mut line = vec![inert(analysis.framework(row))];
        for set in 0..sets.len() {
            let text = table.cell(row, set).map(|cell| written(&cell));
            let interval = analysis.drawn[set].printed[row];
            line.extend(entry(text, interval, Mark::on(analysis, set, row)));
        }
        for &kind in &COLUMNS {
            let (scores, drawn) = (analysis.all().scores(kind), analysis.all().drawn(kind));
            let text = scores.values[row].map(|value| format!("{value:.4}"));
            line.extend(entry(text, drawn.value[row], Mark::by(analysis, kind, row)));
        }
        write(line)?;
    }
    for (name, cells) in &analysis.input.baselines {
        let mut line = vec![inert(name)];
        for cell in cells {
            let text = cell.as_ref().map(written);
            line.extend(entry(text, None, Mark::None));
        }
        line.extend(vec![String::new(); 4 * COLUMNS.len()]);
        write(line)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| ReportError::CsvOut(error.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A value with its bounds and its mark; all empty where it is missing.
fn entry(text: Option<String>, interval: Option<(f64, f64)>, mark: Mark) -> [String; 4] {
    let Some(text) = text else {
        return Default::default();
    };
    let bound = |side: fn((f64, f64)) -> f64| {
        interval.map_or_else(String::new, |ends| format!("{:.3}", side(ends)))
    };
    [
        text,
        bound(|ends| ends.0),
        bound(|ends| ends.1),
        mark.word().to_owned(),
    ]
}

/// A percentage as it was printed; of counted images with decimals that leave one count only.
fn written(cell: &Cell) -> String {
    let decimals = cell.decimals().map_or_else(
        || 2 + cell.n().to_string().len(),
        |decimals| decimals as usize,
    );
    format!("{:.decimals$}", cell.percent())
}

/// A name that a spreadsheet does not take for a formula; reading a table takes the `'` off again.
fn inert(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@']) {
        format!("'{name}")
    } else {
        name.to_owned()
    }
}
