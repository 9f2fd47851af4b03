//! DeepCluster: k-means labels the images, the network learns the labels, and so on in turns.
//!
//! - v1 draws a new classifier at every clustering: Caron, Bojanowski, Joulin, Douze, "Deep Clustering
//!   for Unsupervised Learning of Visual Features", ECCV 2018, arXiv:1807.05520. Follows
//!   facebookresearch/deepcluster at 2d1927e, on the pooled features of any backbone.
//! - v2 classifies by the centroids themselves: Caron, Misra, Mairal, Goyal, Bojanowski, Joulin,
//!   "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020,
//!   arXiv:2006.09882, section 5.1 and appendix D. Follows facebookresearch/swav at 06b1b7c,
//!   `main_deepclusterv2.py`.

mod sampling;
mod v1;
mod v2;

pub use sampling::uniform_over_clusters;
pub use v1::{V1, V1Config};
pub use v2::{Prototypes, V2, V2Config};

use ssl_plugin_kit::prelude::*;

versions! {
    /// DeepCluster, in two versions.
    pub DeepCluster = "v2": V2, "v1": V1;
    "v2: centroids as prototypes; v1: a classifier drawn anew at every clustering",
    from "arXiv:2006.09882 and arXiv:1807.05520"
}

const IDENTITY: Identity = Identity {
    id: "deepcluster",
    name: "DeepCluster",
    family: Family::Clustering,
    paper: "arXiv:1807.05520",
    year: 2018,
};

ssl_plugin_kit::export_frameworks!(DeepCluster; requires: ["feature-passes"]);
