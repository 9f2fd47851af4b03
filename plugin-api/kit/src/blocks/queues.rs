//! Queues: buffers that are written a part at a time.
//!
//! Nothing here touches what `val()` gave out before, so a loss may use a queue and then put its keys into it.

use super::error::{BlockError, check_columns};
use crate::bridge::to_tch;
use crate::module::{Buffer, IntBuffer};
use burn::tensor::Tensor;
use ssl_plugin_api::export::called;

/// Puts keys into the columns of a ring buffer: `queue[:, ptr … ptr+B−1] = keysᵀ`, `ptr ← (ptr + B) mod K`.
///
/// A write that passes the end goes on at the start.
///
/// # Shapes
/// - `queue`: `[dim, K]`; `ptr`: int64 `[1]`
/// - `keys`: `[B, dim]`, `B ≤ K`
///
/// # Errors
/// [`BlockError::Shape`] for keys of another width, more keys than places, or an absent queue or pointer.
///
/// # Source
/// MoCo (arXiv:1911.05722), `moco/builder.py:_dequeue_and_enqueue`.
#[track_caller]
pub fn push_columns(
    queue: &mut Buffer<2>,
    ptr: &mut IntBuffer<1>,
    keys: &Tensor<2>,
) -> Result<(), BlockError> {
    let _call = called();
    let Some(mut storage) = queue.writable() else {
        return Err(absent("queue"));
    };
    storage = storage.transpose(0, 1);
    push(&storage, ptr, keys)
}

/// Puts words into the rows of a ring buffer: as [`push_columns`] for a queue of shape `[K, dim]` (OBoW's vocabulary).
///
/// ```
/// use ssl_plugin_kit::module::{Buffer, IntBuffer};
/// use ssl_plugin_kit::{Tensor, blocks::push_rows, testing::{cpu, matrix, values}};
///
/// let mut words = Buffer::new(matrix([[1.0], [2.0], [3.0]]));
/// let mut ptr = IntBuffer::new(Tensor::from_data([2], &cpu()));
/// push_rows(&mut words, &mut ptr, &matrix([[10.0], [11.0]])).unwrap();
/// assert_eq!(values(words.val()), [11.0, 2.0, 10.0]);
/// ```
///
/// # Errors
/// As [`push_columns`].
#[track_caller]
pub fn push_rows(
    queue: &mut Buffer<2>,
    ptr: &mut IntBuffer<1>,
    words: &Tensor<2>,
) -> Result<(), BlockError> {
    let _call = called();
    let Some(storage) = queue.writable() else {
        return Err(absent("queue"));
    };
    push(&storage, ptr, words)
}

/// Puts a batch in front of one queue of a stack, moves the rest back, and drops what falls off the end.
///
/// # Shapes
/// - `queues`: `[queues, L, dim]`, `which` of them is meant
/// - `rows`: `[B, dim]`, `B ≤ L`; they become rows `0 … B−1`
///
/// # Errors
/// [`BlockError::Shape`] for rows of another width, more rows than places, no such queue, or absent queues.
///
/// # Source
/// SwAV (arXiv:2006.09882), `main_swav.py` ("fill the queue").
#[track_caller]
pub fn shift_in(queues: &mut Buffer<3>, which: usize, rows: &Tensor<2>) -> Result<(), BlockError> {
    const AT: &str = "queue";
    let _call = called();
    let mut queue = layer(queues, which, AT)?;
    let (batch, length) = fitting(&queue, rows, AT)?;
    let kept = queue.narrow(0, 0, length - batch).copy();
    queue.narrow(0, batch, length - batch).copy_(&kept);
    queue = queue.narrow(0, 0, batch);
    queue.copy_(&to_tch(rows));
    Ok(())
}

fn push(storage: &tch::Tensor, ptr: &mut IntBuffer<1>, rows: &Tensor<2>) -> Result<(), BlockError> {
    let (batch, places) = fitting(storage, rows, "queue")?;
    let Some(mut place) = ptr.writable() else {
        return Err(absent("pointer"));
    };
    let start = i64::try_from(&place).unwrap_or(0).rem_euclid(places);
    let rows = to_tch(rows);
    let before_end = batch.min(places - start);
    storage
        .narrow(0, start, before_end)
        .copy_(&rows.narrow(0, 0, before_end));
    storage
        .narrow(0, 0, batch - before_end)
        .copy_(&rows.narrow(0, before_end, batch - before_end));
    let _ = place.fill_((start + batch) % places);
    Ok(())
}

