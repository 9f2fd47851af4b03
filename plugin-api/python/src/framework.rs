//! A framework in Python, as the boundary's trait.

use crate::instance::Running;
use crate::worker::{Worker, limit};
use serde_json::{Map, Value, json};
use ssl_plugin_api::description::{Description, Metadata};
use ssl_plugin_api::export::{Framework, Instance};
use ssl_plugin_api::{Fault, RunContext, SharedServices};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A worker that has described a framework and imported all it needs. The next creation takes it over; it ends with
/// the next instance that ends.
static SPARE: Mutex<Option<(String, Worker)>> = Mutex::new(None);

/// A framework.
pub struct Python {
    metadata: Metadata,
    /// Where it was declared: `module:Class`.
    at: String,
    python: PathBuf,
}

impl Python {
    pub const fn new(metadata: Metadata, at: String, python: PathBuf) -> Self {
        Self {
            metadata,
            at,
            python,
        }
    }

    /// A worker that has imported this framework.
    fn worker(&self) -> Result<Worker, Fault> {
        if let Some((at, worker)) = take_spare()
            && at == self.at
        {
            return Ok(worker);
        }
        let (mut worker, _) = Worker::start(&self.python, limit()?)?;
        worker.ready()?;
        let said = worker.ask("find", json!({ "only": self.at }), None)?;
        if let Some(fault) = said["faults"][0].as_str() {
            return Err(Fault::internal(fault));
        }
        if said["frameworks"][0]["card"]["id"] != self.metadata.id.as_str() {
            return Err(Fault::internal(format!(
                "{}: expected the framework `{}`, found it changed or gone since it was listed",
                self.at, self.metadata.id
            )));
        }
        Ok(worker)
    }

    fn resolve(&self, config: &Value) -> Result<Map<String, Value>, Fault> {
        self.metadata.schema.resolve(config).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Fault::config(faults.join("; "))
        })
    }
}

fn spare() -> std::sync::MutexGuard<'static, Option<(String, Worker)>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_spare() -> Option<(String, Worker)> {
    let found = spare().take();
    // One that came along in a fork is the other process's; dropping it leaves it alone.
    found.filter(|(_, worker)| worker.is_own())
}

/// Ends the worker that waits for a creation, if there is one.
pub fn end_spare() {
    drop(take_spare());
}

impl Framework for Python {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn describe(&self, config: &Value) -> Result<Description, Fault> {
        let config = self.resolve(config)?;
        let mut worker = self.worker()?;
        let request = json!({ "id": self.metadata.id, "config": config });
        let said = worker.ask("describe", request, None);
        if worker.is_whole() {
            *spare() = Some((self.at.clone(), worker));
        }
        serde_json::from_value(said?["description"].take()).map_err(|error| {
            Fault::internal(format!(
                "{}: expected a description made with ssl_lottery's helpers, found: {error}",
                self.at
            ))
        })
    }

    fn create(
        &self,
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault> {
        let config = self.resolve(config)?;
        let mut worker = self.worker()?;
        let request = json!({ "id": self.metadata.id, "config": config, "run": context });
        let said = worker.ask("create", request, Some(&services))?;
        Ok(Box::new(Running::new(worker, services, &said)?))
    }
}
