//! Whether a backbone sees that two views are of one image.

use super::verdict::{Broken, broken};
use crate::backbone::Backbone;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::Source;
use ssl_plugin_api::description::{BatchNormMode, Interpolation, Transform, ViewGroup, ViewRole};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Two views of each held-out image.
pub struct Pairs {
    views: [Tensor; 2],
}

impl Pairs {
    /// Draws two views, crops of a quarter of the image or more, mirrored and in other colours, of every image.
    ///
    /// # Errors
    /// A fault of the images.
    pub fn draw(source: Arc<dyn Source>, side: usize, seed: u64) -> Result<Self, Broken> {
        let views = ViewGroup {
            name: "view".to_owned(),
            count: 2,
            role: ViewRole::Global,
            transforms: vec![
                Transform::RandomResizedCrop {
                    size: side,
                    area: [0.25, 1.0],
                    ratio: [0.75, 1.3333],
                    interpolation: Interpolation::Bilinear,
                },
                Transform::HorizontalFlip { p: 0.5 },
            ],
            patches: None,
        };
        let config = LoaderConfig {
            batch_size: source.len(),
            seed,
            workers: 1,
            ..LoaderConfig::default()
        };
        let loader = TrainLoader::new(source, &[views], config).map_err(told)?;
        let batches = loader.start(EpochOptions::at(0)).map_err(told)?;
        let batch = batches
            .last()
            .ok_or_else(|| broken("expected images, found none"))?;
        let batch = batch.map_err(told)?;
        let shape = [batch.len() as i64, 3, side as i64, side as i64];
        let view = |n: usize| Tensor::f_from_slice(&batch.views[n].data)?.f_reshape(shape);
        Ok(Self {
            views: [view(0)?, view(1)?],
        })
    }

    /// Number of images whose second view is the nearest of all second views to the first one, by cosine
    /// of centred features.
    ///
    /// Batch normalisation takes the statistics of these views. Those that a run leaves behind would
    /// make a backbone better that was only looked at and never trained.
    ///
    /// # Errors
    /// A fault of the backbone.
    pub fn found(&self, backbone: &Backbone) -> Result<usize, Broken> {
        let unit = |view: &Tensor| -> Result<Tensor, Broken> {
            let features = backbone
                .features(view, BatchNormMode::Train)
                .map_err(told)?;
            let centred = &features - features.mean_dim(0, true, Kind::Float);
            Ok(&centred / centred.norm_scalaropt_dim(2, [1], true).clamp_min(1e-12))
        };
        let [one, other] = [unit(&self.views[0])?, unit(&self.views[1])?];
        let nearest = one.matmul(&other.transpose(0, 1)).argmax(1, false);
        let own = Tensor::arange(nearest.size()[0], (Kind::Int64, nearest.device()));
        Ok(nearest.eq_tensor(&own).sum(Kind::Int64).int64_value(&[]) as usize)
    }
}

fn told(error: impl std::fmt::Display) -> Broken {
    broken(error.to_string())
}
