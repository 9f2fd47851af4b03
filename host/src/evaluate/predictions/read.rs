//! Reading per-image predictions back, for comparisons between frameworks.

use ssl_datasets::files::open_regular;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Type as PhysicalType;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;
use serde::{Deserialize, Serialize};

use super::{SAMPLES, SCHEMA, column};
use crate::evaluate::{EvaluateError, Result};

/// Names one row group of a predictions file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Protocol id.
    pub protocol: String,
    /// Variant name.
    pub variant: String,
    /// Label space name.
    pub label_space: String,
}

type Parquet<T> = std::result::Result<T, ParquetError>;

/// The row groups of a file, in order.
///
/// # Errors
/// [`EvaluateError::Io`] or [`EvaluateError::Columns`] with the file.
pub fn read_groups(path: &Path) -> Result<Vec<Group>> {
    let reader = open(path)?;
    let groups = (0..reader.num_row_groups()).map(|index| {
        let rows = reader.get_row_group(index)?;
        decoded(|| group(rows.as_ref()))
    });
    groups.collect::<Parquet<_>>().map_err(unreadable(path))
}

/// Sample id and whether the prediction was correct (`None` where it is not scored), in the order of
/// the data set.
///
/// # Errors
/// [`EvaluateError::File`] when the file has no such group, otherwise as [`read_groups`].
pub fn read_outcomes(path: &Path, wanted: &Group) -> Result<Vec<(String, Option<bool>)>> {
    read_group(path, wanted, outcomes)
}

/// Outcomes of a row group without the ids of their samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// Digest of the sample ids ([`SAMPLES`]); `None` in files of other writers.
    pub samples: Option<String>,
    /// Whether the prediction was correct; `None` where the sample is not scored.
    pub correct: Vec<Option<bool>>,
}

/// Outcomes in the order of the data set, which the digest names.
///
/// # Errors
/// As [`read_outcomes`].
pub fn read_flags(path: &Path, wanted: &Group) -> Result<Flags> {
    let samples = open(path)?
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == SAMPLES))
        .and_then(|pair| pair.value.clone());
    let correct = read_group(path, wanted, correct)?;
    Ok(Flags { samples, correct })
}

/// Ids and outcomes of the samples that are scored, in the order of the data set.
///
/// # Errors
/// As [`read_outcomes`].
pub fn read_scored(path: &Path, wanted: &Group) -> Result<(Ids, Vec<bool>)> {
    read_group(path, wanted, scored)
}

/// Sample ids in one piece of text; a report reads millions, and as many small strings would take longer than all
/// its statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    /// Adds an id behind the others.
    pub fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The ids in the order added.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(&start, &end)| &self.text[start..end])
    }
}

/// What `read` makes of the one row group that is wanted.
fn read_group<T>(
    path: &Path,
    wanted: &Group,
    read: impl Fn(&dyn RowGroupReader) -> Parquet<T>,
) -> Result<T> {
    let reader = open(path)?;
    for index in 0..reader.num_row_groups() {
        let rows = reader.get_row_group(index).map_err(unreadable(path))?;
        if decoded(|| group(rows.as_ref())).map_err(unreadable(path))? == *wanted {
            return decoded(|| read(rows.as_ref())).map_err(unreadable(path));
        }
    }
    Err(EvaluateError::File {
        expected: format!(
            "predictions of {} {} in {}",
            wanted.protocol, wanted.variant, wanted.label_space
        ),
        found: format!("{} other groups", reader.num_row_groups()),
        path: path.to_owned(),
    })
}

/// What a decoder makes of pages; some damaged ones make it panic.
fn decoded<T>(decode: impl FnOnce() -> Parquet<T>) -> Parquet<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        let words = "expected pages as the header announces them, found others";
        Err(ParquetError::General(words.to_owned()))
    })
}

fn unreadable(path: &Path) -> impl Fn(ParquetError) -> EvaluateError {
    move |source| EvaluateError::Columns {
        action: "read",
        path: path.to_owned(),
        source,
    }
}

fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    let file = open_regular(path).map_err(EvaluateError::io("read", path))?;
    let reader = SerializedFileReader::new(file).map_err(unreadable(path))?;
    let expected = parse_message_type(SCHEMA).map_err(unreadable(path))?;
    let expected = leaves(&SchemaDescriptor::new(Arc::new(expected)));
    let found = leaves(reader.metadata().file_metadata().schema_descr());
    if found == expected {
        return Ok(reader);
    }
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    Err(EvaluateError::File {
        expected: "the columns of predictions".to_owned(),
        found: format!("others ({})", names.join(", ")),
        path: path.to_owned(),
    })
}

/// Columns as they are read: by their places, types and levels.
fn leaves(schema: &SchemaDescriptor) -> Vec<(String, PhysicalType, i16, i16)> {
    let columns = schema.columns().iter();
    columns
        .map(|it| {
            let levels = (it.max_def_level(), it.max_rep_level());
            (it.path().string(), it.physical_type(), levels.0, levels.1)
        })
        .collect()
}

fn group(rows: &dyn RowGroupReader) -> Parquet<Group> {
    let text = |index: usize| -> Parquet<String> {
        let (values, _) = values::<ByteArrayType>(rows, index, 1)?;
        values.first().map_or(Ok(String::new()), to_text)
    };
    Ok(Group {
        protocol: text(column::PROTOCOL)?,
        variant: text(column::VARIANT)?,
        label_space: text(column::LABEL_SPACE)?,
    })
}

fn outcomes(rows: &dyn RowGroupReader) -> Parquet<Vec<(String, Option<bool>)>> {
    let (ids, _) = values::<ByteArrayType>(rows, column::SAMPLE_ID, count(rows))?;
    let outcomes = correct(rows)?;
    ids.iter()
        .map(to_text)
        .zip(outcomes)
        .map(|(id, outcome)| Ok((id?, outcome)))
        .collect()
}

fn correct(rows: &dyn RowGroupReader) -> Parquet<Vec<Option<bool>>> {
    let (values, defined) = values::<BoolType>(rows, column::CORRECT, count(rows))?;
    let mut values = values.into_iter();
    let outcome = |defined: i16| if defined > 0 { values.next() } else { None };
    Ok(defined.into_iter().map(outcome).collect())
}

fn count(rows: &dyn RowGroupReader) -> usize {
    usize::try_from(rows.metadata().num_rows()).unwrap_or(0)
}

fn scored(rows: &dyn RowGroupReader) -> Parquet<(Ids, Vec<bool>)> {
    let count = count(rows);
    let (all, _) = values::<ByteArrayType>(rows, column::SAMPLE_ID, count)?;
    let (correct, defined) = values::<BoolType>(rows, column::CORRECT, count)?;
    let mut ids = Ids::default();
    for (id, _) in all.iter().zip(defined).filter(|(_, defined)| *defined > 0) {
        ids.push(id.as_utf8()?);
    }
    Ok((ids, correct))
}

/// The first `count` values of a column and their definition levels.
fn values<T: DataType>(
    rows: &dyn RowGroupReader,
    index: usize,
    count: usize,
) -> Parquet<(Vec<T::T>, Vec<i16>)> {
    let mut reader = get_typed_column_reader::<T>(rows.get_column_reader(index)?);
    let (mut values, mut defined) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < count {
        let (records, _, _) =
            reader.read_records(count - read, Some(&mut defined), None, &mut values)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    Ok((values, defined))
}

fn to_text(bytes: &ByteArray) -> Parquet<String> {
    bytes.as_utf8().map(str::to_owned)
}
