//! The stable boundary between the `ssl-lottery` host and its framework plugins.
//!
//! What crosses is *features in, loss and gradients out*, through the C tables of
//! `include/ssl_lottery.h`: DLPack tensors ([`FfiTensor`]), descriptions as JSON ([`description`]),
//! errors as number and sentence ([`Fault`]). Autodiff graphs and the tensors of any library never
//! cross, and no Rust type does.
//!
//! - A plugin implements [`export::Framework`] and [`export::Instance`] and exports them with
//!   [`export_plugin!`]; most authors use the kit on top of it.
//! - The host opens a library with [`foreign::Plugin::open`], which checks the ABI's major number, the
//!   capabilities the plugin asks for, and the libtorch it was built for, in that order.
//! - Every call into a plugin is wrapped on the plugin's side: a panic becomes a [`Fault`].
//!
//! # Memory
//! A descriptor owns a reference to its memory through its deleter, whichever side made it.
//! Feature tensors handed to a plugin are read-only; gradients handed back belong to the host.
//! Parameter tensors are views of the plugin's own storage: the host updates them in place.
//!
//! # Minor versions
//! Only ever add at the end of tables and structs; `tests/layout.rs` fails on anything else.

mod abi;
mod context;
pub mod description;
mod exchange;
pub mod export;
mod fault;
pub mod foreign;
mod services;
mod tensor;
mod version;

pub use abi::{CLayout, layouts};
pub use context::{FeatureDim, Hello, RunContext};
pub use exchange::{EpochPlan, Feature, Metric, NamedTensor, StepInput, StepOutput, TrainStep};
pub use fault::{Fault, FaultKind};
pub use services::{LogLevel, Reduce, Services, SharedServices, SingleProcess};
pub use tensor::{Device, DeviceKind, Dtype, Element, FfiTensor, Flags, TensorFault};
pub use version::{ABI_MAJOR, ABI_MINOR, CAPABILITIES, LIBTORCH, is_same_libtorch};
