//! Results as they come from an evaluation, one per framework and data set.

use super::{AggregateError, Cell, DataSet, Table};

/// One evaluated cell with everything that decides whether it may stand beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Row of the table.
    pub framework: String,
    /// Column of the table.
    pub data_set: String,
    /// Classes the prediction was taken from, such as `full-1000` or `subset-200`.
    pub label_space: String,
    /// Evaluation protocol, such as `linear-shared`.
    pub protocol: String,
    /// Images counted as correct.
    pub correct: u64,
    /// Images scored.
    pub n: u64,
    /// Another data set made of the same images with other labels.
    pub same_images_as: Option<String>,
}

impl Record {
    fn place(&self) -> String {
        format!(
            "framework `{}`, data set `{}`",
            self.framework, self.data_set
        )
    }
}

impl Table {
    /// Arranges records into a table; rows and columns in order of first appearance.
    ///
    /// # Errors
    /// [`AggregateError::Mixed`] if protocols differ, or label spaces within a data set;
    /// [`AggregateError::DifferentN`], [`AggregateError::DuplicateCell`] and the faults of [`Cell::counted`].
    pub fn from_records(records: &[Record]) -> Result<Self, AggregateError> {
        let mut frameworks: Vec<String> = Vec::new();
        let mut columns: Vec<&Record> = Vec::new();
        let mut placed: Vec<(usize, usize, Cell)> = Vec::new();
        for record in records {
            if let Some(first) = records.first() {
                same(
                    "protocol",
                    (first.protocol.as_str(), first),
                    (record.protocol.as_str(), record),
                )?;
            }
            let row = position(&mut frameworks, &record.framework);
            let column = match columns
                .iter()
                .position(|first| first.data_set == record.data_set)
            {
                Some(column) => column,
                None => {
                    columns.push(record);
                    columns.len() - 1
                }
            };
            let first = columns[column];
            same(
                "label space",
                (first.label_space.as_str(), first),
                (record.label_space.as_str(), record),
            )?;
            if first.n != record.n {
                return Err(AggregateError::DifferentN {
                    data_set: record.data_set.clone(),
                    other: first.framework.clone(),
                    expected: first.n,
                    framework: record.framework.clone(),
                    found: record.n,
                });
            }
            if placed.iter().any(|&(r, c, _)| (r, c) == (row, column)) {
                return Err(AggregateError::DuplicateCell {
                    framework: record.framework.clone(),
                    data_set: record.data_set.clone(),
                });
            }
            let cell =
                Cell::counted(record.correct, record.n).map_err(|fault| AggregateError::Cell {
                    framework: record.framework.clone(),
                    data_set: record.data_set.clone(),
                    fault: Box::new(fault),
                })?;
            placed.push((row, column, cell));
        }
        let mut rows = vec![vec![None; columns.len()]; frameworks.len()];
        for (row, column, cell) in placed {
            rows[row][column] = Some(cell);
        }
        let data_sets = columns.iter().map(|first| DataSet {
            name: first.data_set.clone(),
            n: first.n,
            label_space: Some(first.label_space.clone()),
            same_images_as: first.same_images_as.clone(),
        });
        let protocol = records.first().map(|record| record.protocol.clone());
        Self::try_new(protocol, data_sets.collect(), frameworks, rows)
    }
}

fn position(names: &mut Vec<String>, name: &str) -> usize {
    names
        .iter()
        .position(|known| known == name)
        .unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
}

fn same(
    what: &'static str,
    (first, first_record): (&str, &Record),
    (second, second_record): (&str, &Record),
) -> Result<(), AggregateError> {
    if first == second {
        return Ok(());
    }
    Err(AggregateError::Mixed {
        what,
        first: first.to_owned(),
        first_at: first_record.place(),
        second: second.to_owned(),
        second_at: second_record.place(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn record(framework: &str, data_set: &str, correct: u64, n: u64) -> Record {
        Record {
            framework: framework.to_owned(),
            data_set: data_set.to_owned(),
            label_space: "full-1000".to_owned(),
            protocol: "linear-shared".to_owned(),
            correct,
            n,
            same_images_as: None,
        }
    }

    #[test]
    fn records_fill_the_table_and_leave_holes() {
        let records = [
            record("a", "val", 3, 4),
            record("b", "v2", 1, 2),
            record("b", "val", 2, 4),
        ];
        let table = Table::from_records(&records).unwrap();
        assert_eq!(table.frameworks(), ["a", "b"]);
        assert_eq!(table.cell(1, 0), Some(Cell::counted(2, 4).unwrap()));
        assert_eq!(table.missing(), [(0, 1)]);
        assert_eq!(table.complete_rows(&[0, 1]), [1]);
        assert_eq!(table.protocol(), Some("linear-shared"));
    }

    #[test]
    fn mixed_protocols_and_label_spaces_are_refused_by_name() {
        let mut records = [record("a", "r", 3, 4), record("b", "r", 2, 4)];
        records[1].protocol = "knn".to_owned();
        let message = Table::from_records(&records).unwrap_err().to_string();
        assert!(
            message.contains("one protocol")
                && message.contains("`knn` (framework `b`, data set `r`)")
        );
        records[1].protocol = "linear-shared".to_owned();
        records[1].label_space = "subset-200".to_owned();
        let message = Table::from_records(&records).unwrap_err().to_string();
        assert!(message.contains("one label space") && message.contains("subset-200"));
    }

    #[test]
    fn impossible_records_are_refused_by_name() {
        let twice = [
            record("a", "r", 3, 4),
            record("b", "r", 2, 4),
            record("b", "r", 2, 4),
        ];
        assert!(matches!(
            Table::from_records(&twice),
            Err(AggregateError::DuplicateCell { .. })
        ));
        let sizes = [record("a", "r", 3, 4), record("b", "r", 2, 5)];
        assert_eq!(
            Table::from_records(&sizes).unwrap_err().to_string(),
            "expected n = 4 as for `a`, found 5 (framework `b`, data set `r`)"
        );
        let alone = [record("a", "r", 3, 4)];
        assert_eq!(
            Table::from_records(&alone),
            Err(AggregateError::TooFewFrameworks { found: 1 })
        );
    }
}
