//! The queue of keys that MoCo v2 and PCL start with.

use super::normalize::unit_rows;
use crate::module::{Buffer, IntBuffer};
use crate::random::Random;
use burn::tensor::{Device, Tensor};
use ssl_plugin_api::Fault;

/// A queue of random keys, columns of unit length `[dim, size]`, and its pointer at 0.
///
/// Same on every rank, as `random` is; filled by [`push_columns`](super::push_columns), read by
/// [`queue_contrast`](super::queue_contrast).
///
/// # Errors
/// A configuration fault that names the key `queue_size` when whole global batches do not fill the
/// queue exactly.
///
/// # Source
/// `moco/builder.py`, `MoCo.__init__`.
pub fn key_queue(
    size: usize,
    dim: usize,
    global_batch: usize,
    random: &mut Random,
    device: &Device,
) -> Result<(Buffer<2>, IntBuffer<1>), Fault> {
    if global_batch == 0 || !size.is_multiple_of(global_batch) {
        return Err(Fault::config(format!(
            "`queue_size`: expected a multiple of the global batch of {global_batch}, found {size}"
        )));
    }
    let keys = random.normal([size, dim], 0.0, 1.0, device);
    let queue = Buffer::new(unit_rows(keys).transpose());
    Ok((queue, IntBuffer::new(Tensor::zeros([1], device))))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, values};

    #[test]
    fn columns_are_different_and_of_unit_length() {
        let mut random = Random::new(3, "queue");
        let (queue, ptr) = key_queue(6, 4, 3, &mut random, &cpu()).unwrap();
        let products = values(queue.val().transpose().matmul(queue.val()));
        close(&[products[0], products[7], products[35]], &[1.0; 3], 1e-6);
        assert!(products[1].abs() < 0.99);
        assert_eq!(queue.val().dims(), [4, 6]);
        assert_eq!(ptr.val().into_scalar::<i64>(), 0);
    }

    #[test]
    fn a_size_that_batches_do_not_fill_is_refused() {
        let fault = key_queue(7, 4, 3, &mut Random::new(3, "queue"), &cpu()).err();
        assert_eq!(
            fault.unwrap().message,
            "`queue_size`: expected a multiple of the global batch of 3, found 7"
        );
    }
}
