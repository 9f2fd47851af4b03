//! The thread that fills batches ahead of the consumer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::batch::Buffers;
use super::fill::{Recipe, WorkerScratch, fill};
use super::order::Order;
use super::{Batch, LoaderConfig, Memory, ViewBuffer};
use crate::DataError;
use crate::source::Source;
use crate::views::{Drawn, ViewPlan};

/// What an epoch needs.
pub(super) struct Job {
    pub source: Arc<dyn Source>,
    pub plan: Arc<ViewPlan>,
    pub order: Order,
    pub config: LoaderConfig,
    pub epoch: u32,
    pub memory: Arc<dyn Memory>,
    pub numbers: Range<usize>,
}

/// The batches of an epoch, in order. Dropping it stops the workers.
pub struct Batches {
    receiver: Option<Receiver<Result<Batch, DataError>>>,
    thread: Option<JoinHandle<()>>,
    left: usize,
}

impl Batches {
    pub(super) fn start(job: Job) -> Self {
        let left = job.numbers.len();
        let (sender, receiver) = sync_channel(job.config.prefetch);
        let thread = std::thread::spawn(move || produce(&job, &sender));
        Self {
            receiver: Some(receiver),
            thread: Some(thread),
            left,
        }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.receiver.as_ref()?.recv().ok();
        match &item {
            Some(Ok(_)) => self.left -= 1,
            // After an error, or when the producer is gone, nothing follows.
            _ => self.left = 0,
        }
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl Batches {
    /// Batches that are still to come, unless one fails.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.left
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // Without a receiver the producer's next send fails, and it ends.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn produce(job: &Job, sender: &SyncSender<Result<Batch, DataError>>) {
    let (home, returned) = channel();
    let mut workers: Vec<WorkerScratch> = Vec::new();
    workers.resize_with(job.config.threads(), WorkerScratch::default);
    for number in job.numbers.clone() {
        let buffers = returned.try_recv().unwrap_or_default();
        let made = make(job, number, buffers, &home, &mut workers);
        let failed = made.is_err();
        if sender.send(made).is_err() || failed {
            return;
        }
    }
}

fn make(
    job: &Job,
    number: usize,
    buffers: Buffers,
    home: &Sender<Buffers>,
    workers: &mut [WorkerScratch],
) -> Result<Batch, DataError> {
    let places = job.order.places(number, &job.config);
    let Buffers {
        mut indices,
        mut views,
    } = buffers;
    indices.clear();
    indices.extend(
        job.order.samples[places.clone()]
            .iter()
            .map(|&s| u64::from(s)),
    );
    views.resize_with(job.plan.specs().len(), ViewBuffer::default);
    for (at, (view, spec)) in views.iter_mut().zip(job.plan.specs()).enumerate() {
        view.size = spec.size;
        let steps = match job.config.defer_steps {
            true => job.plan.deferred_steps(at),
            false => 0,
        };
        view.later.resize(places.len() * steps, Drawn::Nothing);
        let pixels = places.len() * 3 * spec.size * spec.size;
        view.data.resize(pixels, job.memory.as_ref());
    }
    let recipe = Recipe {
        source: job.source.as_ref(),
        plan: &job.plan,
        order: &job.order,
        seed: job.config.seed,
        epoch: job.epoch,
        defer: job.config.defer_steps,
    };
    let faults = fill(&recipe, places, &mut views, workers)?;
    if let Some((_, fault)) = faults.into_iter().next() {
        return Err(fault);
    }
    Ok(Batch {
        number,
        indices,
        views,
        home: Some(home.clone()),
    })
}
