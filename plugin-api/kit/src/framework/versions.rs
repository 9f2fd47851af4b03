//! Versions of a framework behind one name.

use super::contract::Identity;
use super::exported::Exported;
use serde_json::{Map, Value};
use ssl_plugin_api::description::{ConfigKey, Description, Schema, ValueKind};
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::{Fault, RunContext, SharedServices};

/// The key that names the version.
const KEY: &str = "version";

type Create = fn(&Value, RunContext, SharedServices) -> Result<Box<dyn Instance>, Fault>;

/// One version: a framework of its own with keys and defaults of its own.
pub struct Version {
    name: &'static str,
    identity: fn() -> Identity,
    schema: fn() -> Schema,
    describe: fn(&Value) -> Result<Description, Fault>,
    create: Create,
}

impl Version {
    /// The version of this name.
    #[must_use]
    pub const fn of<E: Exported>(name: &'static str) -> Self {
        Self {
            name,
            identity: E::identity,
            schema: E::schema,
            describe: E::description,
            create: E::create,
        }
    }
}

/// Versions behind one name; the first is the default.
pub struct Versions {
    /// What the versions are, for the doc of the key `version`.
    pub doc: &'static str,
    /// Where they were published.
    pub source: &'static str,
    /// The versions.
    pub list: &'static [Version],
}

impl Versions {
    /// Who the framework is: what its first version says.
    #[must_use]
    pub fn identity(&self) -> Identity {
        (self.list[0].identity)()
    }

    /// The key `version`, then the keys of all versions. A key whose kind and default are the same in all
    /// of them keeps its default; the default of any other is null, which stands for that of the version.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let names: Vec<&str> = self.list.iter().map(|version| version.name).collect();
        let mut keys = vec![ConfigKey {
            key: KEY.to_owned(),
            kind: ValueKind::choice(&names),
            default: names[0].into(),
            doc: self.doc.to_owned(),
            source: self.source.to_owned(),
        }];
        for version in self.list {
            for key in (version.schema)().keys {
                if keys.iter().all(|known| known.key != key.key) {
                    keys.push(self.joint(&key.key));
                }
            }
        }
        Schema { keys }
    }

    /// What the version that the configuration names asks of the host.
    ///
    /// # Errors
    /// As [`Exported::description`].
    pub fn description(&self, config: &Value) -> Result<Description, Fault> {
        let (version, own) = self.choose(config)?;
        (version.describe)(&own)
    }

    /// Starts the version that the configuration names.
    ///
    /// # Errors
    /// As [`Exported::create`].
    pub fn create(
        &self,
        config: &Value,
        context: RunContext,
        services: SharedServices,
    ) -> Result<Box<dyn Instance>, Fault> {
        let (version, own) = self.choose(config)?;
        (version.create)(&own, context, services)
    }

    /// The version that a configuration names, and the values of its own keys that are not null.
    fn choose(&self, config: &Value) -> Result<(&Version, Value), Fault> {
        let mut values = super::config::resolved(&self.schema(), config)?;
        let name = values.remove(KEY);
        let version = self
            .list
            .iter()
            .find(|version| name == Some(version.name.into()))
            .ok_or_else(|| Fault::internal("the schema lets no other version pass"))?;
        let keys = (version.schema)().keys;
        let mut own = Map::new();
        for (key, value) in values.into_iter().filter(|(_, value)| !value.is_null()) {
            if keys.iter().all(|known| known.key != key) {
                return Err(Fault::config(format!(
                    "`{key}`: expected null with version {}, which has no such thing, found a value",
                    version.name
                )));
            }
            own.insert(key, value);
        }
        Ok((version, Value::Object(own)))
    }

    /// A key of one or more versions as the joint schema lists it.
    fn joint(&self, name: &str) -> ConfigKey {
        let found: Vec<(&str, ConfigKey)> = self
            .list
            .iter()
            .flat_map(|version| {
                let keys = (version.schema)().keys.into_iter();
                keys.map(|key| (version.name, key))
            })
            .filter(|(_, key)| key.key == name)
            .collect();
        let first = &found[0].1;
        let same = |of: fn(&ConfigKey, &ConfigKey) -> bool| found.iter().all(|(_, k)| of(k, first));
        let everywhere = found.len() == self.list.len();
        if everywhere && same(|a, b| a.kind == b.kind && a.default == b.default && a.doc == b.doc) {
            return first.clone();
        }
        let kind = if same(|a, b| a.kind == b.kind) {
            first.kind.clone()
        } else {
            ValueKind::Any {
                of: found.iter().map(|(_, key)| key.kind.clone()).collect(),
            }
        };
        let doc = match &found[..] {
            [(version, key)] => format!("{}: {} ({version} only)", key.doc, key.default),
            all if same(|a, b| a.doc == b.doc) => {
                let defaults = all.iter().map(|(v, key)| format!("{} ({v})", key.default));
                format!("{}: {}", first.doc, defaults.collect::<Vec<_>>().join(", "))
            }
            all => {
                let docs = all
                    .iter()
                    .map(|(v, key)| format!("{v}: {}: {}", key.doc, key.default));
                docs.collect::<Vec<_>>().join("; ")
            }
        };
        let source = if same(|a, b| a.source == b.source) {
            first.source.clone()
        } else {
            let sources = found.iter().map(|(v, key)| format!("{} ({v})", key.source));
            sources.collect::<Vec<_>>().join(", ")
        };
        ConfigKey {
            key: name.to_owned(),
            kind: ValueKind::Optional { of: Box::new(kind) },
            default: Value::Null,
            doc,
            source,
        }
    }
}

/// Declares versions of a framework behind one name: each is a [`Framework`](crate::framework::Framework)
/// with keys and defaults of its own, and the key `version` chooses one. The first is the default.
///
/// ```ignore
/// versions! {
///     /// DeepCluster, in two versions.
///     pub DeepCluster = "v2": V2, "v1": V1;
///     "v2: centroids as prototypes; v1: a classifier drawn anew at every clustering",
///     from "arXiv:2006.09882 and arXiv:1807.05520"
/// }
/// ```
#[macro_export]
macro_rules! versions {
    ($(#[$meta:meta])* $vis:vis $name:ident = $($version:literal : $framework:ty),+ $(,)?;
        $doc:literal, from $source:literal) => {
        $(#[$meta])*
        $vis enum $name {}

        impl $name {
            const VERSIONS: $crate::framework::Versions = $crate::framework::Versions {
                doc: $doc,
                source: $source,
                list: &[$($crate::framework::Version::of::<$framework>($version)),+],
            };
        }

        impl $crate::framework::Exported for $name {
            fn identity() -> $crate::framework::Identity {
                Self::VERSIONS.identity()
            }
            fn schema() -> $crate::api::description::Schema {
                Self::VERSIONS.schema()
            }
            fn description(
                config: &$crate::serde_json::Value,
            ) -> ::std::result::Result<$crate::api::description::Description, $crate::Fault> {
                Self::VERSIONS.description(config)
            }
            fn create(
                config: &$crate::serde_json::Value,
                context: $crate::RunContext,
                services: $crate::api::SharedServices,
            ) -> ::std::result::Result<::std::boxed::Box<dyn $crate::api::export::Instance>, $crate::Fault>
            {
                Self::VERSIONS.create(config, context, services)
            }
        }
    };
}
