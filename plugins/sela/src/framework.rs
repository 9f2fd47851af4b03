//! Which version a configuration means.

use crate::config::SelaConfig;
use crate::describe;
use crate::v1::V1;
use crate::v2::V2;
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::framework::{Start, Version, Versioned, Versions};

/// SeLa at work.
pub type Sela = Versioned<Both>;

/// SeLa's two versions.
pub enum Both {}

impl Versions for Both {
    type Config = SelaConfig;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &SelaConfig) -> Description {
        describe::description(config)
    }

    fn start(config: SelaConfig, start: Start) -> Result<Box<dyn Version>, Fault> {
        Ok(match config {
            SelaConfig::V2(config) => Box::new(V2::new(config, start)?),
            SelaConfig::V1(config) => Box::new(V1::new(config, start)?),
        })
    }
}
