//! The lines of a manifest, as text.

use serde_json::Value;

/// One image of a list.
#[derive(Debug)]
pub(super) struct Row {
    /// Line of the file, from 1.
    pub line: u32,
    pub path: Box<str>,
    pub label: Box<str>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// With a header; the byte parts the fields.
    Table(u8),
    /// One JSON object per line.
    Lines,
}

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the rows; a byte order mark is passed over, and so are other columns.
pub(super) fn parse(bytes: &[u8], form: Form) -> Result<Vec<Row>, String> {
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let rows = match form {
        Form::Table(delimiter) => table(bytes, delimiter),
        Form::Lines => lines(bytes),
    }?;
    for row in &rows {
        if row.path.is_empty() {
            return Err(format!(
                "line {}: expected a path, found an empty one",
                row.line
            ));
        }
    }
    Ok(rows)
}

fn table(bytes: &[u8], delimiter: u8) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(bytes);
    let headers = reader.headers().map_err(|e| sentence(&e))?;
    let headers: Vec<String> = headers.iter().map(|h| h.trim().to_owned()).collect();
    let column = |name: &str| {
        let mut places = headers.iter().enumerate().filter(|(_, h)| *h == name);
        match (places.next(), places.next()) {
            (Some((at, _)), None) => Ok(at),
            _ => Err(format!(
                "line 1: expected one column `path` and one `label`, parted by {}, found {}; name them so",
                if delimiter == b'\t' { "tabs" } else { "commas" },
                headers
                    .iter()
                    .map(|h| format!("`{h}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    };
    let (path, label) = (column("path")?, column("label")?);
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|e| sentence(&e))?;
            let text = |at: usize| record.get(at).unwrap_or_default();
            Ok(Row {
                line: record.position().map_or(0, |at| at.line() as u32),
                path: text(path).into(),
                label: text(label).trim().into(),
            })
        })
        .collect()
}

fn sentence(error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!(
            "line {line}: expected {expected_len} fields, found {len} (a path with a comma in it has to be quoted)"
        ),
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: expected text in UTF-8"),
        _ => format!("line {line}: {error}"),
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (at, line) in bytes.split(|&b| b == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = object(line).map_err(|message| format!("line {}: {message}", at + 1))?;
        rows.push(Row {
            line: at as u32 + 1,
            ..row
        });
    }
    Ok(rows)
}

fn object(line: &[u8]) -> Result<Row, String> {
    let line = std::str::from_utf8(line).map_err(|_| "expected text in UTF-8".to_owned())?;
    let value: Value = serde_json::from_str(line)
        .map_err(|e| format!("expected an object with `path` and `label`, found no JSON: {e}"))?;
    let path = match value.get("path") {
        Some(Value::String(path)) => path.as_str().into(),
        other => return Err(format!("expected a text as `path`, found {}", found(other))),
    };
    let label = match value.get("label") {
        Some(Value::String(label)) => label.trim().into(),
        Some(Value::Number(label)) => label.to_string().into(),
        other => {
            return Err(format!(
                "expected the name or the number of a class as `label`, found {}; write it as a text (\"…\") or as 0, 1, 2, …",
                found(other)
            ));
        }
    };
    Ok(Row {
        line: 0,
        path,
        label,
    })
}

fn found(value: Option<&Value>) -> String {
    value.map_or("none".to_owned(), |value| format!("`{value}`"))
}
