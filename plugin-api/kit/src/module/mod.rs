//! Named weights and buffers.
//!
//! Not burn's `Module` derive: names must follow PyTorch's state-dict habit (`projector.0.weight`,
//! where 0 counts activations too), storage must keep its address because the host updates it in
//! place, and buffers (running statistics, queues, banks) must be listed as state.

mod momentum;
mod numbers;
mod slot;
mod transfer;
mod visit;

pub use momentum::Momentum;
pub use numbers::Numbers;
pub use slot::{Buffer, IntBuffer, Role, Slot, Weight};
pub(crate) use transfer::owned;
pub use transfer::{NamedTensors, find_tensor, load, tensors};
pub use visit::{Module, Path, Visitor, visit_slots};
