//! The cells of one or several ledgers that make a table.

use std::path::Path;

use super::rows::row_name;
use super::settings::{by_settings, choose, protocols};
use super::verification::verification;
use super::{Selection, SourceError};
use crate::ledger::{CellDir, CellRecord, Ledger, Plan, Records, Status};
use ssl_aggregate::{AggregateError, Verification, not_verified};
use ssl_report::ReportError;
use ssl_report::input::left_out;

/// Unfinished cells that a report names.
const NAMED: usize = 12;

/// A cell that is done.
pub(super) type Done = (CellDir, CellRecord);

/// One ledger's cells.
struct OfLedger<'a> {
    root: &'a Path,
    /// Done, and judged by the protocol with its settings.
    kept: Vec<Done>,
    /// Judged by the protocol with other settings.
    left_out: Vec<Done>,
    /// Cells in the plan, done or not.
    planned: usize,
    /// Those of them that are not done, with the reason.
    unfinished: Vec<String>,
    /// Cells that the plan does not have.
    others: usize,
    /// Cells in the plan whose records cannot be read, with the reason and what to do.
    damaged: Vec<(CellDir, String)>,
}

/// The cells of all ledgers.
pub(super) struct Cells<'a> {
    ledgers: Vec<OfLedger<'a>>,
    /// Id of the protocol that the table is of.
    pub(super) protocol: String,
    /// Ids of the others that there are results of.
    other_protocols: Vec<String>,
    /// What is said of rows that are left out because they are not verified.
    not_verified: Option<String>,
}

impl<'a> Cells<'a> {
    /// Reads what is planned and done.
    pub(super) fn read(roots: &[&'a Path], selection: &Selection) -> Result<Self, SourceError> {
        let mut ledgers = Vec::new();
        for &root in roots {
            ledgers.push(OfLedger::read(root, selection)?);
        }
        let by_ledger: Vec<Vec<String>> = ledgers
            .iter()
            .map(|ledger| protocols(&ledger.kept))
            .collect();
        let mut known: Vec<String> = Vec::new();
        for id in by_ledger.iter().flatten() {
            if !known.contains(id) {
                known.push(id.clone());
            }
        }
        let shared: Vec<String> = known
            .iter()
            .filter(|id| by_ledger.iter().all(|own| own.contains(id)))
            .cloned()
            .collect();
        if let (true, Some((first, second))) =
            (shared.is_empty(), nothing_shared(&ledgers, &by_ledger))
        {
            return Err(mixed(first, second).into());
        }
        let protocol = choose(roots, &shared, selection)?;
        for ledger in &mut ledgers {
            let kept = std::mem::take(&mut ledger.kept);
            (ledger.kept, ledger.left_out) = by_settings(kept, &protocol);
        }
        let settings: Vec<Option<String>> = ledgers
            .iter()
            .map(|ledger| settings(&ledger.kept, &protocol))
            .collect();
        for (place, other) in settings.iter().enumerate() {
            if let (Some(first), Some(other)) = (&settings[0], other)
                && first != other
            {
                let named = |hash: &str| format!("{protocol} ({hash})");
                return Err(mixed(
                    (ledgers[0].root, &named(first)),
                    (ledgers[place].root, &named(other)),
                )
                .into());
            }
        }
        known.retain(|id| *id != protocol);
        let mut cells = Self {
            ledgers,
            protocol,
            other_protocols: known,
            not_verified: None,
        };
        if let Some(points) = selection.required {
            cells.leave_out(points);
        }
        Ok(cells)
    }

    /// Leaves out the rows that are more than `points` from what their authors report.
    fn leave_out(&mut self, points: f64) {
        let all = self.verification();
        let failed = not_verified(&all, points);
        self.not_verified = left_out(&failed, points);
        let records: Vec<CellRecord> = self.records().cloned().collect();
        for ledger in &mut self.ledgers {
            ledger
                .kept
                .retain(|(_, record)| !failed.contains(&row_name(record, records.iter()).as_str()));
        }
    }

    fn records(&self) -> impl Iterator<Item = &CellRecord> + Clone {
        let cells = self.ledgers.iter().flat_map(|ledger| &ledger.kept);
        cells.map(|(_, record)| record)
    }

    /// The rows beside what the authors of their backbones report.
    pub(super) fn verification(&self) -> Vec<Verification> {
        verification(self.records(), self.records())
    }

    /// The cells of the table, ledger by ledger.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Done> {
        self.ledgers.iter().flat_map(|ledger| &ledger.kept)
    }

