//! From the kit's trait to the boundary's.

use super::config::Config;
use super::contract::{Framework, Start};
use super::running::Running;
use crate::bridge::device;
use crate::ranks::Ranks;
use serde_json::Value;
use ssl_plugin_api::description::{Card, Description};
use ssl_plugin_api::export;
use ssl_plugin_api::{Fault, SharedServices, Site};
use std::marker::PhantomData;
use std::sync::Arc;

/// Exports a [`Framework`].
pub struct Adapter<F>(PhantomData<fn() -> F>);

impl<F: Framework> Adapter<F> {
    /// The adapter of a framework.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Framework> Default for Adapter<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Framework> export::Framework for Adapter<F> {
    fn card(&self) -> Card {
        F::card()
    }

    fn describe(&self, config: &Value) -> Result<Description, Fault> {
        F::describe(&F::Config::read(config)?)
    }

    fn create(
        &self,
        config: &Value,
        site: Site,
        services: SharedServices,
    ) -> Result<Box<dyn export::Instance>, Fault> {
        let config = F::Config::read(config)?;
        let start = Start {
            device: device(&site.device)?,
            ranks: Ranks::new(site.world_size, site.rank, Arc::new(services)),
            site,
        };
        Ok(Box::new(Running {
            framework: F::start(config, start)?,
        }))
    }
}
