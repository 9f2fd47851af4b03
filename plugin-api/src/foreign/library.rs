//! Opening a plugin.

#![expect(
    unsafe_code,
    reason = "loads a shared library and calls through its table"
)]

use super::handle::Handle;
use super::instance::Instance;
use super::refusal::Refusal;
use crate::abi::{PluginTable, SYMBOL, Str, answer, read_sized, text};
use crate::context::{Hello, RunContext};
use crate::description::{Description, Metadata};
use crate::fault::Fault;
use crate::services::{Services, SharedServices};
use crate::version::{ABI_MAJOR, CAPABILITIES, is_same_libtorch};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A loaded plugin library. Stays loaded for the life of the process.
pub struct Plugin {
    path: PathBuf,
    hello: Hello,
    table: PluginTable,
}

impl Plugin {
    /// Opens a library: its symbol and the major number of its table first, then its greeting: the
    /// capabilities that it asks for, and the libtorch that it was built for.
    ///
    /// The library's initialisers run, as with any shared library.
    ///
    /// # Errors
    /// A [`Refusal`] that names the file, what was expected and what was found.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        Self::greet(path, table(path)?)
    }

    /// Asks a library's table who it is.
    pub(super) fn greet(path: &Path, table: PluginTable) -> Result<Self, Refusal> {
        let greeting = |fault| Refusal::Greeting {
            path: path.to_owned(),
            fault,
        };
        let json = hello(&table).map_err(greeting)?;
        // Before the rest is looked at, which may be of a later version.
        if let Some(missing) = missing(&json).map_err(greeting)? {
            return Err(Refusal::Capability {
                path: path.to_owned(),
                missing,
                known: CAPABILITIES.join(", "),
            });
        }
        let hello: Hello = parse(&json).map_err(greeting)?;
        match &hello.libtorch {
            Some(version) if !is_same_libtorch(version) => Err(Refusal::Libtorch {
                path: path.to_owned(),
                found: version.clone(),
            }),
            _ => Ok(Self {
                path: path.to_owned(),
                hello,
                table,
            }),
        }
    }

    /// The file it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its greeting.
    #[must_use]
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The frameworks inside.
    #[must_use]
    pub fn frameworks(&self) -> &[Metadata] {
        &self.hello.frameworks
    }

    /// What a framework asks of the host under a configuration.
    ///
    /// # Errors
    /// The plugin's fault, a capability that this host lacks, or a description that contradicts
    /// itself.
    pub fn describe(&self, id: &str, config: &Value) -> Result<Description, Fault> {
        let config = config.to_string();
        let describe = self.table.describe.ok_or_else(|| absent("describe"))?;
        // SAFETY: the table is the plugin's own; strings and sinks outlive the call.
        let json =
            text(|json, error| unsafe { describe(Str::new(id), Str::new(&config), json, error) })?;
        if let Some(missing) = missing(&json)? {
            return Err(Fault::unsupported(format!(
                "expected capabilities among [{}], found `{missing}` in the description of {id}",
                CAPABILITIES.join(", ")
            )));
        }
        let description: Description = parse(&json)?;
        description.validate().map_err(|faults| {
            Fault::internal(format!(
                "the description contradicts itself: {}",
                faults.join("; ")
            ))
        })?;
        Ok(description)
    }

    /// Starts a framework.
    ///
    /// # Errors
    /// The plugin's fault.
    pub fn create(
        &self,
        id: &str,
        config: &Value,
        context: &RunContext,
        services: Arc<dyn Services>,
    ) -> Result<Instance, Fault> {
        let context = serde_json::to_string(context).map_err(Fault::internal)?;
        let config = config.to_string();
        let services = Box::new(SharedServices::new(services));
        let create = self.table.create.ok_or_else(|| absent("create"))?;
        let (mut it, mut table) = (std::ptr::null_mut(), std::ptr::null());
        // SAFETY: the table is the plugin's own; strings, sinks and places for the results outlive
        // the call, and the services the instance.
        answer(|error| unsafe {
            create(
                Str::new(id),
                Str::new(&config),
                Str::new(&context),
                services.table(),
                &raw mut it,
                &raw mut table,
                error,
            )
        })?;
        if table.is_null() {
            return Err(Fault::internal("expected an instance's table, found none"));
        }
        // SAFETY: the plugin's own table, which lives as long as the library.
        let table = unsafe { read_sized(table) };
        Handle::new(it, table, services).map(Instance::new)
    }
}

fn absent(function: &str) -> Fault {
    Fault::internal(format!(
        "expected `{function}` in the plugin's table, found none"
    ))
}

/// The library's table, once everything that later calls rely on is there.
fn table(path: &Path) -> Result<PluginTable, Refusal> {
    // SAFETY: loading runs the library's initialisers; the user named this file as a plugin.
    let library =
        unsafe { libloading::Library::new(path) }.map_err(|error| Refusal::NotALibrary {
            path: path.to_owned(),
            reason: chain(&error),
        })?;
    let find = |symbol: &str| {
        // SAFETY: a symbol of this name is such a function by definition.
        unsafe { library.get::<unsafe extern "C" fn() -> *const PluginTable>(symbol) }
            .map(|symbol| *symbol)
    };
    let Ok(symbol) = find(SYMBOL) else {
        let other = (1..=9).find(|n| find(&format!("ssl_lottery_plugin_v{n}")).is_ok());
        return Err(match other {
            Some(found) => major(path, found),
            None => Refusal::NotAPlugin {
                path: path.to_owned(),
            },
        });
    };
    // Plugins stay loaded: their threads and statics may outlive any handle.
    std::mem::forget(library);
    let refuse = |found: String| Refusal::Table {
        path: path.to_owned(),
        found,
    };
    // SAFETY: the plugin's function, which takes nothing.
    let pointer = unsafe { symbol() };
    if pointer.is_null() {
        return Err(refuse("a null pointer".to_owned()));
    }
    // SAFETY: every table begins with its size.
    let table = unsafe { read_sized(pointer) };
    if table.size < offset_of!(PluginTable, hello) as u64 {
        return Err(refuse(format!("a table of {} bytes", table.size)));
    }
    if table.major != ABI_MAJOR {
        return Err(major(path, table.major));
    }
    let functions = [
        ("hello", table.hello.is_some()),
        ("describe", table.describe.is_some()),
        ("create", table.create.is_some()),
    ];
    match functions.iter().find(|(_, there)| !there) {
        Some((name, _)) => Err(refuse(format!("a table without `{name}`"))),
        None => Ok(table),
    }
}

fn major(path: &Path, found: u32) -> Refusal {
    Refusal::Major {
        path: path.to_owned(),
        expected: ABI_MAJOR,
        found,
    }
}

fn hello(table: &PluginTable) -> Result<String, Fault> {
    let hello = table.hello.ok_or_else(|| absent("hello"))?;
    // SAFETY: the table is the plugin's own; the sinks outlive the call.
    text(|json, error| unsafe { hello(json, error) })
}

/// What a greeting or a description asks of the host.
#[derive(Deserialize)]
struct Requirements {
    #[serde(default)]
    requires: Vec<String>,
}

/// The first capability asked for that this host lacks.
fn missing(json: &str) -> Result<Option<String>, Fault> {
    let asked: Requirements = parse(json)?;
    let unknown = |name: &String| !CAPABILITIES.contains(&name.as_str());
    Ok(asked.requires.into_iter().find(unknown))
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Fault> {
    serde_json::from_str(json)
        .map_err(|error| Fault::internal(format!("expected JSON of this API, found {error}")))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text.lines().next().unwrap_or_default().to_owned()
}
