//! Where the spread of an accuracy comes from.

use serde::Serialize;

use crate::analysis::Analysis;
use crate::json::keyed::Keyed;
use ssl_aggregate::{Components, VarianceSplit};

/// Standard deviations in points.
#[derive(Serialize)]
pub(in crate::json) struct VarianceSection {
    /// Under the report's protocol.
    #[serde(flatten)]
    own: Option<ComponentsSection>,
    protocols: Option<f64>,
    checkpoints: Option<f64>,
    by_protocol: Keyed<ComponentsSection>,
}

/// Nested components: images, seeds beyond their heads, heads.
#[derive(Serialize)]
struct ComponentsSection {
    images: f64,
    seeds: Option<f64>,
    heads: Option<f64>,
}

impl From<&Components> for ComponentsSection {
    fn from(found: &Components) -> Self {
        Self {
            images: found.images,
            seeds: found.seeds,
            heads: found.heads,
        }
    }
}

pub(in crate::json) fn variance(analysis: &Analysis, split: &VarianceSplit) -> VarianceSection {
    let protocol = analysis.table().protocol();
    let by_protocol = split.components.iter();
    VarianceSection {
        own: protocol.and_then(|it| split.of(it)).map(Into::into),
        protocols: split.protocols,
        checkpoints: split.checkpoints,
        by_protocol: by_protocol
            .map(|found| (found.protocol.clone(), found.into()))
            .collect(),
    }
}
