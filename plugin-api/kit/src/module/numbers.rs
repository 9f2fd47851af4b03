//! Which whole numbers a buffer may hold.

use std::ops::Range;
use tch::Tensor;

/// The whole numbers that an [`IntBuffer`](super::IntBuffer) takes over from a checkpoint: labels, places, pointers.
///
/// ```
/// use ssl_plugin_kit::{Tensor, testing::cpu};
/// use ssl_plugin_kit::module::{IntBuffer, Numbers};
///
/// // The place in a queue of 16 where the next keys go.
/// let ptr: IntBuffer<1> = IntBuffer::new(Tensor::zeros([1], &cpu())).of(Numbers::within(0..16));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// One range for each row of the first dimension, or one for all.
    ranges: Vec<Range<i64>>,
    /// One more number, which stands for none.
    beside: Option<i64>,
}

impl Numbers {
    /// The numbers of a range.
    #[must_use]
    pub fn within(range: Range<i64>) -> Self {
        Self::by_row(vec![range])
    }

    /// For each row of the first dimension a range of its own.
    #[must_use]
    pub const fn by_row(ranges: Vec<Range<i64>>) -> Self {
        Self {
            ranges,
            beside: None,
        }
    }

    /// These numbers, and `number`, which stands for none.
    #[must_use]
    pub fn or(self, number: i64) -> Self {
        Self {
            beside: Some(number),
            ..self
        }
    }

    /// The first number that is none of these, as the end of a sentence.
    pub(super) fn refusal(&self, tensor: &Tensor) -> Option<String> {
        if let [range] = &self.ranges[..] {
            return self.first_outside(range, tensor);
        }
        let mut rows = self.ranges.iter().zip(0..);
        rows.find_map(|(range, row)| self.first_outside(range, &tensor.select(0, row)))
    }

    fn first_outside(&self, range: &Range<i64>, tensor: &Tensor) -> Option<String> {
        let mut outside = tensor.lt(range.start).logical_or(&tensor.ge(range.end));
        if let Some(number) = self.beside {
            outside = outside.logical_and(&tensor.ne(number));
        }
        let found = tensor.masked_select(&outside);
        if found.numel() == 0 {
            return None;
        }
        let or = self.beside.map_or_else(String::new, |n| format!(" or {n}"));
        Some(format!(
            "expected whole numbers in {}..{}{or}, found {}",
            range.start,
            range.end,
            found.int64_value(&[0])
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_outside_is_told() {
        let table = Tensor::from_slice(&[0_i64, 2, -100, 3]).reshape([2, 2]);
        let told = |numbers: Numbers| numbers.refusal(&table);
        let all = Numbers::within(0..4);
        assert_eq!(
            told(all.clone()),
            Some("expected whole numbers in 0..4, found -100".to_owned())
        );
        assert_eq!(told(all.or(-100)), None);
        let by_row = Numbers::by_row(vec![0..3, 0..3]).or(-100);
        assert_eq!(
            told(by_row),
            Some("expected whole numbers in 0..3 or -100, found 3".to_owned())
        );
    }

    #[test]
    fn nothing_is_outside_of_an_empty_tensor() {
        let empty = Tensor::from_slice::<i64>(&[]);
        assert_eq!(Numbers::within(0..0).refusal(&empty), None);
    }
}
