//! What authors of framework plugins write against.
//!
//! A framework is a [`config!`] of keys, a [`module!`] of weights and buffers, and an implementation of
//! [`Framework`](framework::Framework): what it asks of the host, how it starts, its loss. The kit does the
//! rest: it wraps the host's tensors without a copy, marks leaves, runs backward, names gradients, loads
//! and lists state, and exports the library ([`export_frameworks!`]).
//!
//! - [`prelude`]: what every framework uses
//! - [`framework`]: the trait to implement and what its functions get
//! - [`mod@module`]: named weights and buffers, in PyTorch's state-dict habit
//! - [`blocks`]: heads, losses, clustering and memories that frameworks share
//! - [`random`]: seeded random numbers
//! - [`recipe`]: shorthands for views, optimisers and schedules
//! - [`ranks`]: collectives with gradient
//! - [`testing`]: a framework in a test, without library and host
//! - [`bridge`]: between burn's tensors, libtorch's and the boundary's

// Macros name the kit as its users do, in its own tests too.
extern crate self as ssl_plugin_kit;

pub mod blocks;
pub mod bridge;
pub mod framework;
mod graph;
pub mod module;
pub mod prelude;
pub mod random;
pub mod ranks;
pub mod recipe;
pub mod testing;

pub use burn;
pub use burn::tensor::{Device, Int, Tensor};
pub use inventory;
pub use serde;
pub use serde_json;
pub use ssl_plugin_api as api;
pub use ssl_plugin_api::{EpochPlan, Fault, RunContext, TrainStep};
pub use ssl_plugin_tensor::libtorch_version;
