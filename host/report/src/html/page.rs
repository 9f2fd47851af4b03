//! Filling the page's template.

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use super::measures::{Measures, measures};
use super::table::{Block, PageRow, aggregates_first, printed, rows};
use super::{charts, lottery};
use crate::analysis::{Analysis, COUNTED};
use crate::words::{answer, findings, leads, often, verification};
use crate::{Claim, ReportError};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// One data set's line in the table of tests.
#[derive(Debug, Serialize)]
struct TestRow {
    name: String,
    method: String,
    pairs: usize,
    adjacent: String,
    not_significant: usize,
    holm: usize,
    bh: usize,
    flips: String,
    top: String,
    discordant: String,
}

/// Everything the template names.
#[derive(Debug, Serialize)]
struct Page {
    style: &'static str,
    script: &'static str,
    title: String,
    answer: Vec<String>,
    picture: Option<String>,
    leads: Option<String>,
    findings: Vec<String>,
    verification: Vec<String>,
    claims: Vec<Claim>,
    notes: Vec<String>,
    columns: Vec<String>,
    counts: Vec<Option<u64>>,
    rows: Vec<PageRow>,
    baselines: Vec<(String, Vec<String>)>,
    legend: String,
    confidence: String,
    alpha: f64,
    draws: usize,
    accuracy: Vec<String>,
    aggregates: Vec<String>,
    reference: Option<String>,
    scatters: Vec<String>,
    bump: String,
    matrices: Vec<String>,
    matrices_left_out: bool,
    measures: Vec<Measures>,
    profile: Option<String>,
    printed: Vec<Block>,
    critical: Option<String>,
    kendall: Option<String>,
    tests: Vec<TestRow>,
    data: String,
    choices: Vec<lottery::Choice>,
    counted: [&'static str; 4],
    counted_ids: [&'static str; 4],
    shares: Vec<lottery::Share>,
    provenance: Vec<(String, String)>,
    version: &'static str,
    seed: u64,
}

/// The report as one HTML document.
///
/// # Errors
/// [`ReportError::Page`] never in practice: the template is part of the program.
pub fn render(analysis: &Analysis) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(ReportError::Page)?;
    environment.set_syntax(syntax);
    environment
        .add_template("page.html", PAGE)
        .map_err(ReportError::Page)?;
    let page = environment
        .get_template("page.html")
        .map_err(ReportError::Page)?;
    let table = aggregates_first(analysis);
    let rows = rows(&table);
    let matrices = charts::matrices(analysis);
    let comparable = analysis.table().frameworks().len() > 1;
    // No name can end the script element early.
    let data = serde_json::to_string(&lottery::data(analysis))
        .map_err(ReportError::Json)?
        .replace('<', "\\u003c");
    let values = Page {
        style: STYLE,
        script: SCRIPT,
        title: analysis.input.title.clone(),
        // No line ends between a number and its sign.
        answer: answer(analysis)
            .into_iter()
            .map(|sentence| sentence.replace(" %", "\u{a0}%"))
            .collect(),
        picture: comparable.then(|| charts::answer(analysis)),
        leads: comparable.then(|| leads(analysis)).flatten(),
        findings: findings(analysis),
        verification: verification(analysis),
        claims: analysis.claims(),
        notes: analysis.notes.clone(),
        columns: table
            .columns
            .iter()
            .map(|column| column.title.clone())
            .collect::<Vec<_>>(),
        counts: table
            .columns
            .iter()
            .map(|column| column.n)
            .collect::<Vec<_>>(),
        rows,
        baselines: table.baselines.clone(),
        legend: table.legend.replace("dagger", "†"),
        confidence: format!("{}", (1000.0 * analysis.confidence()).round() / 10.0),
        alpha: analysis.options.alpha,
        draws: analysis.options.draws,
        accuracy: charts::accuracy(analysis),
        aggregates: charts::aggregates(analysis),
        reference: analysis
            .reference
            .map(|set| analysis.data_set(set).to_owned()),
        scatters: charts::scatters(analysis),
        bump: charts::bump(analysis),
        matrices_left_out: matrices.is_empty() && comparable,
        matrices,
        measures: measures(analysis),
        profile: charts::profile(analysis),
        printed: printed(&table),
        critical: charts::critical_difference(analysis),
        kendall: analysis
            .concordance
            .as_ref()
            .map(|found| format!("{:.2}", found.kendall_w)),
        tests: tests(analysis),
        data,
        choices: lottery::choices(analysis),
        counted: COUNTED.map(|kind| kind.name()),
        counted_ids: COUNTED.map(|kind| kind.id()),
        shares: lottery::shares(analysis),
        provenance: analysis.input.provenance.clone(),
        version: env!("CARGO_PKG_VERSION"),
        seed: analysis.options.seed,
    };
    page.render(Serde(&values)).map_err(ReportError::Page)
}

fn tests(analysis: &Analysis) -> Vec<TestRow> {
    let row = |set: usize| {
        let tests = &analysis.tests[set];
        let mut methods: Vec<String> = tests
            .pairs
            .iter()
            .map(|pair| pair.method.id().replace('_', " "))
            .collect();
        methods.dedup();
        let flips = analysis.against_reference[set]
            .as_ref()
            .map(|against| &against.flips);
        let redraw = analysis.redraws[set];
        let stays = analysis.top_stays_top(set);
        TestRow {
            name: analysis.data_set(set).to_owned(),
            method: methods.join(", "),
            pairs: tests.pairs.len(),
            adjacent: format!(
                "{}/{}",
                tests.adjacent_not_significant(analysis.table()),
                tests.adjacent(analysis.table()).len()
            ),
            not_significant: tests.not_significant(),
            holm: tests.significant_after_holm(),
            bh: tests.significant_after_bh(),
            flips: flips.map_or_else(
                || "–".to_owned(),
                |flips| {
                    format!(
                        "{} ({}, {}, {})",
                        flips.all.len(),
                        flips.significant.len(),
                        flips.after_holm.len(),
                        flips.after_holm_over_all.len()
                    )
                },
            ),
            top: stays.map_or_else(String::new, often),
            discordant: redraw.map_or_else(String::new, |redraw| {
                format!("{:.1}", redraw.expected_discordant)
            }),
        }
    };
    (0..analysis.tests.len()).map(row).collect()
}
