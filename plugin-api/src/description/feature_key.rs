//! The name of a feature.

use super::{Encoder, Level};
use std::fmt;
use std::str::FromStr;

/// Which feature: encoder, view and level. Its text, `online.0` or `target.1.layer4`, is how golden files
/// and messages name it; pooled features have no third part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureKey {
    /// The encoder it comes from.
    pub encoder: Encoder,
    /// The view it is of.
    pub view: usize,
    /// Its level.
    pub level: Level,
}

/// A text names no feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a feature such as `online.0` or `target.1.layer4`, found `{0}`")]
pub struct NoFeatureKey(String);

impl fmt::Display for FeatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.encoder.name(), self.view)?;
        match self.level {
            Level::Pooled => Ok(()),
            level => write!(f, ".{}", level.name()),
        }
    }
}

impl FromStr for FeatureKey {
    type Err = NoFeatureKey;

    fn from_str(text: &str) -> Result<Self, NoFeatureKey> {
        let parse = || {
            let mut parts = text.split('.');
            let encoder = Encoder::from_name(parts.next()?)?;
            let view = parts.next()?.parse().ok()?;
            let level = parts.next().map_or(Some(Level::Pooled), Level::from_name)?;
            let key = Self {
                encoder,
                view,
                level,
            };
            parts.next().is_none().then_some(key)
        };
        parse().ok_or_else(|| NoFeatureKey(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_keys_are_read_and_written_in_one_form() {
        for (text, encoder, view, level) in [
            ("online.0", Encoder::Online, 0, Level::Pooled),
            ("target.11.layer4", Encoder::Target, 11, Level::Layer4),
        ] {
            let key = FeatureKey {
                encoder,
                view,
                level,
            };
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse(), Ok(key));
        }
        for text in [
            "",
            "online",
            "online.",
            "online.x",
            "mean.0",
            "online.0.layer5",
            "online.0.layer4.1",
        ] {
            let refused = text.parse::<FeatureKey>();
            assert_eq!(refused, Err(NoFeatureKey(text.to_owned())));
        }
    }
}
