//! DeepCluster: k-means labels the images, the network learns the labels, and so on in turns.
//!
//! - v1 draws a new classifier at every clustering: Caron, Bojanowski, Joulin, Douze, "Deep Clustering
//!   for Unsupervised Learning of Visual Features", ECCV 2018, arXiv:1807.05520. Follows
//!   facebookresearch/deepcluster at 2d1927e, on the pooled features of any backbone.
//! - v2 classifies by the centroids themselves: Caron, Misra, Mairal, Goyal, Bojanowski, Joulin,
//!   "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", NeurIPS 2020,
//!   arXiv:2006.09882, section 5.1 and appendix D. Follows facebookresearch/swav at 06b1b7c,
//!   `main_deepclusterv2.py`.

mod config;
mod describe;
mod framework;
mod sampling;
mod schema;
mod v1;
mod v2;

pub use config::{DeepClusterConfig, V1Config, V2Config};
pub use framework::{Both, DeepCluster};
pub use sampling::uniform_over_clusters;
pub use v1::V1;
pub use v2::{Prototypes, V2};

ssl_plugin_kit::export_frameworks!(DeepCluster; requires: ["feature-passes"]);
