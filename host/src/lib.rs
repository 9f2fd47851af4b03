//! The `ssl-lottery` host: it loads framework plugins, pretrains backbones with them, evaluates
//! the backbones on the same data sets under the same protocol, and aggregates the results.
//!
//! | module | concern |
//! |---|---|
//! | [`augment`] | colour, blur and the like on whole batches, for GPUs |
//! | [`backbone`] | residual networks: parameters, forward passes, import |
//! | [`checksum`] | digests of what is kept on disk, checked when it is read |
//! | [`cli`] | the command line, exit codes, how errors are shown |
//! | [`conformance`] | certification of plugins: checks on drawn features, golden vectors |
//! | [`config`] | benchmark files: schema, ranges, overrides, hashes |
//! | [`exit`] | exit codes |
//! | [`device`] | devices by name |
//! | [`evaluate`] | frozen features through kNN and linear heads, scored and recorded |
//! | [`import`] | published checkpoints into backbones, without executing pickles |
//! | [`ledger`] | one directory per cell: what is done, what failed, what is left |
//! | [`libtorch`] | which libtorch this process runs on |
//! | [`memory`] | how this process asks the system for memory |
//! | [`optim`] | optimisers: SGD, LARS, AdamW with parameter groups and clipping |
//! | [`plugins`] | the table of frameworks: plugin files found and refused |
//! | [`pretrain`] | the training loop, driven by a framework's description alone |
//! | [`process`] | child processes with limits: probing, certification, cells |
//! | [`progress`] | progress of long work |
//! | [`report`] | from a ledger to the input of a report |
//! | [`run`] | the whole benchmark: cells in child processes |
//! | [`scaffold`] | new plugin projects, from the examples |
//! | [`tensorfile`] | named tensors on disk |

mod atomic;
pub mod augment;
pub mod backbone;
pub mod checksum;
pub mod cli;
pub mod config;
pub mod conformance;
mod cpu_tensor;
pub mod device;
mod digest;
pub mod evaluate;
pub mod exit;
mod heartbeat;
pub mod import;
pub mod ledger;
pub mod libtorch;
pub mod memory;
pub mod optim;
pub mod plugins;
pub mod pretrain;
pub mod process;
pub mod progress;
mod regular;
pub mod report;
pub mod run;
pub mod scaffold;
pub mod tensorfile;
mod terminal;
