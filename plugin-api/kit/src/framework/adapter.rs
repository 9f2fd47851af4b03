//! From the kit's trait to the boundary's.

use super::config::Config;
use super::contract::{Framework, Start};
use super::running::Running;
use crate::bridge::device;
use crate::ranks::Ranks;
use serde_json::Value;
use ssl_plugin_api::description::{Description, Metadata};
use ssl_plugin_api::export;
use ssl_plugin_api::{Fault, RunContext, SharedServices};
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
    fn metadata(&self) -> Metadata {
        F::metadata()
    }

    fn describe(&self, config: &Value) -> Result<Description, Fault> {
        F::describe(&F::Config::read(config)?)
    }

    fn create(
        &self,
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn export::Instance>, Fault> {
        let config = F::Config::read(config)?;
        let start = Start {
            device: device(&context.device)?,
            ranks: Ranks::new(context.world_size, context.rank, Arc::new(services)),
            context,
        };
        Ok(Box::new(Running {
            framework: F::start(config, start)?,
        }))
    }
}
