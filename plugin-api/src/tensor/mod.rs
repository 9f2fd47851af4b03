//! Tensors as they cross: pointers to DLPack's `DLManagedTensorVersioned`.
//!
//! Source: DLPack 1.x, `dlpack.h`; the constants are its enumerators.

mod descriptor;
mod dtype;
mod handle;
mod received;

pub(crate) use descriptor::Managed;
pub use descriptor::{FfiTensor, Flags};
pub use dtype::{Device, DeviceKind, Dtype, Element};
pub use handle::TensorFault;
pub(crate) use received::Lent;
