//! Runs the cells that are not done, a few at a time, each in its own process.

use super::cancel::Cancel;
use super::cell;
use super::child;
use super::cores;
use super::error::RunError;
use super::job::{Job, Subject};
use super::outcome::{CellOutcome, LOG_FILE, OUTCOME_FILE};
use super::progress::ProgressDisplay;
use super::stage_clock::StageClock;
use crate::atomic;
use crate::config;
use crate::digest;
use crate::ledger::{CellDir, CellRecord, DataFacts, Failure, FailureKind, FolderLock, Status};
use crate::pretrain::CHECKPOINT_FILE;
use crate::process::Limits;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a cell's folder is waited for: a process of an earlier run may be about to end.
const PATIENCE: Duration = Duration::from_secs(70);

/// A cell of the plan, with what the ledger knows of it.
#[derive(Clone, Debug)]
pub struct PlannedCell {
    /// What is to be computed.
    pub job: Job,
    /// Its directory.
    pub dir: CellDir,
    /// Its record.
    pub record: CellRecord,
}

impl PlannedCell {
    /// Whether the ledger's results come from another plugin file than is there now.
    #[must_use]
    pub fn is_of_another_build(&self) -> bool {
        let (Some(stamp), Some(path)) = (&self.record.plugin, &self.job.setup.plugin) else {
            return false;
        };
        // A file that cannot be read is reported where it is needed.
        File::open(path)
            .and_then(digest::sha256_of)
            .is_ok_and(|sha256| sha256 != stamp.sha256)
    }

    /// What sets the cell apart from one that is computed now, as sentences: threads and images of earlier
    /// attempts whose work is kept. `data` is what was found out about the images now, where they were looked
    /// at.
    #[must_use]
    pub fn differences(&self, data: Option<&DataFacts>) -> Vec<String> {
        let mut found = Vec::new();
        let (before, now) = (&self.record.threads, self.job.setup.threads);
        if self.keeps_work() && before.iter().any(|&threads| threads != now) {
            let before: Vec<String> = before.iter().map(usize::to_string).collect();
            found.push(format!(
                "was computed with `pretrain.threads` = {}, this run has {now}, which changes scores as another seed would; set the old number",
                before.join(" and ")
            ));
        }
        let before = self.record.data.ids_left_out();
        if self.keeps_work() && data.is_some_and(|now| now.ids_left_out() != before) {
            found.push("left out other images that cannot be read than this run does".to_owned());
        }
        found
    }

    /// Whether results or a checkpoint of an earlier attempt are there.
    fn keeps_work(&self) -> bool {
        self.is_done() || self.job.dir.join("pretrain").join(CHECKPOINT_FILE).exists()
    }

    /// Whether the cell is pretrained when it is carried out.
    #[must_use]
    pub fn pretrains(&self) -> bool {
        matches!(self.job.config.subject, Subject::Framework { .. })
    }

    /// Whether the ledger has the cell's scores already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let evaluation = serde_json::to_value(&self.job.evaluation).ok();
        self.record.status == Status::Done && Some(&self.record.evaluation) == evaluation.as_ref()
    }
}

/// How cells are carried out.
#[derive(Debug)]
pub struct Supervisor<'a> {
    /// Limits and how many at once.
    pub config: &'a config::Run,
    /// The program to start for each cell; `None` carries them out in this process, one by one,
    /// for debuggers.
    pub program: Option<PathBuf>,
    /// Where progress is shown.
    pub display: &'a ProgressDisplay,
    /// Set when the run is to stop.
    pub cancel: &'a Cancel,
}