    /// The same with names; with their ledger's before it where there are several.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, &Done)> {
        let alone = self.ledgers.len() == 1;
        self.ledgers.iter().flat_map(move |ledger| {
            ledger.kept.iter().map(move |cell| {
                let own = cell.0.name();
                let name = if alone {
                    own
                } else {
                    format!("{}/{own}", name(ledger.root))
                };
                (name, cell)
            })
        })
    }

    /// What the report is about.
    pub(super) fn title(&self) -> String {
        let names: Vec<String> = self.ledgers.iter().map(|it| name(it.root)).collect();
        names.join(" and ")
    }

    /// Where the ledgers are.
    pub(super) fn origin(&self) -> String {
        let paths = self.ledgers.iter().map(|it| it.root.display().to_string());
        paths.collect::<Vec<_>>().join(", ")
    }

    /// What of the ledgers takes no part.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.not_verified.iter().cloned().collect();
        let ledgers = || self.ledgers.iter();
        for (dir, reason) in ledgers().flat_map(|ledger| &ledger.damaged) {
            let note = format!("{} takes no part: {reason}.", dir.name());
            tracing::warn!("{note}");
            notes.push(note);
        }
        if !self.other_protocols.is_empty() {
            notes.push(format!(
                "Results of {}; the ledger also has {} (--protocol).",
                self.protocol,
                self.other_protocols.join(", ")
            ));
        }
        let others: usize = ledgers().map(|ledger| ledger.others).sum();
        if others > 0 {
            notes.push(format!(
                "{others} further cells of the ledger are not in the plan of its benchmark and take no part."
            ));
        }
        let left_out: Vec<String> = ledgers()
            .flat_map(|ledger| &ledger.left_out)
            .map(|(dir, _)| dir.name())
            .collect();
        if !left_out.is_empty() {
            notes.push(format!(
                "Judged with other settings of {} than the rest, and left out: {}.",
                self.protocol,
                left_out.join(", ")
            ));
        }
        let planned: usize = ledgers().map(|ledger| ledger.planned).sum();
        let unfinished: Vec<&str> = ledgers()
            .flat_map(|ledger| ledger.unfinished.iter().map(String::as_str))
            .collect();
        if let Some(last) = unfinished.len().checked_sub(1) {
            let named = &unfinished[..=last.min(NAMED - 1)];
            let more = match unfinished.len() - named.len() {
                0 => String::new(),
                n => format!(", and {n} more (`ssl-lottery cells` lists all)"),
            };
            notes.push(format!(
                "{} of {planned} cells are not done and take no part: {}{more}.",
                unfinished.len(),
                named.join(", ")
            ));
        }
        notes
    }
}

impl<'a> OfLedger<'a> {
    fn read(root: &'a Path, selection: &Selection) -> Result<Self, SourceError> {
        let plan = match &selection.plan {
            Some(plan) => Some(plan.clone()),
            None => Plan::read(root)?,
        };
        let asked_for = |dir: &CellDir| plan.as_ref().is_none_or(|plan| plan.has(dir));
        let Records { whole, mut damaged } = Ledger::records(root)?;
        damaged.retain(|(dir, _)| asked_for(dir));
        let (all, others): (Vec<Done>, Vec<Done>) =
            whole.into_iter().partition(|(dir, _)| asked_for(dir));
        let is_done = |(_, record): &Done| match &plan {
            Some(plan) => plan.is_met_by(record),
            None => record.status == Status::Done,
        };
        let (kept, open): (Vec<Done>, Vec<Done>) = all.into_iter().partition(is_done);
        let mut unfinished: Vec<String> = open
            .iter()
            .map(|(dir, record)| format!("{} ({})", dir.name(), stage(record)))
            .collect();
        let known = |name: &String| {
            let mut known = kept.iter().chain(&open).map(|(dir, _)| dir);
            known.any(|dir| dir.name() == *name)
                || damaged.iter().any(|(dir, _)| dir.name() == *name)
        };
        // Those that no run has begun have no record.
        let planned = plan.iter().flat_map(|plan| &plan.cells);
        unfinished.extend(
            planned
                .filter(|name| !known(name))
                .map(|name| format!("{name} (not begun)")),
        );
        Ok(Self {
            root,
            planned: kept.len() + unfinished.len() + damaged.len(),
            kept,
            left_out: Vec::new(),
            unfinished,
            others: others.len(),
            damaged,
        })
    }
}

/// Where a cell stands that has no scores.
const fn stage(record: &CellRecord) -> &'static str {
    match record.status {
        Status::Pending => "interrupted",
        Status::Running => "begun",
        Status::Done => "judged with other settings",
        Status::Failed => "failed",
    }
}

fn name(root: &Path) -> String {
    let name = root.file_name().unwrap_or(root.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Hash of the settings that cells were judged with.
fn settings(kept: &[Done], protocol: &str) -> Option<String> {
    let all = kept
        .iter()
        .flat_map(|(_, record)| &record.results.report.evaluations);
    let mut own = all.filter(|evaluation| evaluation.protocol.id == protocol);
    own.next()
        .map(|evaluation| evaluation.protocol.hash.clone())
}

/// A ledger's folder, and a protocol that it has results of.
type Judged<'a, 'b> = (&'a Path, &'b str);

/// The first ledger that has results, and the first after it that has, by which protocols.
fn nothing_shared<'a, 'b>(
    ledgers: &'b [OfLedger<'a>],
    protocols: &'b [Vec<String>],
) -> Option<(Judged<'a, 'b>, Judged<'a, 'b>)> {
    let mut known = ledgers
        .iter()
        .zip(protocols)
        .filter_map(|(ledger, own)| Some((ledger.root, own.first()?.as_str())));
    known.next().zip(known.next())
}

fn mixed((first_at, first): (&Path, &str), (second_at, second): (&Path, &str)) -> ReportError {
    ReportError::Table {
        origin: "several ledgers".to_owned(),
        source: Box::new(AggregateError::Mixed {
            what: "protocol",
            first: first.to_owned(),
            first_at: first_at.display().to_string(),
            second: second.to_owned(),
            second_at: second_at.display().to_string(),
        }),
    }
}
