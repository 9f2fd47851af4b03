//! What decides whether two extractions give the same features.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::Kind;

use crate::digest::hex;

/// Precision of the stored features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeaturePrecision {
    /// 32 bits.
    #[default]
    Single,
    /// 16 bits (IEEE half).
    Half,
}

impl FeaturePrecision {
    pub(in crate::evaluate) const fn kind(self) -> Kind {
        match self {
            Self::Single => Kind::Float,
            Self::Half => Kind::Half,
        }
    }

    /// The name in safetensors files.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Single => "F32",
            Self::Half => "F16",
        }
    }

    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }
}

/// Everything that features depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey {
    /// Hash of the backbone's weights and architecture, or the name of a baseline without weights.
    pub backbone: String,
    /// What identifies the images: a digest of their names and contents ([`FeatureCache::content`]).
    ///
    /// [`FeatureCache::content`]: super::FeatureCache::content
    pub data_set: String,
    /// The transform, with all its settings.
    pub transform: String,
    /// What computes: versions of the program and of libtorch, the device. Another one rounds
    /// otherwise.
    pub program: String,
    /// Precision of the stored features.
    #[serde(default)]
    pub precision: FeaturePrecision,
}

impl CacheKey {
    /// SHA-256 of all fields, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let fields = [
            &self.backbone,
            &self.data_set,
            &self.transform,
            &self.program,
            self.precision.name(),
        ];
        for field in fields {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
        hex(&hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_key_hash_depends_on_every_field() {
        let key = |backbone: &str, data_set: &str, precision| CacheKey {
            backbone: backbone.to_owned(),
            data_set: data_set.to_owned(),
            transform: "t".to_owned(),
            program: String::new(),
            precision,
        };
        let hashes = [
            key("ab", "c", FeaturePrecision::Single).hash(),
            key("a", "bc", FeaturePrecision::Single).hash(),
            key("ab", "c", FeaturePrecision::Half).hash(),
            key("abc", "", FeaturePrecision::Single).hash(),
        ];
        for (i, hash) in hashes.iter().enumerate() {
            assert_eq!(hash.len(), 64);
            assert!(!hashes[..i].contains(hash));
        }
    }
}
