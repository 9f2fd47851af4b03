//! What has to hold for buffers.

use super::*;
use crate::blocks::testing::{matrix, values};

#[test]
fn values_given_out_survive_a_later_set() {
    let mut queue = Buffer::new(matrix([[1.0, 2.0], [3.0, 4.0]]));
    let q = matrix([[1.0, 10.0]]).autodiff().require_grad();
    let loss = q.clone().matmul(queue.val()).sum();
    queue.set(&matrix([[9.0, 9.0], [9.0, 9.0]]));
    let gradient = q.grad(&loss.backward()).expect("the loss depends on q");
    assert_eq!(values(gradient), [3.0, 7.0]);
    assert_eq!(values(queue.val()), [9.0; 4]);
}

#[test]
fn values_given_out_survive_a_partial_write() {
    let mut queue = Buffer::new(matrix([[1.0, 2.0], [3.0, 4.0]]));
    let before = queue.val();
    let _ = queue.writable().expect("the buffer is filled").fill_(7.0);
    assert_eq!(values(before), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(values(queue.val()), [7.0; 4]);
}

#[test]
fn a_buffer_held_by_nobody_else_stays_in_place() {
    let mut bank = Buffer::new(matrix([[1.0, 2.0]]));
    let address = |bank: &Buffer<2>| bank.storage().expect("the buffer is filled").data_ptr();
    let before = address(&bank);
    bank.set(&matrix([[3.0, 4.0]]));
    let _ = bank.writable().expect("the buffer is filled").fill_(5.0);
    assert_eq!(address(&bank), before);
    assert_eq!(values(bank.val()), [5.0, 5.0]);
}
