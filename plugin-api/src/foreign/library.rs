//! Opening a plugin.

#![expect(
    unsafe_code,
    reason = "loads a shared library and reads a static of it"
)]

use super::instance::Instance;
use super::refusal::{Refusal, first_difference};
use crate::description::{Card, Description};
use crate::fault::{Fault, FfiFault};
use crate::module::PluginModuleRef;
use crate::services::{Services, SharedServices};
use crate::site::{Hello, Site};
use crate::version::{ABI_MAJOR, AbiTag, CAPABILITIES, MAGIC};
use abi_stable::library::lib_header_from_path;
use abi_stable::std_types::{RResult, RString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A loaded plugin library. Stays loaded for the life of the process.
pub struct Plugin {
    path: PathBuf,
    hello: Hello,
    module: PluginModuleRef,
}

impl Plugin {
    /// Opens a library: tag and major number first, then the layout of every type, then the
    /// greeting and the capabilities it asks for.
    ///
    /// The library's initialisers run, as with any shared library.
    ///
    /// # Errors
    /// A [`Refusal`] that names the file, what was expected and what was found.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        check_tag(path)?;
        let module = load_module(path)?;
        let greeting = |fault| Refusal::Greeting {
            path: path.to_owned(),
            fault,
        };
        let hello: Hello = answer(module.hello()())
            .and_then(|json| parse(&json))
            .map_err(greeting)?;
        if let Some(missing) = hello
            .requires
            .iter()
            .find(|r| !CAPABILITIES.contains(&r.as_str()))
        {
            return Err(Refusal::Capability {
                path: path.to_owned(),
                missing: missing.clone(),
                known: CAPABILITIES.join(", "),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            hello,
            module,
        })
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
    pub fn frameworks(&self) -> &[Card] {
        &self.hello.frameworks
    }

    /// What a framework asks of the host under a configuration.
    ///
    /// # Errors
    /// The plugin's fault, or a description that contradicts itself.
    pub fn describe(&self, id: &str, config: &Value) -> Result<Description, Fault> {
        let json = answer(self.module.describe()(
            id.into(),
            config.to_string().as_str().into(),
        ))?;
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
        site: &Site,
        services: Arc<dyn Services>,
    ) -> Result<Instance, Fault> {
        let site = serde_json::to_string(site).map_err(Fault::internal)?;
        let raw = self.module.create()(
            id.into(),
            config.to_string().as_str().into(),
            site.as_str().into(),
            SharedServices::new(services),
        );
        raw.into_result().map(Instance::new).map_err(Fault::from)
    }
}

fn check_tag(path: &Path) -> Result<(), Refusal> {
    // SAFETY: loading runs the library's initialisers; the user named this file as a plugin.
    let library =
        unsafe { libloading::Library::new(path) }.map_err(|error| Refusal::NotALibrary {
            path: path.to_owned(),
            reason: chain(&error),
        })?;
    // SAFETY: only the address is taken here.
    let symbol = unsafe { library.get::<*const [u8; 16]>(b"SSL_LOTTERY_ABI\0") };
    let Ok(symbol) = symbol else {
        return Err(Refusal::NotAPlugin {
            path: path.to_owned(),
        });
    };
    // SAFETY: a symbol of this name is ours by definition; its first 16 bytes are the magic.
    if unsafe { **symbol } != MAGIC {
        return Err(Refusal::NotAPlugin {
            path: path.to_owned(),
        });
    }
    // SAFETY: the magic vouches for the tag's layout, which never changes.
    let tag = unsafe { *symbol.cast::<AbiTag>() };
    let result = if tag.major == ABI_MAJOR {
        Ok(())
    } else {
        Err(Refusal::Major {
            path: path.to_owned(),
            expected: ABI_MAJOR,
            found: tag.major,
        })
    };
    // Plugins stay loaded: their threads and statics may outlive any handle.
    std::mem::forget(library);
    result
}

fn load_module(path: &Path) -> Result<PluginModuleRef, Refusal> {
    let layout = |error: abi_stable::library::LibraryError| Refusal::Layout {
        path: path.to_owned(),
        difference: first_difference(&error.to_string()),
    };
    // Not `load_from_file`: that caches one module per type, so every path would give the first.
    lib_header_from_path(path)
        .and_then(|header| header.init_root_module::<PluginModuleRef>())
        .map_err(layout)
}

fn answer(raw: RResult<RString, FfiFault>) -> Result<String, Fault> {
    raw.into_result().map(String::from).map_err(Fault::from)
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
