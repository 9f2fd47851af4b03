//! Loaders for training and for evaluation.

use std::sync::Arc;

use ssl_plugin_api::description::ViewGroup;

use super::engine::{Batches, Job};
use super::order::Order;
use super::{LoaderConfig, Memory, Ordinary};
use crate::DataError;
use crate::source::Source;
use crate::views::{ViewPlan, ViewSpec};

/// Loads training views.
pub struct TrainLoader {
    source: Arc<dyn Source>,
    plan: Arc<ViewPlan>,
    config: LoaderConfig,
    memory: Arc<dyn Memory>,
}

/// Which part of which epoch, and in what order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochOptions {
    /// The epoch's number; it decides order and views.
    pub epoch: u32,
    /// The first batch to give, to go on where a checkpoint left off.
    pub first_batch: usize,
    /// The samples in order, where a framework decides it; they may repeat.
    pub order: Option<Vec<u64>>,
}

impl EpochOptions {
    /// A whole epoch in the loader's own order.
    #[must_use]
    pub fn at(epoch: u32) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }
}

impl TrainLoader {
    /// A loader of the views of `groups`.
    ///
    /// # Errors
    /// [`DataError::BadLoader`] and [`DataError::BadViews`] for settings;
    /// [`DataError::BatchTooLarge`] when incomplete batches are left out and there is no other.
    pub fn new(
        source: Arc<dyn Source>,
        groups: &[ViewGroup],
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        config.validate()?;
        let plan = Arc::new(ViewPlan::new(groups)?);
        if config.drop_last && config.global_batch() > source.len() {
            return Err(DataError::BatchTooLarge {
                set: source.name().to_owned(),
                batch: config.global_batch(),
                samples: source.len(),
            });
        }
        Ok(Self {
            source,
            plan,
            config,
            memory: Arc::new(Ordinary),
        })
    }

    /// The loader with its view buffers in memory of the caller's choice.
    #[must_use]
    pub fn with_memory(mut self, memory: Arc<dyn Memory>) -> Self {
        self.memory = memory;
        self
    }

    /// The views, in order.
    #[must_use]
    pub fn views(&self) -> &[ViewSpec] {
        self.plan.specs()
    }

    /// The data.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Batches in an epoch of the loader's own order.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        let samples = self.source.len();
        if self.config.drop_last {
            samples / self.config.global_batch()
        } else {
            samples.div_ceil(self.config.global_batch())
        }
    }

    /// Starts an epoch.
    ///
    /// # Errors
    /// [`DataError::BadLoader`] for an explicit order that names no sample or one that does not
    /// exist, or a first batch beyond the end.
    pub fn start(&self, options: EpochOptions) -> Result<Batches, DataError> {
        let count = self.source.len();
        let order = match options.order {
            None => Order::of_epoch(count, self.config.seed, options.epoch, self.config.shuffle),
            Some(given) => {
                if let Some(bad) = given.iter().find(|&&s| s >= count as u64) {
                    return Err(DataError::BadLoader {
                        message: format!(
                            "expected samples below {count} in the order, found {bad}"
                        ),
                    });
                }
                Order::explicit(given.into_iter().map(|s| s as u32).collect(), count)
            }
        };
        let batches = order.batches(&self.config);
        if options.first_batch > batches || batches == 0 {
            return Err(DataError::BadLoader {
                message: format!(
                    "expected a first batch of at most {batches} and an order of at least one batch, found {} and {} samples",
                    options.first_batch,
                    order.samples.len()
                ),
            });
        }
        Ok(Batches::start(Job {
            source: Arc::clone(&self.source),
            plan: Arc::clone(&self.plan),
            order,
            config: self.config.clone(),
            epoch: options.epoch,
            memory: Arc::clone(&self.memory),
            numbers: options.first_batch..batches,
        }))
    }
}

/// Loads every sample once, in order, under a transform without randomness.
pub struct EvalLoader {
    inner: TrainLoader,
}

impl EvalLoader {
    /// A loader of one view ([`evaluation`](crate::views::evaluation)); only `batch_size`,
    /// `workers` and `prefetch` of `config` matter, `rank` and `world` share the set out.
    ///
    /// # Errors
    /// As [`TrainLoader::new`].
    pub fn new(
        source: Arc<dyn Source>,
        view: ViewGroup,
        config: LoaderConfig,
    ) -> Result<Self, DataError> {
        let config = LoaderConfig {
            shuffle: false,
            drop_last: false,
            ..config
        };
        Ok(Self {
            inner: TrainLoader::new(source, &[view], config)?,
        })
    }

    /// The batches: every sample of the set once.
    ///
    /// # Errors
    /// As [`TrainLoader::start`].
    pub fn start(&self) -> Result<Batches, DataError> {
        self.inner.start(EpochOptions::default())
    }
}
