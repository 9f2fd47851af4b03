//! Where a pretraining stands between two steps.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// A place in a run: everything a resume needs beside the tensors of backbone, framework and optimiser.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Epochs done.
    pub(super) epoch: u64,
    /// Steps done of the epoch that has begun; 0 where none has.
    pub(super) batch: u64,
    /// Whether the last epoch's online kNN evaluation is still to be done.
    pub(super) monitor_due: bool,
    /// The order of samples of the epoch that has begun, where the framework decides it.
    pub(super) order: Option<Vec<u64>>,
    pub(super) loss: Loss,
    pub(super) work: Work,
}

impl Position {
    /// Optimiser steps done.
    pub(super) const fn step(&self, steps_per_epoch: u64) -> u64 {
        self.epoch * steps_per_epoch + self.batch
    }

    /// The place between the epoch that has begun and the next one.
    pub(super) fn end_epoch(&mut self, monitor_due: bool) {
        self.loss.of_last_epoch = Some(self.loss.sum / self.batch.max(1) as f64);
        self.loss.sum = 0.0;
        self.epoch += 1;
        self.batch = 0;
        self.order = None;
        self.monitor_due = monitor_due;
        self.work.images += std::mem::take(&mut self.work.epoch_images);
        self.work.seconds += std::mem::take(&mut self.work.epoch_seconds);
    }
}

/// Losses so far; kept as a tensor, whose bits no text changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loss {
    /// Sum over the steps of the epoch that has begun.
    pub(super) sum: f64,
    /// Mean of the last epoch that was finished.
    pub(super) of_last_epoch: Option<f64>,
}

impl Loss {
    pub(super) fn to_tensor(self) -> Tensor {
        Tensor::from_slice(&[self.sum, self.of_last_epoch.unwrap_or(f64::NAN)])
    }

    /// What [`Loss::to_tensor`] made; nothing else is taken over.
    pub(super) fn of(tensor: &Tensor) -> Self {
        let values = (tensor.kind() == Kind::Double)
            .then(|| Vec::<f64>::try_from(tensor))
            .and_then(Result::ok);
        match values.as_deref() {
            Some(&[sum, last]) => Self {
                sum,
                of_last_epoch: (!last.is_nan()).then_some(last),
            },
            _ => Self::default(),
        }
    }
}

/// How much was done and how long it took, over all attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Work {
    /// Training images of the epochs that are done.
    pub(super) images: u64,
    /// Seconds of the epochs that are done.
    pub(super) seconds: f64,
    /// Training images of the epoch that has begun.
    pub(super) epoch_images: u64,
    /// Seconds of the epoch that has begun.
    pub(super) epoch_seconds: f64,
}

impl Work {
    /// Training images per second over the epochs that are done.
    pub(super) fn images_per_s(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.images as f64 / self.seconds)
    }
}
