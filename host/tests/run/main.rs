//! The built program carries out whole benchmarks, with a plugin that misbehaves on request.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bad;
mod bench;
mod checkpoints;
mod data;
#[cfg(target_os = "linux")]
mod disk;
mod encoders;
mod faults;
mod features;
mod forecast;
mod foreign;
mod given;
#[cfg(target_os = "linux")]
mod growth;
mod imagenet;
mod interrupt;
mod ledger;
#[cfg(target_os = "linux")]
mod libtorch;
mod parallel;
mod pipes;
mod protocols;
#[cfg(target_os = "linux")]
mod ranks;
mod rude;
mod sets;
mod share;
mod slurm;

#[path = "../torch_file/mod.rs"]
mod torch_file;
