//! PCL: a query finds its key among other images' keys, and its prototypes among other clusters'.
//!
//! Li, Zhou, Xiong, Hoi, "Prototypical Contrastive Learning of Unsupervised Representations", ICLR
//! 2021, arXiv:2005.04966. Follows the authors' code (salesforce/PCL at 964da1f, `pcl/builder.py` and
//! `main_pcl.py`), version 2.

mod clusters;
mod config;
mod density;
mod framework;
mod loss;

pub use clusters::Clusters;
pub use config::PclConfig;
pub use density::{Concentration, densities};
pub use framework::Pcl;
pub use loss::prototype_contrast;

ssl_plugin_kit::export_frameworks!(Pcl; requires: ["feature-passes"]);
