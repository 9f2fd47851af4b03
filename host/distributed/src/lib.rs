//! The processes of a data-parallel run, called ranks, on libtorch's own c10d.
//!
//! [`Launch`] reads where a process stands among the others from its environment, as `torchrun` and Slurm set it.
//! [`Ranks::join`] meets the others: Gloo connects processors, NCCL connects GPUs. A collective has to be called by all
//! ranks in the same order with tensors of the same shape; [`Ranks::agree`] finds out at once where one does not, and
//! [`Ranks::blame`] names the rank that ended the others' work.
//!
//! Where libtorch has no c10d, this crate still compiles, and [`Store::serve`] and [`Store::connect`] give the error that says so.

mod batch_norm;
mod call;
mod error;
mod ffi;
mod group;
mod launch;
mod ranks;
mod store;

pub use batch_norm::BatchNorm;
pub use call::{Call, Operation};
pub use error::DistributedError;
pub use group::{Group, Pending, Reduction};
pub use launch::{Launch, LaunchError};
pub use ranks::Ranks;
pub use store::Store;
