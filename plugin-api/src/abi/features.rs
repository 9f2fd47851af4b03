//! Features on both sides of the boundary.

use super::exchange::Feature as Raw;
use super::tables::read_sized;
use crate::description::{Encoder, Level};
use crate::exchange::Feature;
use crate::fault::Fault;
use crate::tensor::{FfiTensor, Lent};

/// Features on their way to a plugin, which takes their tensors over in the call that they are for.
pub(crate) struct Features {
    pointers: Vec<*const Raw>,
    /// What the pointers lead to.
    _items: Vec<Raw>,
}

impl Features {
    pub(crate) fn new(features: Vec<Feature>) -> Self {
        let items: Vec<Raw> = features
            .into_iter()
            .map(|feature| Raw {
                size: size_of::<Raw>() as u64,
                encoder: feature.encoder as u32,
                level: feature.level as u32,
                view: feature.view as u32,
                reserved: 0,
                tensor: feature.tensor.into_raw().cast(),
            })
            .collect();
        Self {
            pointers: items.iter().map(std::ptr::from_ref).collect(),
            _items: items,
        }
    }

    pub(crate) fn as_ptr(&self) -> *const *const Raw {
        self.pointers.as_ptr()
    }

    pub(crate) const fn len(&self) -> u64 {
        self.pointers.len() as u64
    }
}

/// Takes over the features of a call.
///
/// # Safety
/// `features` leads to `count` pointers to features, or may be null if there are none; their tensors'
/// ownership passes.
pub(crate) unsafe fn take_features(
    features: *const *const Raw,
    count: u64,
) -> Result<Vec<Feature>, Fault> {
    let taken: Vec<(Raw, Option<FfiTensor>)> = (0..count as usize)
        .map(|n| {
            // SAFETY: the caller's promise.
            unsafe {
                let raw = read_sized(*features.add(n));
                (raw, FfiTensor::from_raw(raw.tensor.cast()))
            }
        })
        .collect();
    taken
        .into_iter()
        .enumerate()
        .map(|(n, (raw, tensor))| feature(n, &raw, tensor))
        .collect()
}

fn feature(n: usize, raw: &Raw, tensor: Option<FfiTensor>) -> Result<Feature, Fault> {
    let unknown = |what: &str, found: u32| {
        Fault::unsupported(format!(
            "expected feature {n} to have {what} that this plugin was built for, found number {found}"
        ))
    };
    let encoder = [Encoder::Online, Encoder::Target]
        .into_iter()
        .find(|encoder| *encoder as u32 == raw.encoder)
        .ok_or_else(|| unknown("an encoder", raw.encoder))?;
    let level = Level::ALL
        .into_iter()
        .find(|level| *level as u32 == raw.level)
        .ok_or_else(|| unknown("a level", raw.level))?;
    let tensor = tensor
        .ok_or_else(|| Fault::shape(format!("expected feature {n}, found a null pointer")))?
        .received(Lent::Copied)?;
    Ok(Feature {
        encoder,
        view: raw.view as usize,
        level,
        tensor,
    })
}
