//! SeLa: labels that use all clusters alike, found by optimal transport, and a network that learns
//! them, in turns.
//!
//! - v1: Asano, Rupprecht, Vedaldi, "Self-labelling via simultaneous clustering and representation
//!   learning", ICLR 2020, arXiv:1911.05371. Follows yukimasano/self-label at 3891e37.
//! - v2: the same idea with SwAV's crops, projector and prototypes: Caron, Misra, Mairal, Goyal,
//!   Bojanowski, Joulin, NeurIPS 2020, arXiv:2006.09882, section 5.1 and appendix D. No code was
//!   published; follows the paper and its author's advice to change DeepCluster-v2's code.

mod passes;
mod v1;
mod v2;

pub use passes::due_at;
pub use v1::{V1, V1Config};
pub use v2::{V2, V2Config};

use ssl_plugin_kit::prelude::*;

versions! {
    /// SeLa, in two versions.
    pub Sela = "v2": V2, "v1": V1;
    "v2: prototypes on projections of several crops; v1: linear classifiers",
    from "arXiv:2006.09882 and arXiv:1911.05371"
}

const IDENTITY: Identity = Identity {
    id: "sela",
    name: "SeLa",
    family: Family::Clustering,
    paper: "arXiv:1911.05371",
    year: 2019,
};

/// Refuses more clusters than there are images: some would have none, whatever the labels.
///
/// # Errors
/// Key, value and rule.
fn check_clusters(key: &str, clusters: usize, samples: usize) -> Result<(), Fault> {
    if clusters <= samples {
        return Ok(());
    }
    Err(Fault::config(format!(
        "`{key}`: expected at most the {samples} training images, found {clusters}"
    )))
}

ssl_plugin_kit::export_frameworks!(Sela; requires: ["feature-passes"]);
