//! Writing per-image predictions.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

use super::{SAMPLES, SCHEMA};
use crate::atomic::AtomicFile;
use crate::checksum::Tee;
use crate::digest::hex;
use crate::evaluate::{EvaluateError, FeatureSet, Ranking, Result, SampleOutcome, Score};

/// The predictions of one protocol, variant and label space.
#[derive(Clone, Debug)]
pub struct Part {
    /// Protocol id.
    pub protocol: String,
    /// Variant name.
    pub variant: String,
    /// Label space name.
    pub label_space: String,
    /// The ranked classes of every sample.
    pub ranking: Ranking,
    /// How they scored.
    pub score: Score,
}

/// Writes the predictions of one test set; the file appears whole or not at all. Gives back its
/// digest, by which a record knows its own file.
///
/// # Errors
/// [`EvaluateError::Io`] and [`EvaluateError::Columns`] name the file.
pub fn write(path: &Path, set: &FeatureSet, parts: &[Part]) -> Result<String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EvaluateError::io("create", folder))?;
    }
    let file = AtomicFile::create(path).map_err(EvaluateError::io("create", path))?;
    let mut file = Tee::new(file);
    write_parts(&mut file, set, parts, Compression::UNCOMPRESSED).map_err(|source| {
        EvaluateError::Columns {
            action: "write",
            path: path.to_owned(),
            source,
        }
    })?;
    let (file, digest) = file.finish();
    file.commit().map_err(EvaluateError::io("write", path))?;
    Ok(digest)
}

type Parquet<T> = std::result::Result<T, ParquetError>;

pub(super) fn write_parts<W: Write + Send>(
    file: W,
    set: &FeatureSet,
    parts: &[Part],
    compression: Compression,
) -> Parquet<()> {
    // Sample ids are all different and share prefixes: front coding beats a dictionary.
    let ids = ColumnPath::from("sample_id");
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_dictionary_enabled(ids.clone(), false)
        .set_column_encoding(ids, Encoding::DELTA_BYTE_ARRAY)
        .set_key_value_metadata(Some(vec![KeyValue::new(SAMPLES.to_owned(), digest(set))]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    for part in parts {
        let mut group = writer.next_row_group()?;
        write_part(&mut group, set, part)?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// See [`SAMPLES`].
fn digest(set: &FeatureSet) -> String {
    let mut hash = Sha256::new();
    for id in set.sample_ids() {
        hash.update(id);
        hash.update([0]);
    }
    hex(&hash.finalize())
}

fn write_part<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    set: &FeatureSet,
    part: &Part,
) -> Parquet<()> {
    let samples = set.len();
    let ids: Vec<ByteArray> = set
        .sample_ids()
        .iter()
        .map(|id| ByteArray::from(id.as_str()))
        .collect();
    let constant = |text: &str| vec![ByteArray::from(text); samples];
    let best: Vec<i32> = (0..samples)
        .map(|i| {
            part.ranking
                .get(i)
                .first()
                .map_or(-1, |&class| class as i32)
        })
        .collect();

    column::<_, ByteArrayType>(group, &ids, None, None)?;
    list(group, (0..samples).map(|i| set.labels().get(i)))?;
    column::<_, ByteArrayType>(group, &constant(&part.protocol), None, None)?;
    column::<_, ByteArrayType>(group, &constant(&part.variant), None, None)?;
    column::<_, ByteArrayType>(group, &constant(&part.label_space), None, None)?;
    column::<_, Int32Type>(group, &best, None, None)?;
    list(group, (0..samples).map(|i| part.ranking.get(i)))?;
    flags(group, &part.score.outcomes, |outcome| outcome.top1)?;
    flags(group, &part.score.outcomes, |outcome| outcome.top5)
}

fn column<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    definition: Option<&[i16]>,
    repetition: Option<&[i16]>,
) -> Parquet<()> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has too few columns".to_owned()))?;
    column
        .typed::<T>()
        .write_batch(values, definition, repetition)?;
    column.close()
}

fn list<'a, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: impl Iterator<Item = &'a [u32]>,
) -> Parquet<()> {
    let (mut values, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        if row.is_empty() {
            definition.push(0);
            repetition.push(0);
        }
        for (at, &value) in row.iter().enumerate() {
            values.push(value as i32);
            definition.push(1);
            repetition.push(i16::from(at > 0));
        }
    }
    column::<_, Int32Type>(group, &values, Some(&definition), Some(&repetition))
}

fn flags<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    outcomes: &[Option<SampleOutcome>],
    flag: fn(&SampleOutcome) -> bool,
) -> Parquet<()> {
    let values: Vec<bool> = outcomes.iter().flatten().map(flag).collect();
    let definition: Vec<i16> = outcomes.iter().map(|o| i16::from(o.is_some())).collect();
    column::<_, BoolType>(group, &values, Some(&definition), None)
}
