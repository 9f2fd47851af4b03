//! A table of published accuracies: CSV, first column `framework`, one column per data set in percent, first row `n`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;

use super::Input;
use super::annotations::{data_set_columns, kept};
use super::rows::is_baseline;
use super::table_rows::Rows;
use crate::ReportError;
use crate::names::printable;

/// Reads a table of accuracies in percent.
///
/// Percentages are kept as the decimals they are written as. An empty cell, `-` or `NA` is missing.
///
/// # Errors
/// [`ReportError`] with row and column for ragged rows, numbers that are none or out of range, `n` that is no positive
/// whole number, names that repeat and a table without results.
pub fn read_table(path: &Path) -> Result<Input, ReportError> {
    let read = |source| ReportError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(read)?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let records = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text)
        .into_records()
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| ReportError::Csv {
            path: path.to_owned(),
            source,
        })?;
    let records = without_annotations(clean(path, records)?);
    let rows = Rows {
        path,
        text,
        records: &records,
    };
    let table = rows.table()?;
    let (table, baselines) = table
        .split(is_baseline)
        .map_err(|source| ReportError::Table {
            origin: path.display().to_string(),
            source: Box::new(source),
        })?;
    let name = printable(&path.file_stem().unwrap_or_default().to_string_lossy());
    let provenance = vec![("table".to_owned(), path.display().to_string())];
    let outcomes = vec![None; table.data_sets().len()];
    Ok(Input {
        title: name,
        table,
        baselines,
        outcomes,
        variance: Vec::new(),
        checkpoints: None,
        verification: Vec::new(),
        study: None,
        provenance,
        notes: rows.impossible().into_iter().collect(),
    })
}

/// The records without the columns that a report adds to its own CSV.
fn without_annotations(records: Vec<StringRecord>) -> Vec<StringRecord> {
    let [header, counts, ..] = &records[..] else {
        return records;
    };
    let width = header.len();
    if counts.len() != width || !counts[0].eq_ignore_ascii_case("n") {
        return records;
    }
    let columns = data_set_columns(header, counts);
    if columns.len() + 1 == width {
        return records;
    }
    let all = records.iter();
    all.map(|record| kept(record, width, &columns)).collect()
}

