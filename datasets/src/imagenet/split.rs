//! The six sets: how many images, which classes.

use serde::{Deserialize, Serialize};

use super::classes;

/// A set of the ImageNet family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageNetSplit {
    /// ILSVRC2012 training images.
    Train,
    /// ILSVRC2012 validation images.
    Val,
    /// ImageNet-V2, any of its three variants.
    V2,
    /// ImageNet-Rendition.
    Rendition,
    /// ImageNet-Sketch.
    Sketch,
    /// ImageNet-Adversarial.
    Adversarial,
}

impl ImageNetSplit {
    /// Number of images of the complete set.
    #[must_use]
    pub const fn samples(self) -> usize {
        match self {
            Self::Train => 1_281_167,
            Self::Val => 50_000,
            Self::V2 => 10_000,
            Self::Rendition => 30_000,
            // The published count; the set's own page says 50,000.
            Self::Sketch => 50_889,
            Self::Adversarial => 7_500,
        }
    }

    /// Labels of the classes that occur, where not all do.
    #[must_use]
    pub fn subset(self) -> Option<Vec<u32>> {
        match self {
            Self::Rendition => Some(classes::rendition()),
            Self::Adversarial => Some(classes::adversarial()),
            _ => None,
        }
    }

    /// Whether its class folders are labels as numbers.
    pub(super) const fn numbered(self) -> bool {
        matches!(self, Self::V2)
    }
}
