//! The table as it goes into a paper, before it is Markdown, LaTeX or CSV.

use ssl_aggregate::{Aggregate, ApartRow, Cell, Rank};

use super::analysis::Analysis;

/// Decimals of counted accuracies.
const DECIMALS: usize = 2;

/// Aggregates that get a column.
pub(super) const COLUMNS: [Aggregate; 3] = [
    Aggregate::Weighted,
    Aggregate::Geometric,
    Aggregate::MeanRank,
];

/// How a value stands to the best of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The best, or tied with it.
    Best,
    /// Cannot be told apart from the best after Holm's correction.
    Near,
    /// Worse.
    None,
}

impl Mark {
    /// How a framework stands on a data set.
    pub(super) fn on(analysis: &Analysis, set: usize, row: usize) -> Self {
        let near = analysis.is_in_first_tier(set, row);
        Self::of(analysis, analysis.ranks[set][row], near)
    }

    /// How a framework stands by an aggregate over all data sets.
    pub(super) fn by(analysis: &Analysis, kind: Aggregate, row: usize) -> Self {
        let pool = analysis.all();
        let near = pool.is_in_first_tier(kind, row);
        Self::of(analysis, pool.scores(kind).ranks[row], near)
    }

    /// None in a table of one framework, whose best says nothing.
    fn of(analysis: &Analysis, rank: Option<Rank>, near: bool) -> Self {
        match rank {
            _ if analysis.table().frameworks().len() < 2 => Self::None,
            Some(rank) if rank.min == 1 => Self::Best,
            _ if near => Self::Near,
            _ => Self::None,
        }
    }

    /// Word in the CSV.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Near => "near",
            Self::None => "",
        }
    }
}

/// One value of the table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) value: f64,
    pub(super) text: String,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) mark: Mark,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) title: String,
    /// Images, for a data set.
    pub(super) n: Option<u64>,
    /// In row order; `None` where missing.
    pub(super) entries: Vec<Option<Entry>>,
}

/// The table, best weighted average first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PaperTable {
    /// Rows of the analysis' table, in the order printed.
    pub(super) order: Vec<usize>,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// Rows for reference below the table: name, and a text per column, empty for aggregates.
    pub(super) baselines: Vec<(String, Vec<String>)>,
    pub(super) legend: String,
}

impl PaperTable {
    pub(super) fn new(analysis: &Analysis) -> Self {
        let order = analysis.order();
        let sets =
            (0..analysis.table().data_sets().len()).map(|set| data_set(analysis, set, &order));
        let aggregates = COLUMNS.iter().map(|&kind| score(analysis, kind, &order));
        Self {
            names: order
                .iter()
                .map(|&row| analysis.framework(row).to_owned())
                .collect(),
            baselines: baselines(analysis),
            columns: sets.chain(aggregates).collect(),
            legend: legend(analysis),
            order,
        }
    }
}

fn legend(analysis: &Analysis) -> String {
    if analysis.table().frameworks().len() < 2 {
        return "Top-1 accuracy in percent.".to_owned();
    }
    format!(
        "Top-1 accuracy in percent. Bold: best of its column; dagger: cannot be told apart from the best at level {}, after \
         Holm's correction over all pairs of the column ({}). The mean rank has no such test.",
        analysis.options.alpha,
        tests_in_words(analysis)
    )
}

fn data_set(analysis: &Analysis, set: usize, order: &[usize]) -> Column {
    let cells = analysis.table().column(set);
    let printed = cells.iter().flatten().map(|cell| {
        cell.decimals()
            .map_or(DECIMALS, |decimals| decimals as usize)
    });
    let decimals = printed.max().unwrap_or(DECIMALS);
    let entry = |&row: &usize| {
        let cell = cells[row]?;
        let value = cell.percent();
        Some(Entry {
            value,
            text: format!("{value:.decimals$}"),
            interval: analysis.drawn[set].printed[row],
            mark: Mark::on(analysis, set, row),
        })
    };
    let data_set = &analysis.table().data_sets()[set];
    Column {
        title: data_set.name.clone(),
        n: Some(data_set.n),
        entries: order.iter().map(entry).collect(),
    }
}

fn score(analysis: &Analysis, kind: Aggregate, order: &[usize]) -> Column {
    let pool = analysis.all();
    let scores = pool.scores(kind);
    let drawn = pool.drawn(kind);
    let entry = |&row: &usize| {
        let value = scores.values[row]?;
        Some(Entry {
            value,
            text: format!("{value:.DECIMALS$}"),
            interval: drawn.value[row],
            mark: Mark::by(analysis, kind, row),
        })
    };
    Column {
        title: kind.name().to_owned(),
        n: None,
        entries: order.iter().map(entry).collect(),
    }
}

/// Baselines with two decimals or as printed; a dash where missing.
fn baselines(analysis: &Analysis) -> Vec<(String, Vec<String>)> {
    let text = |cell: &Option<Cell>| {
        cell.map_or_else(
            || "–".to_owned(),
            |cell| {
                let decimals = cell.decimals().map_or(DECIMALS, |it| it as usize);
                format!("{:.decimals$}", cell.percent())
            },
        )
    };
    let row = |(name, cells): &ApartRow| {
        let texts = cells.iter().map(text);
        let empty = COLUMNS.iter().map(|_| String::new());
        (format!("{name} (baseline)"), texts.chain(empty).collect())
    };
    analysis.input.baselines.iter().map(row).collect()
}

/// Which tests the marks of the table come from.
fn tests_in_words(analysis: &Analysis) -> String {
    let mut known: Vec<&str> = Vec::new();
    let pairs = analysis.tests.iter().flat_map(|tests| &tests.pairs);
    for words in pairs.map(|pair| pair.method.words()) {
        if !known.contains(&words) {
            known.push(words);
        }
    }
    known.push("averages by the standard errors of their differences");
    known.join("; ")
}