/// The records with names in one spelling and without anything that acts on a terminal; a leading `'`, which keeps
/// spreadsheets from computing a name, is taken off.
fn clean(path: &Path, records: Vec<StringRecord>) -> Result<Vec<StringRecord>, ReportError> {
    let text = |(place, text): (usize, &str), row: usize| {
        if text.contains('\0') {
            return Err(ReportError::Shape {
                path: path.to_owned(),
                expected: "text".to_owned(),
                found: "a NUL character; save the table as CSV in UTF-8".to_owned(),
                at: format!("row {}, column {}", row + 1, place + 1),
            });
        }
        let lines = text.contains(['\n', '\r']);
        let text = if lines {
            text.to_owned()
        } else {
            printable(text)
        };
        Ok(match text.strip_prefix('\'') {
            Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest.to_owned(),
            _ => text,
        })
    };
    let record = |(row, record): (usize, StringRecord)| {
        let fields = record.iter().enumerate().map(|field| text(field, row));
        let mut cleaned = fields.collect::<Result<StringRecord, _>>()?;
        cleaned.set_position(record.position().cloned());
        Ok(cleaned)
    };
    records.into_iter().enumerate().map(record).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Input, ReportError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_table(file.path())
    }

    #[test]
    fn reads_percent_with_holes_and_a_byte_order_mark() {
        let input =
            read("\u{feff}framework, val ,real\nn,50,40\n\"a, b\",59.80,\nc,0,100\n").unwrap();
        let table = input.table;
        assert_eq!(table.frameworks(), ["a, b", "c"]);
        assert_eq!(table.cell(0, 0).unwrap().fraction(), (598, 1000));
        assert_eq!(table.cell(0, 0).unwrap().rounding(), 0.005);
        assert_eq!(table.missing(), [(0, 1)]);
        assert_eq!(table.data_sets()[1].same_images_as.as_deref(), Some("val"));
    }

    #[test]
    fn percentages_that_no_count_gives_are_named() {
        let notes = |text| read(text).unwrap().notes.join(" ");
        let found = notes("framework,val,v2\nn,30,1000\na,33.3,50.1\nb,33.0,50.15\n");
        assert!(
            found.contains("b on val 33.0") && found.contains("b on v2 50.15"),
            "{found}"
        );
        assert!(!found.contains("a on"), "{found}");
        let exact = "framework,val\nn,1000\na,27.700000000000003\nb,50\n";
        assert_eq!(notes(exact), "");
    }

    #[test]
    fn csv_names_like_formulas_round_trip() {
        let input = read("framework,val\nn,10\n'=1+1,10\n'tis,20\n").unwrap();
        assert_eq!(input.table.frameworks(), ["=1+1", "'tis"]);
    }

    #[test]
    fn an_exponent_is_no_printed_decimal() {
        let input = read("framework,val\nn,50\na,1.25e1\nb,5e-05\n").unwrap();
        let rounding = |row| input.table.cell(row, 0).unwrap().rounding();
        assert_eq!(input.table.cell(0, 0).unwrap().fraction(), (125, 1000));
        assert_eq!((rounding(0), rounding(1)), (0.05, 0.000_005));
    }

    #[test]
    fn faults_are_named_by_row_and_column() {
        let two = "n,10,10\na,1,2\n";
        for (text, expected) in [
            ("".to_owned(), "found the end of the file"),
            (
                "model,val\nn,1\n".to_owned(),
                "expected `framework`, found `model`",
            ),
            (
                "framework,val\na,1\nb,2\n".to_owned(),
                "expected a first row `n` with image counts, found `a`",
            ),
            (
                "framework,val,v2\nn,0,10\na,1,2\nb,1,2\n".to_owned(),
                "found `0`",
            ),
            (
                "framework,val,v2\nn,1.5,10\na,1,2\nb,1,2\n".to_owned(),
                "row 2 (`n`), column 2 (`val`)",
            ),
            (
                format!("framework,val,v2\n{two}b,1\n"),
                "expected 3 cells as in the header, found 2",
            ),
            (format!("framework,val,v2\n{two}b,1,2,3\n"), "row 4 (`b`)"),
            (
                format!("framework,val,v2\n{two}b,x,2\n"),
                "expected a decimal number, found `x`",
            ),
            (
                format!("framework,val,v2\n{two}b,1,101\n"),
                "row 4 (`b`), column `v2`",
            ),
            (
                format!("framework,val,v2\n{two}b,-3,2\n"),
                "between 0 and 100 percent, found -3",
            ),
            (format!("framework,val,v2\n{two}b,nan,2\n"), "found `nan`"),
            (
                "framework,val,v2\nn,10,10\n".to_owned(),
                "at least one framework with results, found 0 (",
            ),
            (
                format!("framework,val,v2\n{two}\na,1,2\n"),
                "each framework once, found `a` twice (",
            ),
            (
                format!("framework,val,v2\n{two}\na,1,2\n"),
                ", rows 3 and 5)",
            ),
            ("framework,val,v2\nn,10,10\nb,,-\n".to_owned(), "found 0 ("),
            (
                "framework,val,v2\nn,10,10\nb,,-\n".to_owned(),
                ", row 3 (`b`) is the last)",
            ),
            (
                format!("framework,val,v2\n{two}b,1,\"2\nc,3,4\"\n"),
                "found a line break in quotes",
            ),
            (
                "framework,val\nn,4294967296\na,1\nb,2\n".to_owned(),
                "found `4294967296`",
            ),
            (
                format!("framework,val,val\n{two}b,1,2\n"),
                ", row 1, columns 2 and 3)",
            ),
            (format!("framework,,v2\n{two}b,1,2\n"), "row 1, column 2"),
            (
                "framework,val,v2\nn,10,10\na,0.5,0.25\nb,0.75,1\n".to_owned(),
                "expected percent, found no cell above 1; multiply fractions by 100",
            ),
            (
                "framework,val\nn,10\nr\u{e9}seau,1\nre\u{301}seau,2\n".to_owned(),
                "`r\u{e9}seau` twice",
            ),
            (
                "framework,val\nn,10\na\0b,1\nc,2\n".to_owned(),
                "row 3, column 1",
            ),
            (
                format!("framework,val,v2\n{two}b,\u{1b}[2J,2\n"),
                "found `\\u{1b}[2J`",
            ),
        ] {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
