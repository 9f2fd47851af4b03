//! From the kit's trait to the boundary's.

use super::config::Config;
use super::contract::{Framework, Identity};
use super::running::Running;
use super::step::Start;
use crate::bridge::device;
use crate::ranks::Ranks;
use serde_json::Value;
use ssl_plugin_api::description::{Description, Metadata, Schema};
use ssl_plugin_api::export::{self, Instance};
use ssl_plugin_api::{Fault, RunContext, SharedServices};
use std::marker::PhantomData;
use std::sync::Arc;

/// What a library can export: a [`Framework`], or several [`versions!`](crate::versions!) of one
/// behind one name.
pub trait Exported: 'static {
    /// Who it is.
    fn identity() -> Identity;

    /// Its configuration keys.
    fn schema() -> Schema;

    /// What it asks of the host under a configuration.
    ///
    /// # Errors
    /// Every unknown key and value out of range, in one fault.
    fn description(config: &Value) -> Result<Description, Fault>;

    /// Starts it.
    ///
    /// # Errors
    /// A configuration that is wrong or does not fit the context.
    fn create(
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault>;
}

impl<F: Framework> Exported for F {
    fn identity() -> Identity {
        F::IDENTITY
    }

    fn schema() -> Schema {
        F::Config::schema()
    }

    fn description(config: &Value) -> Result<Description, Fault> {
        Ok(F::describe(&F::Config::read(config)?))
    }

    fn create(
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault> {
        let config = F::Config::read(config)?;
        let passes = F::describe(&config).passes;
        let start = Start {
            device: device(&context.device)?,
            ranks: Ranks::new(context.world_size, context.rank, Arc::new(services)),
            context: context.clone(),
        };
        let framework = F::start(config, start)?;
        let passes = passes.into_iter().map(|pass| pass.id).collect();
        Ok(Box::new(Running::new(framework, context, passes)))
    }
}

/// An [`Exported`] type as the boundary wants it.
pub struct Adapter<E> {
    version: &'static str,
    license: &'static str,
    exported: PhantomData<fn() -> E>,
}

impl<E: Exported> Adapter<E> {
    /// The adapter of a framework in a package of this version and licence.
    #[must_use]
    pub const fn new(version: &'static str, license: &'static str) -> Self {
        Self {
            version,
            license,
            exported: PhantomData,
        }
    }
}

impl<E: Exported> export::Framework for Adapter<E> {
    fn metadata(&self) -> Metadata {
        let identity = E::identity();
        Metadata {
            id: identity.id.to_owned(),
            name: identity.name.to_owned(),
            family: identity.family,
            paper: identity.paper.to_owned(),
            year: identity.year,
            version: self.version.to_owned(),
            license: self.license.to_owned(),
            schema: E::schema(),
        }
    }

    fn describe(&self, config: &Value) -> Result<Description, Fault> {
        E::description(config)
    }

    fn create(
        &self,
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault> {
        E::create(config, context, services)
    }
}
