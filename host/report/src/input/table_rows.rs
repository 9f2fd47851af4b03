//! The records of a table file, checked one by one with their place in the file.

use std::path::Path;

use csv::StringRecord;

use super::rows::relabelled;
use crate::ReportError;
use ssl_aggregate::{AggregateError, Cell, DataSet, Decimal, Table};

/// Texts that stand for a missing cell.
const MISSING: [&str; 4] = ["", "-", "–", "NA"];

/// The records of a file, the header first.
pub(super) struct Rows<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a [u8],
    pub(super) records: &'a [StringRecord],
}

impl Rows<'_> {
    /// Checks everything and assembles the table.
    pub(super) fn table(&self) -> Result<Table, ReportError> {
        let header = self.record(0, "a header `framework,<data set>,…`")?;
        let first = header.get(0).unwrap_or_default();
        if !first.eq_ignore_ascii_case("framework") {
            return Err(self.shape("`framework`", format!("`{first}`"), "row 1, column 1"));
        }
        let names: Vec<&str> = header.iter().skip(1).collect();
        if let Some(blank) = names.iter().position(|name| name.is_empty()) {
            let at = format!("row 1, column {}", blank + 2);
            return Err(self.shape("a data set's name", "an empty cell".to_owned(), at));
        }
        if let Some((first, second)) = repeated(&names) {
            let at = format!("row 1, columns {} and {}", first + 2, second + 2);
            return Err(self.shape(
                "each data set once",
                format!("`{}` twice", names[first]),
                at,
            ));
        }
        let counts = self.record(1, "a first row `n` with image counts")?;
        let first = counts.get(0).unwrap_or_default();
        if !first.eq_ignore_ascii_case("n") {
            return Err(self.shape(
                "a first row `n` with image counts",
                format!("`{first}`"),
                self.at(1, None),
            ));
        }
        self.width(1, names.len())?;
        let data_sets = names
            .iter()
            .enumerate()
            .map(|(column, name)| self.data_set(name, column, &counts[column + 1], &names))
            .collect::<Result<Vec<_>, _>>()?;
        let mut frameworks = Vec::new();
        let mut rows = Vec::new();
        for (row, record) in self.records.iter().enumerate().skip(2) {
            self.width(row, names.len())?;
            if record[0].is_empty() {
                let at = format!("{}, column 1", self.at(row, None));
                return Err(self.shape("a framework's name", "an empty cell".to_owned(), at));
            }
            if let Some(broken) = record.iter().position(|text| text.contains(['\n', '\r'])) {
                let at = format!("row {}, column {}", self.line(row), broken + 1);
                return Err(self.shape(
                    "a cell on one line",
                    "a line break in quotes".to_owned(),
                    at,
                ));
            }
            frameworks.push(record[0].to_owned());
            let cells = data_sets.iter().zip(record.iter().skip(1));
            rows.push(
                cells
                    .map(|(set, text)| self.cell(row, set, text))
                    .collect::<Result<Vec<_>, _>>()?,
            );
        }
        self.names(&frameworks)?;
        self.percent(&rows)?;
        let with_results = |row: &&Vec<Option<Cell>>| row.iter().any(Option::is_some);
        let found = rows.iter().filter(with_results).count();
        if found < 1 {
            let at = format!("{} is the last", self.at(self.records.len() - 1, None));
            return Err(self.shape("at least one framework with results", found.to_string(), at));
        }
        Table::try_new(None, data_sets, frameworks, rows).map_err(|source| ReportError::Table {
            origin: self.path.display().to_string(),
            source: Box::new(source),
        })
    }

    fn data_set(
        &self,
        name: &str,
        column: usize,
        text: &str,
        names: &[&str],
    ) -> Result<DataSet, ReportError> {
        let n = text.parse::<u32>().ok().filter(|&n| n > 0).ok_or_else(|| {
            let at = self.at(1, Some(&format!("{} (`{name}`)", column + 2)));
            self.shape("a positive whole number of images", format!("`{text}`"), at)
        })?;
        Ok(DataSet {
            name: name.to_owned(),
            n: u64::from(n),
            label_space: None,
            same_images_as: relabelled(name, names.iter().copied()),
        })
    }

    fn cell(&self, row: usize, set: &DataSet, text: &str) -> Result<Option<Cell>, ReportError> {
        let Some(cell) = published(text, set.n) else {
            return Ok(None);
        };
        cell.map(Some).map_err(|source| ReportError::Cell {
            path: self.path.to_owned(),
            at: self.at(row, Some(&format!("`{}`", set.name))),
            source: Box::new(source),
        })
    }

    /// Refuses a table of fractions.
    fn percent(&self, rows: &[Vec<Option<Cell>>]) -> Result<(), ReportError> {
        let cells = || rows.iter().flatten().flatten();
        if cells().all(|cell| cell.percent() <= 1.0) && cells().any(|cell| cell.percent() > 0.0) {
            let found = "no cell above 1; multiply fractions by 100".to_owned();
            return Err(self.shape("percent", found, "all rows"));
        }
        Ok(())
    }

    /// A note on percentages that no whole number of the images gives, however it is rounded: a wrong `n`, or a mean
    /// over runs.
    pub(super) fn impossible(&self) -> Option<String> {
        let (header, counts) = (self.records.first()?, self.records.get(1)?);
        let mut found = Vec::new();
        for record in self.records.iter().skip(2) {
            for (column, text) in record.iter().enumerate().skip(1) {
                let n: u64 = counts.get(column)?.parse().ok()?;
                let Some(cell) = published(text, n).and_then(Result::ok) else {
                    continue;
                };
                let (n, percent) = (n as f64, cell.percent());
                let nearest = 100.0 * (percent * n / 100.0).round() / n;
                if (nearest - percent).abs() > cell.rounding() + 1e-9 {
                    found.push(format!("{} on {} {text}", &record[0], header.get(column)?));
                }
            }
        }
        let (named, rest) = found.split_at(found.len().min(5));
        let more = match rest.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        (!named.is_empty()).then(|| {
            format!(
                "No whole number of the images in row `n` gives these percentages: {}{more}. Check `n`, or take them as \
                 means over several runs.",
                named.join(", ")
            )
        })
    }

    /// Refuses a framework that stands in two rows.
    fn names(&self, frameworks: &[String]) -> Result<(), ReportError> {
        let Some((first, second)) = repeated(frameworks) else {
            return Ok(());
        };
        let at = format!(
            "rows {} and {}",
            self.line(first + 2),
            self.line(second + 2)
        );
        let found = format!("`{}` twice", frameworks[first]);
        Err(self.shape("each framework once", found, at))
    }

    fn record(&self, row: usize, expected: &str) -> Result<&StringRecord, ReportError> {
        let end = || {
            self.shape(
                expected,
                "the end of the file".to_owned(),
                format!("row {}", row + 1),
            )
        };
        self.records.get(row).ok_or_else(end)
    }

    fn width(&self, row: usize, data_sets: usize) -> Result<(), ReportError> {
        let found = self.records[row].len();
        if found == data_sets + 1 {
            return Ok(());
        }
        let expected = format!("{} cells as in the header", data_sets + 1);
        Err(self.shape(&expected, found.to_string(), self.at(row, None)))
    }

    /// Place in the file: the line, the framework, the column.
    fn at(&self, row: usize, column: Option<&str>) -> String {
        let line = self.line(row);
        let name = self.records[row].get(0).unwrap_or_default();
        let column = column.map_or_else(String::new, |column| format!(", column {column}"));
        format!("row {line} (`{name}`){column}")
    }

    /// Line of the file, counted from 1.
    fn line(&self, row: usize) -> u64 {
        let Some(position) = self.records[row].position() else {
            return row as u64 + 1;
        };
        // A record's position is before the blank lines that it follows.
        let text = self
            .text
            .get(position.byte() as usize..)
            .unwrap_or_default();
        let blank = text
            .iter()
            .take_while(|&&byte| matches!(byte, b'\n' | b'\r'));
        position.line() + blank.filter(|&&byte| byte == b'\n').count() as u64
    }

    fn shape(&self, expected: &str, found: String, at: impl Into<String>) -> ReportError {
        ReportError::Shape {
            path: self.path.to_owned(),
            expected: expected.to_owned(),
            found,
            at: at.into(),
        }
    }
}

/// A cell as it is printed; `None` where it is missing.
fn published(text: &str, n: u64) -> Option<Result<Cell, AggregateError>> {
    if MISSING.contains(&text) {
        return None;
    }
    let printed = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len() as u32);
    // An exponent leaves open how many decimals are printed; the digits that count are then the best guess.
    let decimals = |percent: Decimal| {
        if text.contains(['e', 'E']) {
            percent.scale()
        } else {
            printed
        }
    };
    Some(match text.strip_prefix('-') {
        Some(_) => Err(AggregateError::OutOfRange {
            text: text.to_owned(),
        }),
        None => {
            Decimal::parse(text).and_then(|percent| Cell::published(percent, decimals(percent), n))
        }
    })
}

/// First two places that hold the same name.
fn repeated<T: AsRef<str>>(names: &[T]) -> Option<(usize, usize)> {
    let mut seen = std::collections::HashMap::new();
    let mut names = names.iter().enumerate();
    names.find_map(|(index, name)| {
        let first = seen.insert(name.as_ref(), index)?;
        Some((first, index))
    })
}
