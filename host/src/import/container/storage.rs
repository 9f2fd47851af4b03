//! From bytes and a description to a tensor.

use std::ops::Range;

use tch::Tensor;

use crate::import::pickle::TensorRef;
use crate::import::{ImportError, Result};

/// The bytes of a storage that a tensor covers, given how many bytes the storage has.
///
/// A tensor that reaches beyond its storage, or that repeats elements (so that a small file could
/// ask for any amount of memory), is refused.
pub(super) fn range(name: &str, tensor: &TensorRef, bytes: u64) -> Result<Range<u64>> {
    let fault = |expected: String, found: String| ImportError::Tensor {
        name: name.to_owned(),
        expected,
        found,
    };
    let size = tensor.storage.element.bytes();
    if tensor
        .storage
        .len
        .checked_mul(size)
        .is_none_or(|n| n > bytes)
    {
        return Err(fault(
            format!(
                "{} elements of {size} bytes in its storage",
                tensor.storage.len
            ),
            format!("{bytes} bytes"),
        ));
    }
    let overflow = || {
        fault(
            "a shape within the storage".to_owned(),
            format!("{:?} with strides {:?}", tensor.shape, tensor.stride),
        )
    };
    let first = tensor
        .storage
        .offset
        .checked_add(tensor.offset)
        .ok_or_else(overflow)?;
    let mut count = 1_u64;
    let mut span = 1_u64;
    for (&extent, &stride) in tensor.shape.iter().zip(&tensor.stride) {
        let (extent, stride) = (extent.unsigned_abs(), stride.unsigned_abs());
        count = count.checked_mul(extent).ok_or_else(overflow)?;
        span = extent
            .saturating_sub(1)
            .checked_mul(stride)
            .and_then(|reach| span.checked_add(reach))
            .ok_or_else(overflow)?;
    }
    if count == 0 {
        return Ok(0..0);
    }
    let end = first.checked_add(span).ok_or_else(overflow)?;
    if end > bytes / size || count > span {
        return Err(overflow());
    }
    Ok(first * size..end * size)
}

/// Builds the tensor from the bytes that [`range`] named.
pub(super) fn tensor(tensor: &TensorRef, data: &[u8]) -> Result<Tensor> {
    let kind = tensor.storage.element.0;
    if data.is_empty() {
        return Ok(Tensor::f_zeros(
            tensor.shape.as_slice(),
            (kind, tch::Device::Cpu),
        )?);
    }
    let len = data.len() as u64 / tensor.storage.element.bytes();
    let flat = Tensor::f_from_data_size(data, &[len as i64], kind)?;
    Ok(flat
        .f_as_strided(tensor.shape.as_slice(), tensor.stride.as_slice(), 0)?
        .f_contiguous()?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::rc::Rc;

    use tch::Kind;

    use super::*;
    use crate::import::pickle::{Element, StorageRef};

    fn described(len: u64, offset: u64, shape: &[i64], stride: &[i64]) -> TensorRef {
        TensorRef {
            storage: Rc::new(StorageRef {
                key: "0".to_owned(),
                element: Element(Kind::Float),
                len,
                offset: 0,
            }),
            offset,
            shape: shape.to_vec(),
            stride: stride.to_vec(),
        }
    }

    #[test]
    fn a_transposed_view_reads_its_part() {
        let view = described(8, 1, &[3, 2], &[1, 3]);
        assert_eq!(range("w", &view, 32).unwrap(), 4..28);
        let bytes: Vec<u8> = (1..7).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let expected = Tensor::from_slice(&[1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0]).reshape([3, 2]);
        assert_eq!(tensor(&view, &bytes).unwrap(), expected);
    }

    #[test]
    fn tensor_views_outside_their_storage_are_refused() {
        for bad in [
            described(8, 3, &[3, 2], &[1, 3]),
            described(9, 0, &[2], &[1]),
            described(8, 0, &[1 << 40], &[0]),
            described(8, 0, &[1 << 40, 1 << 40], &[1, 1]),
            described(8, u64::MAX, &[2], &[1]),
        ] {
            assert!(range("w", &bad, 32).is_err(), "{bad:?}");
        }
        assert_eq!(
            range("w", &described(0, 0, &[0, 5], &[5, 1]), 0).unwrap(),
            0..0
        );
    }
}
