//! Small tensors of places: which row is whose.

use burn::tensor::{Device, Int, Tensor};
use ssl_plugin_api::export::called;

/// The numbers `first … first + count − 1`.
#[must_use]
#[track_caller]
pub fn range(first: usize, count: usize, device: &Device) -> Tensor<1, Int> {
    let _call = called();
    Tensor::arange(first as i64..(first + count) as i64, device)
}

/// `[rows, columns]`, row `i` all zero but for a one at column `first + i`: where this rank's rows
/// stand among those of all ranks.
#[must_use]
#[track_caller]
pub fn one_hot_rows(rows: usize, columns: usize, first: usize, device: &Device) -> Tensor<2> {
    let _call = called();
    let column = range(0, columns, device).reshape([1, columns]);
    let own = range(first, rows, device).reshape([rows, 1]);
    column
        .repeat_dim(0, rows)
        .equal(own.repeat_dim(1, columns))
        .float()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_stand_at_the_ranks_own_columns() {
        let device = crate::bridge::device("cpu").expect("the CPU");
        let ones = one_hot_rows(2, 5, 3, &device).into_data();
        let expected = [0.0_f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        assert_eq!(ones.as_slice::<f32>().expect("f32"), expected);
    }
}
