//! A short measurement of this machine: the network by image side, the loader by views, and products of matrices.

use crate::backbone::{Backbone, BackboneConfig, BackboneError, ComputePrecision, Inference};
use ssl_datasets::DataError;
use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::Source;
use ssl_plugin_api::description::{BatchNormMode, Level, ViewGroup};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

/// Images of a measured batch.
const fn batch(side: usize) -> i64 {
    if side > 64 { 2 } else { 8 }
}

/// A measurement is repeated for this long.
const LONG_ENOUGH: Duration = Duration::from_millis(150);
/// Rows, inner and columns of the measured product.
const PRODUCT: [i64; 3] = [256, 512, 512];

/// A network on images of one side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pass {
    pub backbone: BackboneConfig,
    pub precision: ComputePrecision,
    pub side: usize,
    /// Forwards and backwards, or forwards alone.
    pub trains: bool,
}

/// What was measured so far, in seconds an image.
pub(super) struct Speed {
    until: Instant,
    passes: Vec<(Pass, f64)>,
    loads: HashMap<String, f64>,
    product: Option<f64>,
    /// Passes whose time was derived from another side's.
    scaled: usize,
    /// Devices that are not there.
    pub absent: Option<String>,
}

impl Speed {
    pub(super) fn new(until: Instant) -> Self {
        Self {
            until,
            passes: Vec::new(),
            loads: HashMap::new(),
            product: None,
            scaled: 0,
            absent: None,
        }
    }

    /// Seconds an image of a pass through the network. When the time for measuring is over, those of the same network
    /// on another side, in proportion to the area; `None` where there is none.
    pub(super) fn pass(
        &mut self,
        pass: &Pass,
        device: Device,
    ) -> Result<Option<f64>, BackboneError> {
        if let Some((_, seconds)) = self.passes.iter().find(|(known, _)| known == pass) {
            return Ok(Some(*seconds));
        }
        let kin = |known: &&(Pass, f64)| {
            Pass {
                side: pass.side,
                ..known.0.clone()
            } == *pass
        };
        if Instant::now() > self.until {
            let area = |side: usize| (side * side) as f64;
            let seconds = self
                .passes
                .iter()
                .find(kin)
                .map(|(known, s)| s * area(pass.side) / area(known.side));
            if let Some(seconds) = seconds {
                self.scaled += 1;
                self.passes.push((pass.clone(), seconds));
            }
            return Ok(seconds);
        }
        let seconds = measure_pass(pass, device)?;
        self.passes.push((pass.clone(), seconds));
        Ok(Some(seconds))
    }

    /// Seconds an image of loading these views; 0 for a set that is not there.
    pub(super) fn load(
        &mut self,
        source: Option<&Arc<dyn Source>>,
        views: &[ViewGroup],
        workers: usize,
    ) -> Result<f64, DataError> {
        let Some(source) = source else { return Ok(0.0) };
        let key = serde_json::to_string(views).unwrap_or_default();
        if let Some(&seconds) = self.loads.get(&key) {
            return Ok(seconds);
        }
        if Instant::now() > self.until {
            return Ok(0.0);
        }
        let config = LoaderConfig {
            batch_size: source.len().min(32),
            workers,
            ..LoaderConfig::default()
        };
        let loader = TrainLoader::new(Arc::clone(source), views, config)?;
        let begun = Instant::now();
        let mut images = 0;
        for batch in loader.start(EpochOptions::at(0))? {
            images += batch?.len();
            if begun.elapsed() > LONG_ENOUGH {
                break;
            }
        }
        let seconds = begun.elapsed().as_secs_f64() / images.max(1) as f64;
        self.loads.insert(key, seconds);
        Ok(seconds)
    }

    /// Seconds of multiplying matrices, for each multiplication and addition.
    pub(super) fn product(&mut self, device: Device) -> f64 {
        *self.product.get_or_insert_with(|| {
            let [rows, inner, columns] = PRODUCT;
            let a = Tensor::rand([rows, inner], (Kind::Float, device));
            let b = Tensor::rand([inner, columns], (Kind::Float, device));
            let once = || _ = a.matmul(&b).sum(Kind::Float).double_value(&[]);
            repeated(once) / (rows * inner * columns) as f64
        })
    }

    /// What the estimate is made of.
    pub(super) fn notes(&self) -> Vec<String> {
        if let Some(device) = &self.absent {
            return vec![format!(
                "No estimate of the time: {device} is not on this machine."
            )];
        }
        let scaled = match self.scaled {
            0 => String::new(),
            n => {
                format!(" {n} image sides were not measured, but follow from others by their area.")
            }
        };
        vec![format!(
            "The time follows from small batches through the backbone, from loading images, and from products of \
             matrices, each measured now. Heads, clusterings and writing are not in it.{scaled}"
        )]
    }
}

fn measure_pass(pass: &Pass, device: Device) -> Result<f64, BackboneError> {
    let backbone = Backbone::new(&pass.backbone, 0, device)?.with_precision(pass.precision);
    let (batch, side) = (batch(pass.side), pass.side as i64);
    let images = Tensor::rand([batch, 3, side, side], (Kind::Float, device));
    let mut failed = None;
    let seconds = if pass.trains {
        repeated(
            || match backbone.forward(&images, BatchNormMode::Train, &[Level::Pooled]) {
                Ok(features) => features
                    .get(Level::Pooled)
                    .into_iter()
                    .for_each(|it| it.sum(Kind::Float).backward()),
                Err(error) => failed = Some(error),
            },
        )
    } else {
        let network = Inference::of(&backbone)?;
        repeated(|| match network.features(&images) {
            // Reading a number waits for a device.
            Ok(features) => _ = features.sum(Kind::Float).double_value(&[]),
            Err(error) => failed = Some(error),
        })
    };
    failed.map_or(Ok(seconds / batch as f64), Err)
}

/// Seconds of one call: the fastest of those that fit into a moment, of one at least. The first call of a short one is
/// not counted.
fn repeated(mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    call();
    let mut best = begun.elapsed();
    while begun.elapsed() < LONG_ENOUGH {
        let started = Instant::now();
        call();
        best = best.min(started.elapsed());
    }
    best.as_secs_f64()
}
