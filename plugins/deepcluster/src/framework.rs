//! Which version a configuration means.

use crate::config::DeepClusterConfig;
use crate::describe;
use crate::v1::V1;
use crate::v2::V2;
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Start, Version, Versioned, Versions};

/// DeepCluster at work.
pub type DeepCluster = Versioned<Both>;

/// DeepCluster's two versions.
pub enum Both {}

impl Versions for Both {
    type Config = DeepClusterConfig;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &DeepClusterConfig) -> Description {
        describe::description(config)
    }

    fn start(config: DeepClusterConfig, start: Start) -> Result<Box<dyn Version>, Fault> {
        Ok(match config {
            DeepClusterConfig::V2(config) => Box::new(V2::new(config, start)?),
            DeepClusterConfig::V1(config) => Box::new(V1::new(config, start)?),
        })
    }
}
