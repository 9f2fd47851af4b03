//! The table of a report on a terminal: what stands in it.

use super::columns::{Column, blocks};
use super::names::shortened;
use crate::aggregate::{Aggregate, Cell, Pool, Rank, Scores, Table, aggregate, ranks};

/// Names longer than this lose their middle.
const LONGEST_NAME: usize = 28;

/// The columns behind the data sets.
const AGGREGATES: [(&str, Aggregate); 3] = [
    ("w.avg", Aggregate::Weighted),
    ("g.mean", Aggregate::Geometric),
    ("rank", Aggregate::MeanRank),
];

/// One row per framework, best weighted average first: accuracy per data set, weighted average, geometric mean, mean
/// rank. The best of each column carries a `*`.
#[must_use]
pub fn summary(table: &Table) -> String {
    let (names, columns) = columns(table);
    let names: Vec<String> = names
        .iter()
        .map(|name| shortened(name, LONGEST_NAME))
        .collect();
    let together = columns.split_at(columns.len() - AGGREGATES.len());
    let mut text = blocks(&names, together.0, together.1);
    text.push_str("\n* best of its column; percent; w.avg weighted average, g.mean geometric mean, rank mean rank\n");
    let missing = table.missing().len();
    if missing > 0 {
        text.push_str(&format!(
            "{missing} missing cells (–): a framework without all data sets has no aggregate\n"
        ));
    }
    text
}

/// Names of the frameworks in the order printed, and all columns in that order.
fn columns(table: &Table) -> (Vec<&str>, Vec<Column>) {
    let pool = Pool::all(table);
    let scores = AGGREGATES.map(|(title, kind)| (title, aggregate(table, &pool.data_sets, kind)));
    let weighted = &scores[0].1;
    let mut order = weighted.order();
    order.extend((0..table.frameworks().len()).filter(|&row| weighted.ranks[row].is_none()));
    let data_set = |&set: &usize| {
        let ranks = ranks(table, set);
        let percent = |row: usize| table.cell(row, set).as_ref().map(Cell::percent);
        Column {
            title: table.data_sets()[set].name.clone(),
            cells: order
                .iter()
                .map(|&row| marked(percent(row), ranks[row], 1))
                .collect(),
        }
    };
    let aggregates = scores.iter().map(|(title, scores)| Column {
        title: (*title).to_owned(),
        cells: order.iter().map(|&row| score(scores, row)).collect(),
    });
    let columns = pool.data_sets.iter().map(data_set).chain(aggregates);
    let columns = columns.collect();
    let names = order.iter().map(|&row| table.frameworks()[row].as_str());
    (names.collect(), columns)
}

fn score(scores: &Scores, row: usize) -> String {
    marked(scores.values[row], scores.ranks[row], 2)
}

fn marked(value: Option<f64>, rank: Option<Rank>, decimals: usize) -> String {
    let best = if rank.is_some_and(|rank| rank.min == 1) {
        "*"
    } else {
        " "
    };
    value.map_or_else(
        || "– ".to_owned(),
        |value| format!("{value:.decimals$}{best}"),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::aggregate::{DataSet, Record};

    fn record(framework: &str, data_set: &str, correct: u64) -> Record {
        Record {
            framework: framework.to_owned(),
            data_set: data_set.to_owned(),
            label_space: "full-10".to_owned(),
            protocol: "knn".to_owned(),
            correct,
            n: 1000,
            same_images_as: None,
        }
    }

    #[test]
    fn best_first_marked_and_within_the_width() {
        let mut records = Vec::new();
        for data_set in ["val", "real", "v2", "rendition", "sketch", "adversarial"] {
            records.push(record("barlow", data_set, 512));
            records.push(record("deepcluster-multicrop", data_set, 700));
            records.push(record("simclr", data_set, 600));
        }
        let text = summary(&Table::from_records(&records).unwrap());
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("deepcluster") < place("simclr") && place("simclr") < place("barlow"));
        assert_eq!(text.matches("70.0*").count(), 6);
        assert_eq!(text.matches("70.00*").count(), 2);
        assert!(text.contains("1.00*") && text.contains("51.2 "));
    }

    #[test]
    fn what_does_not_fit_side_by_side_stands_below() {
        // Four sets fit into a block, so that the last one has room for all aggregates, some, or none.
        for sets in 17..=20 {
            stands_below(sets);
        }
    }

    fn stands_below(sets: usize) {
        let mut records = Vec::new();
        for set in 0..sets {
            for framework in [
                "a method whose name is rather long 1",
                "a method whose name is rather long 2",
            ] {
                let correct = if framework.ends_with('1') { 700 } else { 1000 };
                records.push(record(
                    framework,
                    &format!("a data set with a long name {set}"),
                    correct,
                ));
            }
        }
        let text = summary(&Table::from_records(&records).unwrap());
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        // Numbers stay whole, in blocks that each name the frameworks.
        assert_eq!(text.matches("100.0*").count(), sets, "{text}");
        assert_eq!(
            text.matches("framework ").count(),
            text.matches("long 1").count(),
            "{text}"
        );
        assert!(text.matches("long 2").count() > 1);
        // The aggregates stay side by side.
        let together = |line: &str| {
            ["framework", "w.avg", "g.mean", "rank"]
                .iter()
                .all(|it| line.contains(it))
        };
        assert!(text.lines().any(together), "{text}");
    }

    #[test]
    fn a_missing_cell_is_a_dash_and_said() {
        let records = [
            record("a", "val", 1),
            record("a", "v2", 2),
            record("b", "val", 3),
        ];
        let table = Table::from_records(&records).unwrap();
        assert_eq!(
            table.data_sets()[1],
            DataSet {
                name: "v2".to_owned(),
                ..table.data_sets()[1].clone()
            }
        );
        let text = summary(&table);
        assert!(text.contains('–') && text.contains("1 missing cells"));
    }
}
