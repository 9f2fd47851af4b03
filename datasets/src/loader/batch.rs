//! A batch and where its buffers go afterwards.

use std::sync::mpsc::Sender;

use super::Pixels;
use crate::views::Drawn;

/// The views of some samples.
#[derive(Debug)]
pub struct Batch {
    /// Number of the batch in its epoch, over all ranks alike.
    pub number: usize,
    /// Numbers of the samples in their set, in order.
    pub indices: Vec<u64>,
    /// One buffer per view.
    pub views: Vec<ViewBuffer>,
    pub(super) home: Option<Sender<Buffers>>,
}

/// One view of all samples of a batch.
#[derive(Debug, Default)]
pub struct ViewBuffer {
    /// Width and height in pixels.
    pub size: usize,
    /// `[samples, 3, size, size]`.
    pub data: Pixels,
    /// `[samples, steps]`: what is still to be done to each sample, in order, where
    /// [`LoaderConfig::defer_steps`](super::LoaderConfig::defer_steps) leaves it to the consumer.
    pub later: Vec<Drawn>,
}

/// What is used again.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub indices: Vec<u64>,
    pub views: Vec<ViewBuffer>,
}

impl Batch {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // The epoch may be over; then the buffers are simply freed.
            let _ = home.send(Buffers {
                indices: std::mem::take(&mut self.indices),
                views: std::mem::take(&mut self.views),
            });
        }
    }
}
