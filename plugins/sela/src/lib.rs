//! SeLa: labels that use all clusters alike, found by optimal transport, and a network that learns
//! them, in turns.
//!
//! - v1: Asano, Rupprecht, Vedaldi, "Self-labelling via simultaneous clustering and representation
//!   learning", ICLR 2020, arXiv:1911.05371. Follows yukimasano/self-label at 3891e37.
//! - v2: the same idea with SwAV's crops, projector and prototypes: Caron, Misra, Mairal, Goyal,
//!   Bojanowski, Joulin, NeurIPS 2020, arXiv:2006.09882, section 5.1 and appendix D. No code was
//!   published; follows the paper and its author's advice to change DeepCluster-v2's code.

mod config;
mod describe;
mod framework;
mod passes;
mod schema;
mod v1;
mod v2;

pub use config::{SelaConfig, V1Config, V2Config};
pub use framework::{Both, Sela};
pub use passes::due_at;
pub use v1::V1;
pub use v2::V2;

ssl_plugin_kit::export_frameworks!(Sela; requires: ["feature-passes"]);
