//! The boundary as `include/ssl_lottery.h` has it, in Rust: the only thing that crosses.
//!
//! [`crate::export`] fills these tables from traits, [`crate::foreign`] reads them.

#![allow(
    unsafe_code,
    reason = "C structs are read and filled in through pointers"
)]

mod exchange;
mod features;
mod layout;
mod tables;
mod text;

pub(crate) use exchange::{
    EpochPlan, Feature, Given, MetricSink, Metrics, Named, NamedSink, StepIn, StepOut, TrainStep,
    take_named,
};
pub(crate) use features::{Features, take_features};
pub use layout::{CLayout, layouts};
pub use tables::PluginTable;
pub(crate) use tables::{InstanceTable, It, ServicesTable, read_sized, write_sized};
pub(crate) use text::{Code, Lines, Sink, Str, answer, text};

/// The one symbol of a plugin: a function that returns its table.
pub(crate) const SYMBOL: &str = "ssl_lottery_plugin_v1";
