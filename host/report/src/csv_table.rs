//! The table as CSV: plain numbers with intervals and marks, one row per framework.

use super::ReportError;
use super::analysis::Analysis;
use super::paper::PaperTable;

/// Columns `framework`, then for each data set and aggregate its value, interval and mark (`best`, `near` or empty).
///
/// # Errors
/// [`ReportError::CsvOut`] never in practice.
pub fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let table = PaperTable::new(analysis);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["framework".to_owned()];
    for column in &table.columns {
        let title = inert(&column.title);
        header.extend(["", " low", " high", " mark"].map(|part| format!("{title}{part}")));
    }
    writer.write_record(&header).map_err(ReportError::CsvOut)?;
    for (row, name) in table.names.iter().enumerate() {
        let mut line = vec![inert(name)];
        for column in &table.columns {
            let Some(entry) = &column.entries[row] else {
                line.extend(std::iter::repeat_n(String::new(), 4));
                continue;
            };
            let bound = |side: fn((f64, f64)) -> f64| {
                entry
                    .interval
                    .map_or_else(String::new, |it| format!("{:.3}", side(it)))
            };
            line.extend([
                entry.text.clone(),
                bound(|it| it.0),
                bound(|it| it.1),
                entry.mark.word().to_owned(),
            ]);
        }
        writer.write_record(&line).map_err(ReportError::CsvOut)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| ReportError::CsvOut(error.into_error().into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A name that a spreadsheet does not take for a formula; reading a table takes the `'` off again.
fn inert(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@']) {
        format!("'{name}")
    } else {
        name.to_owned()
    }
}
