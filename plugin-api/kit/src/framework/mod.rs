//! The trait a framework implements, and what its functions get.

mod config;
mod contract;
mod exported;
mod exporter;
mod features;
pub mod range;
mod running;
mod step;
mod versions;

pub use config::Config;
#[doc(hidden)]
pub use config::{checked, key};
pub use contract::{Framework, Identity};
pub use exported::{Adapter, Exported};
pub use exporter::Registration;
pub use features::Features;
pub use step::{Loss, Start};
pub use versions::{Version, Versions};
