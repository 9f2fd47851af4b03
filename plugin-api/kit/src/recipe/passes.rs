//! Passes over the training set.

use ssl_plugin_api::description::{BatchNormMode, Encoder, FeaturePass, Level, PassTransform};

/// A pass of the trained encoder in training mode over freshly drawn views, shuffled like an epoch.
#[must_use]
pub fn training_pass(id: &str, views: Vec<usize>, drop_last: bool) -> FeaturePass {
    FeaturePass {
        id: id.to_owned(),
        encoder: Encoder::Online,
        batch_norm: BatchNormMode::Train,
        transform: PassTransform::Views { views },
        level: Level::Pooled,
        shuffle: true,
        drop_last,
    }
}

/// A pass in eval mode over the centre crop of every image, in the order of the training set.
#[must_use]
pub fn center_pass(id: &str, encoder: Encoder) -> FeaturePass {
    FeaturePass {
        id: id.to_owned(),
        encoder,
        batch_norm: BatchNormMode::Eval,
        transform: PassTransform::Center,
        level: Level::Pooled,
        shuffle: false,
        drop_last: false,
    }
}
