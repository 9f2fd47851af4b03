//! The queue of keys of MoCo v2 and PCL.

use super::error::BlockError;
use super::normalize::unit_rows;
use super::queue_contrast::queue_contrast;
use super::queues::push_columns;
use crate::framework::Start;
use crate::module;
use crate::module::{Buffer, IntBuffer, Numbers};
use crate::ranks::Ranks;
use burn::tensor::Tensor;
use ssl_plugin_api::Fault;
use ssl_plugin_api::export::called;

module! {
    /// Keys of earlier batches, the same on every rank.
    pub struct KeyQueue {
        /// Columns of unit length, `[dim, size]`.
        pub queue: Buffer<2>,
        /// The column where the next keys go, int64 `[1]`.
        pub queue_ptr: IntBuffer<1>,
        ..
        ranks: Ranks,
    }
}

impl KeyQueue {
    /// A queue of random keys, and its pointer at 0.
    ///
    /// # Errors
    /// A configuration fault that names the key `queue_size` when whole global batches do not fill the queue exactly.
    ///
    /// # Source
    /// `moco/builder.py`, `MoCo.__init__`.
    pub fn new(size: usize, dim: usize, start: &Start) -> Result<Self, Fault> {
        let batch = start.context.global_batch();
        if batch == 0 || !size.is_multiple_of(batch) {
            return Err(Fault::config(format!(
                "`queue_size`: expected a multiple of the global batch of {batch}, found {size}"
            )));
        }
        let mut random = start.random("queue");
        let keys = random.normal([size, dim], 0.0, 1.0, &start.device);
        Ok(Self {
            queue: Buffer::new(unit_rows(keys).transpose()),
            queue_ptr: IntBuffer::new(Tensor::zeros([1], &start.device))
                .of(Numbers::within(0..size as i64)),
            ranks: start.ranks.clone(),
        })
    }

    /// [`queue_contrast`] of queries with their keys against the queue; the keys of all ranks join it afterwards.
    ///
    /// # Shapes
    /// - `q`, `k`: `[batch, dim]`, rows of unit length
    /// - returns `[1]`
    ///
    /// # Errors
    /// [`BlockError`] when the shapes do not fit or a collective fails.
    #[track_caller]
    pub fn contrast(
        &mut self,
        q: Tensor<2>,
        k: Tensor<2>,
        temperature: f64,
    ) -> Result<Tensor<1>, BlockError> {
        let _call = called();
        let loss = queue_contrast(q, k.clone(), self.queue.val(), temperature)?;
        let keys = self.ranks.all_gather(k)?;
        push_columns(&mut self.queue, &mut self.queue_ptr, &keys)?;
        Ok(loss)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, values};
    use crate::testing::context;

    fn queue(size: usize) -> Result<KeyQueue, Fault> {
        let start = Start {
            context: context(5, 3),
            device: cpu(),
            ranks: Ranks::single(),
        };
        KeyQueue::new(size, 4, &start)
    }

    #[test]
    fn columns_are_different_and_of_unit_length() {
        let KeyQueue {
            queue, queue_ptr, ..
        } = queue(6).unwrap();
        let products = values(queue.val().transpose().matmul(queue.val()));
        close(&[products[0], products[7], products[35]], &[1.0; 3], 1e-6);
        assert!(products[1].abs() < 0.99);
        assert_eq!(queue.val().dims(), [4, 6]);
        assert_eq!(queue_ptr.val().into_scalar::<i64>(), 0);
    }

    #[test]
    fn a_size_that_batches_do_not_fill_is_refused() {
        assert_eq!(
            queue(7).err().unwrap().message,
            "`queue_size`: expected a multiple of the global batch of 3, found 7"
        );
    }

    #[test]
    fn keys_join_the_queue_after_the_loss() {
        let mut queue = queue(6).unwrap();
        let before = queue.queue.val();
        let q = || matrix([[1.0, 0.0, 0.0, 0.0], [0.0, 0.6, 0.0, 0.8]]);
        let k = || matrix([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]]);
        let loss = queue.contrast(q(), k(), 0.2).unwrap();
        let expected = queue_contrast(q(), k(), before, 0.2).unwrap();
        assert_eq!(values(loss), values(expected));
        assert_eq!(
            values(queue.queue.val().narrow(1, 0, 2)),
            values(k().transpose())
        );
        assert_eq!(queue.queue_ptr.val().into_scalar::<i64>(), 2);
    }
}