pub(super) fn layer(
    stack: &mut Buffer<3>,
    which: usize,
    at: &'static str,
) -> Result<tch::Tensor, BlockError> {
    let storage = stack.writable().ok_or_else(|| absent(at))?;
    if signed(which) < storage.size()[0] {
        return Ok(storage.select(0, signed(which)));
    }
    Err(BlockError::Setting {
        what: "index",
        expected: format!("below {}", storage.size()[0]),
        found: which.to_string(),
        at,
    })
}

/// Number of rows and of places, once they fit.
pub(super) fn fitting(
    storage: &tch::Tensor,
    rows: &Tensor<2>,
    at: &'static str,
) -> Result<(i64, i64), BlockError> {
    let (places, width) = (storage.size()[0], storage.size()[1]);
    let found = rows.dims();
    check_columns(found, usize::try_from(width).unwrap_or(0), "rows", at)?;
    let batch = signed(found[0]);
    if batch <= places && places > 0 {
        return Ok((batch, places));
    }
    Err(BlockError::Shape {
        what: "rows",
        expected: format!("[at most {places}, {width}]"),
        found: found.to_vec(),
        at,
    })
}

fn absent(at: &'static str) -> BlockError {
    BlockError::Setting {
        what: "buffer",
        expected: "filled".to_owned(),
        found: "none".to_owned(),
        at,
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{cpu, matrix, values};

    fn pointer(at: i64) -> IntBuffer<1> {
        IntBuffer::new(Tensor::from_data([at], &cpu()))
    }

    fn place(ptr: &IntBuffer<1>) -> i64 {
        ptr.val().into_scalar()
    }

    #[test]
    fn keys_become_columns_and_the_pointer_moves() {
        let mut queue = Buffer::new(matrix([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]));
        let mut ptr = pointer(2);
        push_columns(&mut queue, &mut ptr, &matrix([[10.0, 20.0], [11.0, 21.0]])).unwrap();
        assert_eq!(
            values(queue.val()),
            [1.0, 2.0, 10.0, 11.0, 5.0, 6.0, 20.0, 21.0]
        );
        assert_eq!(place(&ptr), 0);
    }

    #[test]
    fn a_write_over_the_end_goes_on_at_the_start() {
        let mut words = Buffer::new(matrix([[1.0], [2.0], [3.0]]));
        let mut ptr = pointer(2);
        push_rows(&mut words, &mut ptr, &matrix([[10.0], [11.0]])).unwrap();
        assert_eq!(values(words.val()), [11.0, 2.0, 10.0]);
        assert_eq!(place(&ptr), 1);
        assert!(push_rows(&mut words, &mut ptr, &matrix([[1.0], [2.0], [3.0], [4.0]])).is_err());
        assert!(push_rows(&mut words, &mut ptr, &matrix([[1.0, 2.0]])).is_err());
    }

    #[test]
    fn the_loss_sees_the_queue_before_the_keys() {
        let mut queue = Buffer::new(matrix([[1.0, 2.0], [3.0, 4.0]]));
        let q = matrix([[1.0, 1.0]]).autodiff().require_grad();
        let loss = q.clone().matmul(queue.val()).sum();
        push_columns(&mut queue, &mut pointer(0), &matrix([[9.0, 9.0]])).unwrap();
        assert_eq!(values(q.grad(&loss.backward()).unwrap()), [3.0, 7.0]);
    }

    #[test]
    fn newest_rows_stand_in_front() {
        let rows = |first: f32| matrix([[first], [first + 1.0]]);
        let mut queues = Buffer::new(Tensor::zeros([2, 5, 1], &cpu()));
        for first in [10.0, 20.0, 30.0] {
            shift_in(&mut queues, 1, &rows(first)).unwrap();
        }
        assert_eq!(
            values(queues.val()),
            [0.0, 0.0, 0.0, 0.0, 0.0, 30.0, 31.0, 20.0, 21.0, 10.0]
        );
        assert!(shift_in(&mut queues, 2, &rows(1.0)).is_err());
    }
}
