//! The stable boundary between the `ssl-lottery` host and its framework plugins.
//!
//! What crosses is *features in, loss and gradients out*: tensors as DLPack-layout descriptors
//! ([`FfiTensor`]), descriptions as JSON ([`description`]), errors as code, kind and message
//! ([`Fault`]). Autodiff graphs and the tensors of any library never cross.
//!
//! - A plugin implements [`export::Framework`] and [`export::Instance`] and exports them with
//!   [`export_plugin!`]; most authors use the kit on top of it.
//! - The host opens a library with [`foreign::Plugin::open`], which checks the ABI's major number,
//!   the layout of every type, and the capabilities the plugin asks for, in that order.
//! - Every call into a plugin is wrapped on the plugin's side: a panic becomes a [`Fault`].
//!
//! # Memory
//! A descriptor owns a reference to its memory through its deleter, whichever side made it.
//! Feature tensors handed to a plugin are read-only; gradients handed back belong to the host.
//! Parameter tensors are views of the plugin's own storage: the host updates them in place.
//!
//! # Minor versions
//! Only ever add at the end of prefix types; `tests/layout.rs` fails on anything else.

pub mod description;
mod exchange;
pub mod export;
mod fault;
pub mod foreign;
mod module;
mod services;
mod site;
mod tensor;
mod version;

pub use exchange::{EpochPlan, Feature, Metric, Moment, NamedTensor, StepInput, StepOutput};
pub use fault::{Fault, FaultKind};
pub use module::layout_report;
pub use services::{LogLevel, Reduce, Services, SharedServices, SingleProcess};
pub use site::{FeatureDim, Hello, Site};
pub use tensor::{Device, DeviceKind, Dtype, Element, FfiTensor, Flags, TensorFault};
pub use version::{ABI_MAJOR, ABI_MINOR, AbiTag, CAPABILITIES, MAGIC};