impl Supervisor<'_> {
    /// Carries out all cells that are not done; a fault of one never keeps another from running.
    /// The cells come back in their order, with their records up to date.
    ///
    /// # Errors
    /// [`RunError::Thread`] when a thread that carried cells out has ended early.
    pub fn run(&self, cells: Vec<PlannedCell>) -> Result<Vec<PlannedCell>, RunError> {
        let count = cells.len();
        let queue: Mutex<VecDeque<(usize, PlannedCell)>> =
            Mutex::new(cells.into_iter().enumerate().collect());
        let finished = Mutex::new(Vec::with_capacity(count));
        let at_once = match self.program {
            Some(_) => self.config.parallel.min(count),
            None => 1,
        };
        // A function, so that the lock is not held while the cell is carried out.
        let next = || lock(&queue).pop_front();
        let work = || {
            while let Some((n, mut cell)) = next() {
                if !cell.is_done() && !cell.record.unreadable && !self.cancel.is_set() {
                    self.carry_out(&mut cell);
                }
                lock(&finished).push((n, cell));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (1..at_once).map(|_| scope.spawn(work)).collect();
            work();
            let mut ended = Ok(());
            for worker in workers {
                if worker.join().is_err() {
                    ended = Err(RunError::Thread);
                }
            }
            ended
        })?;
        let mut finished = finished
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        finished.sort_by_key(|(n, _)| *n);
        Ok(finished.into_iter().map(|(_, cell)| cell).collect())
    }

    /// Carries one cell out. A fault, of the disk too, is the cell's own: the others go on.
    fn carry_out(&self, cell: &mut PlannedCell) {
        let keeps_work = cell.keeps_work();
        let PlannedCell { job, dir, record } = cell;
        record.begin();
        record.device = job.setup.device.to_string();
        if !keeps_work {
            record.threads.clear();
        }
        record.threads.insert(job.setup.threads);
        record.workers = Some(job.setup.workers);
        record.data = job.data.clone();
        let name = dir.name();
        let mut bar = self.display.cell(&name);
        let begun = FolderLock::take(&job.dir, PATIENCE).and_then(|lock| {
            atomic::sweep_below(&job.dir);
            dir.write(record).map(|()| lock)
        });
        let outcome = match (begun, &self.program) {
            (Err(error), _) => CellOutcome::failed(FailureKind::Input, with_causes(&error)),
            (Ok(_held), None) => cell::execute(job, &mut bar, self.cancel),
            (Ok(held), Some(program)) => {
                // The cell's process takes it.
                drop(held);
                self.in_process_of_its_own(program, job, &mut bar)
                    .unwrap_or_else(|error| {
                        CellOutcome::failed(FailureKind::Host, with_causes(&error))
                    })
            }
        };
        drop(bar);
        outcome.enter(record);
        if record.status == Status::Done {
            record.evaluation = serde_json::to_value(&job.evaluation).unwrap_or_default();
        }
        if let Err(error) = dir.write(record) {
            // The old record says that the cell is running, so the next run goes on with it.
            let words = with_causes(&error);
            if record.failure.is_none() {
                let (kind, status) = (FailureKind::Input, Status::Failed);
                record.end(status, Some(Failure::new(kind, words.clone())));
            }
            self.display.line(&format!("{name}: {words}"));
        }
        self.display.line(&verdict(&name, record));
    }

    fn in_process_of_its_own(
        &self,
        program: &PathBuf,
        job: &Job,
        bar: &mut super::progress::CellBar,
    ) -> Result<CellOutcome, RunError> {
        let path = job.dir.join("job.json");
        serde_json::to_vec_pretty(job)
            .map_err(io::Error::other)
            .and_then(|text| atomic::write(&path, &text))
            .and_then(|()| forget(&job.dir))
            .map_err(|source| RunError::Write {
                path: path.clone(),
                source,
            })?;
        let mut command = Command::new(program);
        command.arg("cell").arg("--job").arg(&path);
        cores::wait_politely(&mut command);
        let limits = Limits {
            stall: Some(Duration::from_secs(self.config.stall_s)),
            total: self.config.timeout_s.map(Duration::from_secs),
            memory: self.config.memory.map(|memory| memory.0),
        };
        let log = job.dir.join(LOG_FILE);
        let mut clock = StageClock::start(bar);
        let ended =
            child::run(command, &log, limits, self.cancel, &mut clock).map_err(|source| {
                RunError::Start {
                    program: program.clone(),
                    source,
                }
            })?;
        let mut outcome = CellOutcome::judge(ended, &job.dir, self.cancel.is_set());
        if let (Some(limit), Some(failure)) = (self.config.memory, &mut outcome.failure) {
            failure.blame_memory(&limit.to_string());
        }
        if outcome.timings_s.is_empty() {
            outcome.timings_s = clock.stop();
        }
        Ok(outcome)
    }
}

/// Removes outcome and log of an earlier attempt. What it computed stays.
fn forget(dir: &std::path::Path) -> io::Result<()> {
    for name in [OUTCOME_FILE, LOG_FILE] {
        match fs::remove_file(dir.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn verdict(name: &str, record: &CellRecord) -> String {
    let seconds: f64 = record.timings_s.values().sum();
    match (&record.failure, record.status) {
        (Some(failure), _) => {
            let mut text = format!("{name}: failed: {}", failure.message);
            for line in &failure.log_tail {
                text.push_str("\n    | ");
                text.push_str(line);
            }
            text
        }
        (None, Status::Done) => format!("{name}: done ({seconds:.0} s)"),
        (None, _) => format!("{name}: interrupted, resumes with the next run"),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    words.join(": ")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves a queue and a list that are still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
