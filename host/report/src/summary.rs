//! The table of a report on a terminal: what stands in it.

use super::columns::{Column, blocks};
use super::names::shortened;
use ssl_aggregate::{
    Aggregate, ApartRow, Cell, Pool, Rank, Scores, Table, Verification, aggregate, ranks,
    weighted_spread,
};

/// Names longer than this lose their middle.
const LONGEST_NAME: usize = 24;

/// The columns behind the data sets.
const AGGREGATES: [(&str, Aggregate); 3] = [
    ("w.avg", Aggregate::Weighted),
    ("g.mean", Aggregate::Geometric),
    ("rank", Aggregate::MeanRank),
];

/// Which rows cannot be told apart from the best, by data set and by aggregate.
pub(super) struct Near<'a> {
    /// `(data set, row)`
    pub(super) on: &'a dyn Fn(usize, usize) -> bool,
    /// `(aggregate, row)`
    pub(super) by: &'a dyn Fn(Aggregate, usize) -> bool,
}

/// Rows beside what the authors of their backbones report.
pub struct Verified<'a> {
    /// All numbers.
    pub all: &'a [Verification],
    /// Points within which a row counts as verified.
    pub points: f64,
}

impl Verified<'_> {
    /// The largest deviation of a row, and whether all of its numbers are verified.
    fn cell(&self, row: &str) -> String {
        let own = self.all.iter().filter(|it| it.framework == row);
        let worst = own.max_by(|a, b| a.deviation().abs().total_cmp(&b.deviation().abs()));
        worst.map_or_else(
            || "–".to_owned(),
            |it| {
                let verdict = if it.within(self.points) { "yes" } else { "no" };
                format!("{verdict} {:+.1}", it.deviation())
            },
        )
    }
}

/// One row per framework, best weighted average first: accuracy per data set, weighted average, geometric mean, mean
/// rank, where runs are repeated how often and how far they spread, and where published numbers are known whether they are
/// met. Baselines stand below. The best of each column carries a `*`.
#[must_use]
pub fn summary(table: &Table, baselines: &[ApartRow], verified: &Verified<'_>) -> String {
    render(table, baselines, None, verified)
}

/// The same, with a `~` on what cannot be told apart from the best.
pub(super) fn render(
    table: &Table,
    baselines: &[ApartRow],
    near: Option<&Near<'_>>,
    verified: &Verified<'_>,
) -> String {
    let (names, columns) = columns(table, baselines, near, verified);
    let together = columns.split_at(table.data_sets().len());
    let mut text = blocks(&names, together.0, together.1);
    text.push('\n');
    if table.frameworks().len() > 1 {
        text.push_str("* best of its column");
        if near.is_some() {
            text.push_str("; ~ cannot be told apart from it (Holm)");
        }
        text.push_str("; ");
    }
    text.push_str("percent\nw.avg weighted average, g.mean geometric mean, rank mean rank\n");
    if table.repeats() {
        text.push_str("runs seeds × heads, sd standard deviation of w.avg between seeds\n");
    }
    if !verified.all.is_empty() {
        text.push_str(&format!(
            "verified points from the published accuracy, and whether they are at most {}\n",
            verified.points
        ));
    }
    let missing = table.missing().len();
    if missing > 0 {
        let cells = if missing == 1 { "cell" } else { "cells" };
        text.push_str(&format!(
            "{missing} missing {cells} (–): a framework without all data sets has no aggregate\n"
        ));
    }
    text
}

/// Names of the rows in the order printed, and all columns in that order.
fn columns(
    table: &Table,
    baselines: &[ApartRow],
    near: Option<&Near<'_>>,
    verified: &Verified<'_>,
) -> (Vec<String>, Vec<Column>) {
    let pool = Pool::all(table);
    let scores = AGGREGATES.map(|(title, kind)| (title, aggregate(table, &pool.data_sets, kind)));
    let weighted = &scores[0].1;
    let mut order = weighted.order();
    order.extend((0..table.frameworks().len()).filter(|&row| weighted.ranks[row].is_none()));
    let below = |cells: &mut Vec<String>, of: &dyn Fn(&ApartRow) -> String| {
        cells.extend(baselines.iter().map(of));
    };
    // The best of one says nothing.
    let best = |rank: Option<Rank>| rank.filter(|_| table.frameworks().len() > 1);
    let data_set = |&set: &usize| {
        let ranks = ranks(table, set);
        let percent = |row: usize| table.cell(row, set).as_ref().map(Cell::percent);
        let near = |row: usize| near.is_some_and(|near| (near.on)(set, row));
        let cells = order.iter();
        let mut cells: Vec<String> = cells
            .map(|&row| marked(percent(row), best(ranks[row]), near(row), 1))
            .collect();
        below(&mut cells, &|(_, cells)| {
            marked(cells[set].as_ref().map(Cell::percent), None, false, 1)
        });
        Column {
            title: table.data_sets()[set].name.clone(),
            cells,
        }
    };
    let score = |(title, scores): &(&str, Scores)| {
        let near = |row| near.is_some_and(|near| (near.by)(scores.aggregate, row));
        let cells = order.iter();
        let mut cells: Vec<String> = cells
            .map(|&row| marked(scores.values[row], best(scores.ranks[row]), near(row), 2))
            .collect();
        below(&mut cells, &|_| String::new());
        Column {
            title: (*title).to_owned(),
            cells,
        }
    };
    let of_rows = |title: &str, cell: &dyn Fn(usize) -> String| {
        let mut cells: Vec<String> = order.iter().map(|&row| cell(row)).collect();
        below(&mut cells, &|_| String::new());
        Column {
            title: title.to_owned(),
            cells,
        }
    };
    let mut columns: Vec<Column> = pool.data_sets.iter().map(data_set).collect();
    columns.extend(scores.iter().map(score));
    if table.repeats() {
        columns.push(of_rows("runs", &|row| {
            let runs = table.runs(row);
            format!("{}×{}", runs.seeds, runs.heads)
        }));
        columns.push(of_rows("sd", &|row| {
            let spread = weighted_spread(table, row).filter(|_| table.runs(row).seeds > 1);
            spread.map_or_else(|| "–".to_owned(), |it| format!("{:.2}", it.variance.sqrt()))
        }));
    }
    if !verified.all.is_empty() {
        columns.push(of_rows("verified", &|row| {
            verified.cell(&table.frameworks()[row])
        }));
    }
    let names = order
        .iter()
        .map(|&row| shortened(&table.frameworks()[row], LONGEST_NAME));
    let below = baselines
        .iter()
        .map(|(name, _)| format!("{} (baseline)", shortened(name, LONGEST_NAME)));
    (names.chain(below).collect(), columns)
}

