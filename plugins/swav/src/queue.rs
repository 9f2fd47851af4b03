//! The queue of earlier projections that widens Sinkhorn's batch.

use ssl_plugin_kit::blocks::{BlockError, shift_in};
use ssl_plugin_kit::module;
use ssl_plugin_kit::module::Buffer;
use ssl_plugin_kit::{Device, Tensor};

module! {
    /// SwAV's state.
    pub struct State {
        /// `[crops_for_assign, size, dim]`, newest first; absent until its first epoch.
        pub queue: Buffer<3>,
    }
}

impl State {
    /// Makes the queue, all zeros, unless it is there.
    pub(crate) fn start_queue(&mut self, shape: [usize; 3], device: &Device) {
        if self.queue.get().is_none() {
            self.queue.set(&Tensor::zeros(shape, device));
        }
    }

    /// The rows of queue `n`, when it is full: its last slot is not all zero.
    pub(crate) fn full(&self, n: usize) -> Option<Tensor<2>> {
        let queue = self.queue.get()?;
        let [_, size, dim] = queue.dims();
        let rows = queue.narrow(0, n, 1).reshape([size, dim]);
        let last: f32 = rows
            .clone()
            .narrow(0, size - 1, 1)
            .abs()
            .sum()
            .into_scalar();
        (last > 0.0).then_some(rows)
    }

    /// Puts a batch in front of queue `n`, if there is one.
    pub(crate) fn push(&mut self, n: usize, z: &Tensor<2>) -> Result<(), BlockError> {
        match self.queue.get() {
            None => Ok(()),
            Some(_) => shift_in(&mut self.queue, n, z),
        }
    }
}
