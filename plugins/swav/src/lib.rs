//! SwAV: the code of one view, from online clustering, is predicted from the others.
//!
//! Caron, Misra, Mairal, Goyal, Bojanowski, Joulin, "Unsupervised Learning of Visual Features by
//! Contrasting Cluster Assignments", NeurIPS 2020, arXiv:2006.09882. Follows the authors' code
//! (facebookresearch/swav at 06b1b7c, `main_swav.py`).

mod framework;

pub use framework::{Swav, SwavConfig};

ssl_plugin_kit::export_frameworks!(Swav);
