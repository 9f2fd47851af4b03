//! One cell, from its job to its outcome: open plugin and data, pretrain, extract, evaluate.

mod error;
mod extractor;
mod features;
mod finetune;
mod given;
mod import;
mod judge;
mod progress;
mod services;
mod sources;
mod training;

use super::cancel::Cancel;
use super::event::{Event, EventListener, Stage};
use super::job::{Job, Subject};
use super::outcome::CellOutcome;
use crate::evaluate::record::EvaluationReport;
use crate::evaluate::{ExtractedSets, TrainingStates};
use crate::ledger::{FailureKind, Results, Status};
use error::CellError;
use extractor::FeatureExtractor;
use progress::ProgressForwarder;
use ssl_datasets::loader::images_loaded;
use ssl_datasets::source::Source;
use ssl_distributed::{Launch, Ranks};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Carries a cell out. What goes wrong is in the outcome; nothing is shown. With `launch`, this process is one of
/// several that pretrain the cell together; the first one evaluates it.
pub fn execute(
    job: &Job,
    launch: Option<&Launch>,
    listener: &mut dyn EventListener,
    cancel: &Cancel,
) -> CellOutcome {
    let mut work = Work {
        job,
        launch,
        ranks: None,
        listener,
        cancel,
        timings_s: BTreeMap::new(),
        images: BTreeMap::new(),
        plugin: None,
    };
    let result = work.run();
    let Work {
        timings_s,
        images,
        plugin,
        ..
    } = work;
    let outcome = match result {
        Ok(results) => CellOutcome {
            status: Status::Done,
            failure: None,
            plugin: None,
            timings_s: BTreeMap::new(),
            images: BTreeMap::new(),
            results,
        },
        Err(CellError::Cancelled) => CellOutcome::interrupted(),
        Err(error) => {
            let (kind, line) = (error.kind(job.setup.plugin.is_some()), error.line());
            let file = job.setup.plugin.as_ref().and_then(|path| path.file_name());
            match file.filter(|_| kind == FailureKind::Plugin) {
                Some(file) => CellOutcome::failed(kind, format!("{}: {line}", file.display())),
                None => CellOutcome::failed(kind, line),
            }
        }
    };
    CellOutcome {
        plugin,
        timings_s,
        images,
        ..outcome
    }
}

/// A cell being computed.
struct Work<'a> {
    job: &'a Job,
    launch: Option<&'a Launch>,
    ranks: Option<Arc<Ranks>>,
    listener: &'a mut dyn EventListener,
    cancel: &'a Cancel,
    timings_s: BTreeMap<Stage, f64>,
    images: BTreeMap<Stage, u64>,
    plugin: Option<crate::ledger::PluginStamp>,
}

impl Work<'_> {
    fn run(&mut self) -> Result<Results, CellError> {
        tch::set_num_threads(self.job.setup.threads.max(1) as i32);
        if let Subject::Checkpoint(subject) = &self.job.config.subject {
            import::require_file(self.job, subject)?;
        }
        self.ranks = self.meet()?;
        let sources = self.open()?;
        let (extractor, sets) = match &self.job.config.subject {
            Subject::Features(subject) => self.given(subject, &sources)?,
            other => {
                let extractor = self.extractor(other, &sources[0])?;
                // The first rank evaluates.
                if self.ranks.take().is_some_and(|ranks| ranks.rank() > 0) {
                    return Ok(Results {
                        pretrain: extractor.summary,
                        ..Results::default()
                    });
                }
                let sets = self.extract(&extractor, &sources)?;
                (extractor, sets)
            }
        };
        let states = self.training_states(&extractor, &sets)?;
        let report = self.judge(&extractor, &sets, &sources, states.as_ref());
        for warning in states.iter().flat_map(TrainingStates::warnings) {
            self.warn(warning);
        }
        let report = report?;
        if let Some(states) = &states {
            states.remove();
        }
        Ok(Results {
            pretrain: extractor.summary,
            report,
            same_images: sets.same_images,
            published: extractor.published,
        })
    }

    /// All protocols, on the network and on its features.
    fn judge(
        &mut self,
        extractor: &FeatureExtractor,
        sets: &ExtractedSets,
        sources: &[Arc<dyn Source>],
        states: Option<&TrainingStates>,
    ) -> Result<EvaluationReport, CellError> {
        let tuned = self.finetune(extractor, sets, sources, states)?;
        self.evaluate(extractor, sets, tuned, states)
    }

    /// Meets the other processes that pretrain this cell.
    fn meet(&self) -> Result<Option<Arc<Ranks>>, CellError> {
        let (Some(launch), Subject::Framework { .. }) = (self.launch, &self.job.config.subject)
        else {
            return Ok(None);
        };
        let name = self.job.dir.file_name().unwrap_or_default();
        let limit = Duration::from_secs(self.job.setup.rank_limit_s);
        let cuda = self.device()?.is_cuda();
        let ranks = Ranks::join(launch, &name.to_string_lossy(), cuda, limit)?;
        Ok(Some(Arc::new(ranks)))
    }

    /// Does a stage's work and notes how long it took and how many images it loaded.
    fn timed<T>(
        &mut self,
        stage: Stage,
        work: impl FnOnce(&mut Self) -> Result<T, CellError>,
    ) -> Result<T, CellError> {
        let (begun, before) = (Instant::now(), images_loaded());
        let result = work(self);
        let images = images_loaded() - before;
        if images > 0 {
            *self.images.entry(stage).or_default() += images;
        }
        *self.timings_s.entry(stage).or_insert(0.0) += begun.elapsed().as_secs_f64();
        result
    }

    fn tell(&mut self, stage: Stage, done: u64, total: u64, note: &str) {
        self.listener.on_event(Event::Progress {
            stage,
            done,
            total,
            note: note.to_owned(),
        });
    }

    fn warn(&mut self, text: String) {
        self.listener.on_event(Event::Warning { text });
    }

    fn progress(&mut self, stage: Stage) -> ProgressForwarder<'_> {
        ProgressForwarder {
            listener: self.listener,
            stage,
        }
    }

    /// Ends the work where the user asked for it.
    fn check_cancelled(&self) -> Result<(), CellError> {
        if self.cancel.is_set() {
            Err(CellError::Cancelled)
        } else {
            Ok(())
        }
    }
}
