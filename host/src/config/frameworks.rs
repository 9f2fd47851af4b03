//! Which frameworks take part, and what differs for one of them.

use super::check::Checks;
use super::pretrain::RecipeOverride;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The frameworks of a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frameworks {
    /// Every framework of every plugin found.
    All,
    /// These, in this order.
    Listed(Vec<String>),
}

impl Frameworks {
    /// Whether the framework is named.
    #[must_use]
    pub fn lists(&self, id: &str) -> bool {
        matches!(self, Self::Listed(ids) if ids.iter().any(|listed| listed == id))
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        if let Self::Listed(ids) = self
            && !ids.is_empty()
        {
            checks.distinct(path, ids);
        }
    }
}

impl Serialize for Frameworks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Listed(ids) => ids.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Frameworks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllOrList;
        impl<'de> Visitor<'de> for AllOrList {
            type Value = Frameworks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of framework ids")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Frameworks, E> {
                if word == "all" {
                    return Ok(Frameworks::All);
                }
                Err(E::invalid_value(de::Unexpected::Str(word), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Frameworks, A::Error> {
                let mut ids = Vec::new();
                while let Some(id) = seq.next_element()? {
                    ids.push(id);
                }
                Ok(Frameworks::Listed(ids))
            }
        }
        deserializer.deserialize_any(AllOrList)
    }
}

/// `[framework.<id>]`: what differs for one framework.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrameworkSection {
    /// The framework's own keys; the plugin checks them and has the defaults.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Changes to the recipe, on top of `[pretrain.recipe]`.
    pub recipe: RecipeOverride,
}

impl FrameworkSection {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        self.recipe.check(&format!("{path}.recipe"), checks);
    }
}
