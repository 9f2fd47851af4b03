//! Per-image predictions as Parquet: one file per test set, one row group per protocol, variant and
//! label space.
//!
//! | column | type | |
//! |---|---|---|
//! | `sample_id` | string | the same in every file of the data set |
//! | `labels` | list of int32 | all valid labels, possibly none |
//! | `protocol`, `variant`, `label_space` | string | constant within a row group |
//! | `prediction` | int32 | the best class; -1 where no neighbour votes for a class of the space |
//! | `top5` | list of int32 | the best classes, best first; for neighbours only those with a vote |
//! | `correct`, `correct_top5` | bool or null | null where the sample is not scored |
//!
//! The file's metadata has a digest of its sample ids in order ([`SAMPLES`]): files with the same one are
//! compared row by row without reading their ids, which are most of the bytes.

mod read;
mod write;

pub use read::{Flags, Group, Ids, read_flags, read_groups, read_outcomes, read_scored};
pub use write::{Part, write};

/// Metadata key of the digest of the sample ids: SHA-256 over each id followed by a zero byte, in hex.
pub const SAMPLES: &str = "samples_sha256";

/// Schema of the files; the order of the columns is what reader and writer rely on.
const SCHEMA: &str = "
message predictions {
  REQUIRED BYTE_ARRAY sample_id (STRING);
  REQUIRED GROUP labels (LIST) { REPEATED GROUP list { REQUIRED INT32 element; } }
  REQUIRED BYTE_ARRAY protocol (STRING);
  REQUIRED BYTE_ARRAY variant (STRING);
  REQUIRED BYTE_ARRAY label_space (STRING);
  REQUIRED INT32 prediction;
  REQUIRED GROUP top5 (LIST) { REPEATED GROUP list { REQUIRED INT32 element; } }
  OPTIONAL BOOLEAN correct;
  OPTIONAL BOOLEAN correct_top5;
}";

/// Positions of the columns in [`SCHEMA`].
mod column {
    pub(super) const SAMPLE_ID: usize = 0;
    pub(super) const PROTOCOL: usize = 2;
    pub(super) const VARIANT: usize = 3;
    pub(super) const LABEL_SPACE: usize = 4;
    pub(super) const CORRECT: usize = 7;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use parquet::basic::{Compression, ZstdLevel};
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::evaluate::{EvaluateError, FeatureSet, LabelSpace, Labels, Ranking, score};

    #[test]
    fn files_with_other_columns_are_refused_by_name() {
        use parquet::data_type::Int32Type;
        use parquet::file::writer::SerializedFileWriter;
        use std::sync::Arc;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign.parquet");
        let schema = "message other { REQUIRED INT32 sample_id; }";
        let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
        let mut rows = writer.next_row_group().unwrap();
        let mut column = rows.next_column().unwrap().unwrap();
        column
            .typed::<Int32Type>()
            .write_batch(&[1, 2], None, None)
            .unwrap();
        column.close().unwrap();
        rows.close().unwrap();
        writer.close().unwrap();
        let refused = read_groups(&path).unwrap_err().to_string();
        assert!(
            refused.contains("foreign.parquet") && refused.contains("sample_id"),
            "{refused}"
        );
    }

    #[test]
    fn predictions_round_trip_by_sample_id() {
        let rows = [vec![1], vec![], vec![0, 2], vec![2]];
        let labels = Labels::from_rows(rows, 6).unwrap();
        let ids = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/1.jpg.bak"].map(str::to_owned);
        let features = Tensor::zeros([4, 1], (Kind::Float, Device::Cpu));
        let set = FeatureSet::try_new("real", features, labels, ids.to_vec()).unwrap();
        let space = LabelSpace::Full { classes: 6 };
        let ranked = |rows: [[f32; 6]; 4]| {
            let mut ranking = Ranking::new(&space);
            for row in rows {
                ranking.push(&space, &row);
            }
            let score = score("real", &space, set.labels(), &ranking).unwrap();
            (ranking, score)
        };
        let first = ranked([
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 2.0, 0.0, 0.0, 0.0],
        ]);
        let second = ranked([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]; 4]);
        let part = |variant, (ranking, score): &(Ranking, _)| Part {
            protocol: "knn".to_owned(),
            variant,
            label_space: space.name().to_string(),
            ranking: ranking.clone(),
            score: Clone::clone(score),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("real.parquet");
        let parts = [
            part("k=1".to_owned(), &first),
            part("k=2".to_owned(), &second),
        ];
        write(&path, &set, &parts).unwrap();

        let groups = read_groups(&path).unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1].variant, "k=2");
        let outcomes = |variant: &str| -> Vec<Option<bool>> {
            let group = Group {
                variant: variant.to_owned(),
                ..groups[0].clone()
            };
            let read = read_outcomes(&path, &group).unwrap();
            assert!(read.iter().map(|(id, _)| id).eq(&ids));
            read.into_iter().map(|(_, correct)| correct).collect()
        };
        assert_eq!(outcomes("k=1"), [Some(true), None, Some(false), Some(true)]);
        assert_eq!(outcomes("k=2"), [Some(false), None, Some(true), Some(true)]);
        let flags = read_flags(&path, &groups[1]).unwrap();
        assert_eq!(flags.correct, [Some(false), None, Some(true), Some(true)]);
        // printf 'a/1.jpg\0a/2.jpg\0b/1.jpg\0b/1.jpg.bak\0' | sha256sum
        assert_eq!(
            flags.samples.as_deref(),
            Some("c8c1e102c5832d6750556b3ebe0f76c3f208c5627b7f49d410299595d25c1170")
        );

        // Those of other writers may be compressed.
        for compression in [Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
            let file = std::fs::File::create(&path).unwrap();
            write::write_parts(file, &set, &parts, compression).unwrap();
            assert_eq!(outcomes("k=1"), [Some(true), None, Some(false), Some(true)]);
        }
        let missing = Group {
            variant: "k=3".to_owned(),
            ..groups[0].clone()
        };
        assert!(matches!(
            read_outcomes(&path, &missing),
            Err(EvaluateError::File { .. })
        ));
    }

    #[test]
    fn truncated_predictions_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("val.parquet");
        std::fs::write(&path, b"PAR1 cut off").unwrap();
        assert!(matches!(
            read_groups(&path),
            Err(EvaluateError::Columns { .. })
        ));
        assert!(matches!(
            read_groups(&folder.path().join("none.parquet")),
            Err(EvaluateError::Io { .. })
        ));
    }
}