fn marked(value: Option<f64>, rank: Option<Rank>, near: bool, decimals: usize) -> String {
    let mark = match rank {
        Some(rank) if rank.min == 1 => "*",
        Some(_) if near => "~",
        _ => " ",
    };
    value.map_or_else(
        || "– ".to_owned(),
        |value| format!("{value:.decimals$}{mark}"),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use ssl_aggregate::{DataSet, TableEntry};

    /// No published numbers.
    const UNKNOWN: Verified<'static> = Verified {
        all: &[],
        points: 1.0,
    };

    fn record(framework: &str, data_set: &str, correct: u64) -> TableEntry {
        TableEntry {
            framework: framework.to_owned(),
            data_set: data_set.to_owned(),
            label_space: "full-10".to_owned(),
            protocol: "knn".to_owned(),
            correct,
            n: 1000,
            same_images_as: None,
            seed: 0,
            head: String::new(),
        }
    }

    #[test]
    fn summary_table_is_sorted_marked_and_within_its_width() {
        let mut records = Vec::new();
        for data_set in ["val", "real", "v2", "rendition", "sketch", "adversarial"] {
            records.push(record("barlow", data_set, 512));
            records.push(record("deepcluster-multicrop", data_set, 700));
            records.push(record("simclr", data_set, 600));
        }
        let text = summary(&Table::from_entries(&records).unwrap(), &[], &UNKNOWN);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("deepcluster") < place("simclr") && place("simclr") < place("barlow"));
        assert_eq!(text.matches("70.0*").count(), 6);
        assert_eq!(text.matches("70.00*").count(), 2);
        assert!(text.contains("1.00*") && text.contains("51.2 "));
    }

    #[test]
    fn summary_table_moves_wide_parts_below() {
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
        let text = summary(&Table::from_entries(&records).unwrap(), &[], &UNKNOWN);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
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
    fn missing_cells_are_dashes_with_a_note() {
        let records = [
            record("a", "val", 1),
            record("a", "v2", 2),
            record("b", "val", 3),
        ];
        let table = Table::from_entries(&records).unwrap();
        assert_eq!(
            table.data_sets()[1],
            DataSet {
                name: "v2".to_owned(),
                ..table.data_sets()[1].clone()
            }
        );
        let text = summary(&table, &[], &UNKNOWN);
        assert!(text.contains('–') && text.contains("1 missing cell "));
    }

    #[test]
    fn a_row_shows_the_worst_of_its_published_numbers() {
        let records = [
            record("a", "val", 731),
            record("b", "val", 700),
            record("c", "val", 1),
        ];
        let against = |framework: &str, measured: f64, published: f64| Verification {
            framework: framework.to_owned(),
            data_set: "val".to_owned(),
            protocol: "linear".to_owned(),
            measured,
            checkpoint: "x".to_owned(),
            published,
            source: "y".to_owned(),
        };
        let all = [
            against("a", 73.1, 74.3),
            against("a", 73.1, 73.0),
            against("b", 70.0, 70.2),
        ];
        let table = Table::from_entries(&records).unwrap();
        let text = summary(
            &table,
            &[],
            &Verified {
                all: &all,
                points: 1.0,
            },
        );
        let line = |row: &str| {
            let own = text.lines().find(|line| line.starts_with(row));
            own.unwrap().to_owned()
        };
        assert!(line("a ").ends_with("no -1.2"), "{text}");
        assert!(line("b ").ends_with("yes -0.2"), "{text}");
        assert!(line("c ").ends_with("–"), "{text}");
        assert!(text.contains("at most 1\n"), "{text}");
    }
}
