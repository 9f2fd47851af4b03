//! Results as they come from an evaluation, one per run of a framework and data set.

use super::runs::{Runs, mean_cell};
use super::{AggregateError, DataSet, Table};

/// One evaluated cell with everything that decides whether it may stand beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
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
    /// Seed of the pretraining.
    pub seed: u64,
    /// The head within that seed, such as `seed=1`; a protocol without heads has one name for all.
    pub head: String,
}

impl TableEntry {
    fn place(&self) -> String {
        format!(
            "framework `{}`, data set `{}`",
            self.framework, self.data_set
        )
    }
}

/// `[seed][data set][head]` correct images of one framework.
type Counts = Vec<Vec<Vec<u64>>>;

impl Table {
    /// Arranges records into a table with one row per framework: the mean over seeds and over the heads of each seed.
    /// Rows and columns are in order of first appearance.
    ///
    /// # Errors
    /// [`AggregateError::Mixed`] if protocols differ, or label spaces within a data set;
    /// [`AggregateError::DifferentN`], [`AggregateError::DuplicateCell`] and the faults of
    /// [`Cell::mean`](super::Cell::mean).
    pub fn from_entries(records: &[TableEntry]) -> Result<Self, AggregateError> {
        let mut frameworks: Vec<String> = Vec::new();
        let mut columns: Vec<&TableEntry> = Vec::new();
        for record in records {
            if let Some(first) = records.first() {
                same(
                    "protocol",
                    (first.protocol.as_str(), first),
                    (record.protocol.as_str(), record),
                )?;
            }
            position(&mut frameworks, &record.framework);
            let known = columns
                .iter()
                .find(|first| first.data_set == record.data_set);
            let first = *known.unwrap_or(&record);
            if known.is_none() {
                columns.push(record);
            }
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
        }
        let n: Vec<u64> = columns.iter().map(|first| first.n).collect();
        let mut rows = Vec::new();
        let mut runs = Vec::new();
        for framework in &frameworks {
            let own = records
                .iter()
                .filter(|record| record.framework == *framework);
            let counts = counts(&own.collect::<Vec<_>>(), &columns)?;
            let cell = |(set, first): (usize, &&TableEntry)| {
                mean_cell(&counts, set, first.n).map_err(|fault| AggregateError::Cell {
                    framework: framework.clone(),
                    data_set: first.data_set.clone(),
                    fault: Box::new(fault),
                })
            };
            rows.push(
                columns
                    .iter()
                    .enumerate()
                    .map(cell)
                    .collect::<Result<Vec<_>, _>>()?,
            );
            runs.push(Runs::new(&counts, &n));
        }
        let data_sets = columns.iter().map(|first| DataSet {
            name: first.data_set.clone(),
            n: first.n,
            label_space: Some(first.label_space.clone()),
            same_images_as: first.same_images_as.clone(),
        });
        let protocol = records.first().map(|record| record.protocol.clone());
        Ok(Self::try_new(protocol, data_sets.collect(), frameworks, rows)?.with_runs(runs))
    }
}

/// Sorts one framework's records into seeds, data sets and heads.
fn counts(records: &[&TableEntry], columns: &[&TableEntry]) -> Result<Counts, AggregateError> {
    let mut seeds: Vec<u64> = records.iter().map(|record| record.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let mut heads: Vec<&str> = records.iter().map(|record| record.head.as_str()).collect();
    heads.sort_unstable();
    heads.dedup();
    let mut counts: Counts = vec![vec![Vec::new(); columns.len()]; seeds.len()];
    for (seed, sets) in seeds.iter().zip(&mut counts) {
        for (column, counts) in columns.iter().zip(sets) {
            for head in &heads {
                let mut found = records.iter().filter(|record| {
                    record.seed == *seed
                        && record.head == *head
                        && record.data_set == column.data_set
                });
                counts.extend(found.next().map(|record| record.correct));
                if let Some(again) = found.next() {
                    return Err(AggregateError::DuplicateCell {
                        framework: again.framework.clone(),
                        data_set: again.data_set.clone(),
                    });
                }
            }
        }
    }
    Ok(counts)
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
    (first, first_record): (&str, &TableEntry),
    (second, second_record): (&str, &TableEntry),
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
    use crate::Cell;

    fn record(framework: &str, data_set: &str, correct: u64, n: u64) -> TableEntry {
        TableEntry {
            framework: framework.to_owned(),
            data_set: data_set.to_owned(),
            label_space: "full-1000".to_owned(),
            protocol: "linear-shared".to_owned(),
            correct,
            n,
            same_images_as: None,
            seed: 0,
            head: String::new(),
        }
    }

    #[test]
    fn table_averages_seeds_and_heads_into_one_row() {
        let mut records = Vec::new();
        for (seed, head, correct) in [(0, "a", 40), (0, "b", 42), (1, "a", 44), (1, "b", 46)] {
            records.push(TableEntry {
                seed,
                head: head.to_owned(),
                ..record("x", "val", correct, 100)
            });
        }
        records.push(record("y", "val", 50, 100));
        let table = Table::from_entries(&records).unwrap();
        assert_eq!(table.frameworks(), ["x", "y"]);
        assert_eq!(table.cell(0, 0).unwrap().percent(), 43.0);
        let runs = [0, 1].map(|row| (table.runs(row).seeds, table.runs(row).heads));
        assert_eq!(runs, [(2, 2), (1, 1)]);
    }

    #[test]
    fn table_entries_fill_cells_and_leave_missing_ones_empty() {
        let records = [
            record("a", "val", 3, 4),
            record("b", "v2", 1, 2),
            record("b", "val", 2, 4),
        ];
        let table = Table::from_entries(&records).unwrap();
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
        let message = Table::from_entries(&records).unwrap_err().to_string();
        assert!(
            message.contains("one protocol")
                && message.contains("`knn` (framework `b`, data set `r`)")
        );
        records[1].protocol = "linear-shared".to_owned();
        records[1].label_space = "subset-200".to_owned();
        let message = Table::from_entries(&records).unwrap_err().to_string();
        assert!(message.contains("one label space") && message.contains("subset-200"));
    }

    #[test]
    fn impossible_table_entries_are_refused_by_name() {
        let twice = [
            record("a", "r", 3, 4),
            record("b", "r", 2, 4),
            record("b", "r", 2, 4),
        ];
        assert!(matches!(
            Table::from_entries(&twice),
            Err(AggregateError::DuplicateCell { .. })
        ));
        let sizes = [record("a", "r", 3, 4), record("b", "r", 2, 5)];
        assert_eq!(
            Table::from_entries(&sizes).unwrap_err().to_string(),
            "expected n = 4 as for `a`, found 5 (framework `b`, data set `r`)"
        );
        let alone = [record("a", "r", 3, 4)];
        assert_eq!(Table::from_entries(&alone).unwrap().frameworks(), ["a"]);
        assert_eq!(
            Table::from_entries(&alone).unwrap().split(|_| true),
            Err(AggregateError::NoFrameworks)
        );
    }
}
