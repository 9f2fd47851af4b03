//! What linear heads are trained on: rows of one or several banks of features.

use std::borrow::Cow;

use tch::{Device, Kind, Tensor};

use crate::evaluate::Result;
use crate::progress::Pulse;

/// Training samples. Nothing is copied: batches are gathered from the banks, which may be
/// memory-mapped and of half precision.
#[derive(Clone, Debug)]
pub struct Samples<'a> {
    /// One bank `[samples, dim]` for each pass over the images; epoch `e` uses number `e mod passes`.
    /// Several passes differ in their augmentation.
    passes: Vec<&'a Tensor>,
    /// One label for each row of a bank.
    labels: &'a [u32],
    /// The rows that take part.
    rows: Cow<'a, [usize]>,
    /// Where batches go, and so where heads are trained.
    device: Device,
    /// Beats with every batch.
    pulse: Pulse<'a>,
}

impl<'a> Samples<'a> {
    /// All rows of a bank.
    #[must_use]
    pub fn all(features: &'a Tensor, labels: &'a [u32]) -> Self {
        Self::of_passes(vec![features], labels)
    }

    /// All rows of several banks with the same images, at least one.
    #[must_use]
    pub fn of_passes(passes: Vec<&'a Tensor>, labels: &'a [u32]) -> Self {
        Self {
            passes,
            labels,
            rows: Cow::Owned((0..labels.len()).collect()),
            device: Device::Cpu,
            pulse: Pulse::STILL,
        }
    }

    /// The same samples, with batches on a device. The default is the CPU.
    #[must_use]
    pub fn on(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// The same samples, whose every batch is a beat of the pulse.
    #[must_use]
    pub fn watched(self, pulse: Pulse<'a>) -> Self {
        Self { pulse, ..self }
    }

    /// The pulse that beats with every batch.
    #[must_use]
    pub const fn pulse(&self) -> Pulse<'a> {
        self.pulse
    }

    /// Where batches go.
    #[must_use]
    pub const fn device(&self) -> Device {
        self.device
    }

    /// Some of the rows.
    #[must_use]
    pub fn only(&self, rows: &'a [usize]) -> Self {
        Self {
            rows: Cow::Borrowed(rows),
            ..self.clone()
        }
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Width of the features.
    #[must_use]
    pub fn dim(&self) -> usize {
        let size = self.passes.first().map(|bank| bank.size());
        size.and_then(|size| size.get(1).copied()).unwrap_or(0) as usize
    }

    /// The rows that take part, in their order.
    #[must_use]
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Features `[batch, dim]` (f32) and labels `[batch]` of some rows in an epoch.
    ///
    /// # Errors
    /// What the tensor library reports;
    /// [`EvaluateError::Cancelled`](crate::evaluate::EvaluateError::Cancelled) when the work is to end.
    pub fn batch(&self, epoch: u64, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        self.pulse.beat()?;
        let bank = self.passes[epoch as usize % self.passes.len()];
        let index: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let labels: Vec<i64> = rows
            .iter()
            .map(|&row| i64::from(self.labels[row]))
            .collect();
        let features = bank
            .f_index_select(0, &Tensor::f_from_slice(&index)?)?
            .f_to_device(self.device)?
            .f_to_kind(Kind::Float)?;
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(self.device)?;
        Ok((features, labels))
    }
}
