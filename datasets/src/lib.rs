//! Data sets, decoding, augmentation and loading for `ssl-lottery`.
//!
//! Pure Rust, no tensors: what comes out is `f32` planes in `[batch, 3, height, width]` order.
//!
//! - [`source`]: what a split of a data set is, and the adapters that open one from a
//!   configuration ([`source::open`]).
//! - [`imagenet`]: ImageNet's classes and its six sets.
//! - [`files`]: images in folders and in `tar` archives.
//! - [`shapes`]: the embedded procedural data set with its six test sets.
//! - [`check`](mod@check): what to look at before a run relies on a data set.
//! - [`decode`]: image files of seven formats to RGB.
//! - [`views`]: executes the augmentations that a framework declares
//!   ([`ssl_plugin_api::description::ViewGroup`]), and the evaluation transforms.
//! - [`loader`]: worker threads that fill reusable batches, deterministically per
//!   (seed, epoch, sample, view).
//!
//! ```
//! use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
//! use ssl_datasets::source::{SourceConfig, open};
//! use ssl_datasets::views::{EvalTransform, evaluation};
//!
//! let config: SourceConfig = serde_json::from_value(serde_json::json!({
//!     "name": "train", "kind": "shapes", "split": "train", "count": 64,
//! }))?;
//! let train = open(&config, None)?;
//! assert_eq!(train.len(), 64);
//! assert_eq!(train.space().classes.len(), 10);
//!
//! let views = vec![evaluation(EvalTransform::Whole, 32, None)];
//! let loader = TrainLoader::new(train, &views, LoaderConfig { batch_size: 16, ..LoaderConfig::default() })?;
//! for batch in loader.start(EpochOptions::at(0))? {
//!     let batch = batch?;
//!     assert_eq!(batch.views[0].data.len(), 16 * 3 * 32 * 32);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
pub mod decode;
mod error;
pub mod files;
mod image;
pub mod imagenet;
pub mod loader;
pub mod random;
pub mod shapes;
pub mod source;
pub mod views;

pub use error::DataError;
pub use image::{Image, ImageRef};
