//! The trait a framework implements, and what its functions get.

mod adapter;
mod config;
mod contract;
mod exporter;
mod running;
mod versions;
mod views;

pub use adapter::Adapter;
pub use config::{Config, check_absent, key};
pub use contract::{Bank, Framework, Loss, Start, find_in_bank};
pub use exporter::Registration;
pub use versions::{Version, Versioned, Versions};
pub use views::{Views, feature_name};
