//! libtorch tensors to and from the boundary's descriptors, without copies.
//!
//! Used on both sides: by the host, whose tensors are `tch`'s, and by the kit, under burn's
//! libtorch backend.

mod export;
mod import;

pub use export::{export, export_read_only};
pub use import::{import, libtorch_version};

use ssl_plugin_api::{Device, DeviceKind, Dtype};

/// Pairs of element types on the two sides.
const KINDS: [(tch::Kind, Dtype); 7] = [
    (tch::Kind::Float, Dtype::F32),
    (tch::Kind::Double, Dtype::F64),
    (tch::Kind::Half, Dtype::F16),
    (tch::Kind::BFloat16, Dtype::BF16),
    (tch::Kind::Int64, Dtype::I64),
    (tch::Kind::Uint8, Dtype::U8),
    (tch::Kind::Bool, Dtype::BOOL),
];

/// The boundary's number of a libtorch element type, where it may cross.
#[must_use]
pub fn dtype(kind: tch::Kind) -> Option<Dtype> {
    KINDS.iter().find(|(k, _)| *k == kind).map(|(_, d)| *d)
}

/// The libtorch element type of a number.
#[must_use]
pub fn kind(dtype: Dtype) -> Option<tch::Kind> {
    KINDS.iter().find(|(_, d)| *d == dtype).map(|(k, _)| *k)
}

/// The libtorch device of a descriptor's.
#[must_use]
pub fn device(device: Device) -> Option<tch::Device> {
    match device.kind() {
        DeviceKind::Cpu => Some(tch::Device::Cpu),
        DeviceKind::Cuda => usize::try_from(device.index()).ok().map(tch::Device::Cuda),
        _ => None,
    }
}
