//! Tensors by name: taken from a plugin, given to it, compared byte by byte.

use ssl_plugin_api::{Fault, NamedTensor};
use ssl_plugin_tensor::{export, import};
use tch::Tensor;

/// Tensors by name, in the plugin's order.
pub type Named = Vec<(String, Tensor)>;

/// A tensor's type, shape and values as bytes.
#[must_use]
pub fn tensor_bytes(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = format!("{:?}{:?}", tensor.kind(), tensor.size()).into_bytes();
    bytes.extend(value_bytes(tensor));
    bytes
}

/// A tensor's values as bytes, row by row.
#[must_use]
pub fn value_bytes(tensor: &Tensor) -> Vec<u8> {
    let dense = tensor.detach().to_device(tch::Device::Cpu).contiguous();
    let mut bytes = vec![0; dense.numel() * dense.kind().elt_size_in_bytes()];
    if !bytes.is_empty() {
        dense.copy_data_u8(&mut bytes, dense.numel());
    }
    bytes
}

/// Tensors of a plugin, without a copy.
///
/// # Errors
/// A tensor that does not cross.
pub fn imported(list: Vec<NamedTensor>) -> Result<Named, Fault> {
    list.into_iter()
        .map(|named| Ok((named.name, import(named.tensor)?)))
        .collect()
}

/// Copies of a plugin's tensors.
///
/// # Errors
/// A tensor that does not cross.
pub fn copies(list: Vec<NamedTensor>) -> Result<Named, Fault> {
    let list = imported(list)?;
    Ok(list.into_iter().map(|(name, t)| (name, t.copy())).collect())
}

/// Tensors for a plugin to take over.
///
/// # Errors
/// A tensor that does not cross.
pub fn offered(list: &Named) -> Result<Vec<NamedTensor>, Fault> {
    list.iter()
        .map(|(name, tensor)| {
            Ok(NamedTensor {
                name: name.clone(),
                tensor: export(tensor)?,
            })
        })
        .collect()
}

/// The first tensor that differs between two lists, by name; byte by byte.
#[must_use]
pub fn first_difference(one: &Named, other: &Named) -> Option<String> {
    let names = |list: &Named| {
        list.iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    if names(one) != names(other) {
        return Some("the list of names".to_owned());
    }
    one.iter()
        .zip(other)
        .find(|((_, a), (_, b))| tensor_bytes(a) != tensor_bytes(b))
        .map(|((name, _), _)| name.clone())
}
