//! Runs the cells that are not done, a few at a time, each in its own process.

use super::attempt;
use super::cancel::Cancel;
use super::child;
use super::cores;
use super::crew::Lead;
use super::error::RunError;
use super::job::Job;
use super::planned::{Elsewhere, PlannedCell};
use super::progress::{CellBar, ProgressDisplay};
use super::stage_clock::StageClock;
use crate::atomic;
use crate::config;
use crate::ledger::{CellDir, CellRecord, Failure, FailureKind, FolderLock, LedgerError, Status};
use crate::process::{Ended, Limits};
use crate::terminal::with_causes;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// How long a cell that is held is waited for at the end: a process of an earlier run may be about to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks at who has a cell.
const TICK: Duration = Duration::from_millis(200);

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
    /// Whether cells that others compute are waited for, and taken over from those that die.
    pub wait: bool,
    /// The other processes that a launcher has started with this one.
    pub lead: Option<&'a Lead>,
}

impl Supervisor<'_> {
    /// Carries out all cells that are to be done; a fault of one never keeps another from running, and one
    /// that another process has is left to it, after all others have had their turn. The cells come back in
    /// their order, with their records up to date.
    ///
    /// # Errors
    /// [`RunError::Thread`] when a thread that carried cells out has ended early.
    pub fn run(&self, cells: Vec<PlannedCell>) -> Result<Vec<PlannedCell>, RunError> {
        let count = cells.len();
        let first = |(n, cell)| (n, cell, Turn::First);
        let queue: Mutex<VecDeque<(usize, PlannedCell, Turn)>> =
            Mutex::new(cells.into_iter().enumerate().map(first).collect());
        let finished = Mutex::new(Vec::with_capacity(count));
        let at_once = match self.program {
            Some(_) => self.config.parallel.min(count),
            None => 1,
        };
        // A function, so that the lock is not held while the cell is carried out.
        let next = || lock(&queue).pop_front();
        let work = || {
            while let Some((n, mut cell, turn)) = next() {
                if cell.is_to_do() && !self.cancel.is_set() {
                    self.carry_out(&mut cell, turn);
                }
                match (&cell.elsewhere, turn) {
                    (Some(Elsewhere::Held(_)), Turn::First) if !self.cancel.is_set() => {
                        lock(&queue).push_back((n, cell, Turn::Last));
                    }
                    _ => lock(&finished).push((n, cell)),
                }
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
        let mut cells: Vec<PlannedCell> = finished.into_iter().map(|(_, cell)| cell).collect();
        for cell in cells.iter_mut().filter(|cell| cell.elsewhere.is_some()) {
            cell.refresh();
        }
        Ok(cells)
    }

    /// Carries one cell out. A fault, of the disk too, is the cell's own: the others go on.
    fn carry_out(&self, cell: &mut PlannedCell, turn: Turn) {
        cell.elsewhere = self.wait_for(cell, turn).map(Elsewhere::Held);
        if cell.elsewhere.is_some() {
            return;
        }
        cell.refresh();
        if !cell.is_to_do() {
            return;
        }
        let name = cell.dir.name();
        let mut bar = self.display.cell(&name);
        let ended = match &self.program {
            None => attempt::carry_out(&cell.job, None, None, &mut bar, self.cancel)
                .map_err(RunError::from),
            Some(program) => self.in_process_of_its_own(program, &cell.job, &mut bar),
        };
        drop(bar);
        match ended {
            Ok(record) => cell.record = record,
            Err(RunError::Ledger(LedgerError::Busy { holder, .. })) => {
                cell.elsewhere = Some(Elsewhere::Held(holder));
                return;
            }
            // If the record says that the cell is running, the next run goes on with it.
            Err(error) => {
                let kind = match error {
                    RunError::Start { .. } => FailureKind::Host,
                    _ => FailureKind::Input,
                };
                let failure = Failure::new(kind, with_causes(&error));
                cell.record.end(Status::Failed, Some(failure));
            }
        }
        self.display.line(&verdict(&name, &cell.record));
    }

    /// Waits for whoever has the cell, and says who it is when the time is up.
    fn wait_for(&self, cell: &PlannedCell, turn: Turn) -> Option<String> {
        let begun = Instant::now();
        loop {
            let holder = FolderLock::holder(cell.dir.path())?;
            let wait = match turn {
                Turn::First => false,
                Turn::Last => self.wait || begun.elapsed() < PATIENCE,
            };
            if !wait || self.cancel.is_set() {
                return Some(holder);
            }
            thread::sleep(TICK);
        }
    }

    fn in_process_of_its_own(
        &self,
        program: &PathBuf,
        job: &Job,
        bar: &mut CellBar,
    ) -> Result<CellRecord, RunError> {
        // Under private names until the process has claimed the cell: another run may be at it.
        let (file, log) = private_files(job).map_err(|source| RunError::Write {
            path: job.dir.clone(),
            source,
        })?;
        let mut command = match &self.config.launcher[..] {
            [launcher, arguments @ ..] => {
                let mut command = Command::new(launcher);
                command.args(arguments).arg(program);
                command
            }
            [] => Command::new(program),
        };
        command.arg("cell").arg("--job").arg(file.path());
        command.arg("--log").arg(log.path());
        let lead = self.lead.filter(|_| job.pretrains());
        let meeting = lead.map(|lead| lead.start(job)).transpose();
        let meeting = meeting.map_err(|source| self.unstarted(program, source))?;
        if let Some(meeting) = &meeting {
            meeting.lead(&mut command);
        }
        cores::wait_politely(&mut command);
        cores::tell_threads(&mut command, job.setup.threads);
        let limits = Limits {
            stall: Some(Duration::from_secs(self.config.stall_s)),
            total: self.config.timeout_s.map(Duration::from_secs),
            memory: job.setup.memory.map(|memory| memory.0),
        };
        let mut clock = StageClock::start(bar);
        let ended = log
            .as_file()
            .try_clone()
            .and_then(|errors| child::run(command, errors, limits, self.cancel, &mut clock))
            .map_err(|source| self.unstarted(program, source))?;
        if ended == Ended::DidNotStop {
            self.display.line(&format!(
                "{}: did not stop when it was asked to, and was ended",
                CellDir::at(job.dir.clone()).name()
            ));
        }
        let asked = self.cancel.is_set();
        Ok(attempt::settle(job, ended, log.path(), asked, || {
            clock.stop()
        })?)
    }

    fn unstarted(&self, program: &Path, source: io::Error) -> RunError {
        let launcher = self.config.launcher.first();
        RunError::Start {
            program: launcher.map_or_else(|| program.to_owned(), PathBuf::from),
            source,
        }
    }
}

/// When a cell has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Before others have had theirs: one that is busy comes back.
    First,
    /// After all others.
    Last,
}

/// The job and an empty log of a process that is about to start.
fn private_files(job: &Job) -> io::Result<(NamedTempFile, NamedTempFile)> {
    fs::create_dir_all(&job.dir)?;
    let file = atomic::private(&job.dir.join("job.json"))?;
    serde_json::to_writer_pretty(&file, job).map_err(io::Error::other)?;
    Ok((file, atomic::private(&job.dir.join(attempt::LOG_FILE))?))
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves a queue and a list that are still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
