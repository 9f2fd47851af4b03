//! Splits of data sets: what they give, and the adapters that open them.
//!
//! A split is a [`Source`]; [`open`] makes one from a [`SourceConfig`], which says by `kind` which
//! adapter reads it. Adapters register themselves ([`SourceKind`], through `inventory`), so a new
//! one is a new file and nothing else. What is common to all (another set of labels over the same
//! images, a class map, a limit) is a [`Relabelled`] layer over any source. [`open_sets`] opens the sets of a
//! benchmark together and compares their classes.

mod align;
mod cifar;
mod classmap;
mod config;
mod content;
mod folder;
mod keep;
mod labels;
mod manifest;
mod nesting;
mod overlay;
mod registry;
mod relabel;
mod sets;

pub use align::align;
pub use classmap::{ClassMap, check_class_map};
pub use config::{DATA_ENV, Expect, SourceConfig, open};
pub use content::{content, version};
pub(crate) use folder::Files;
pub use keep::Keep;
pub use labels::{LabelSpace, Labels};
pub use manifest::check_manifest;
pub(crate) use overlay::file_number;
pub use overlay::{LabelOverlay, OverlayKey, check_label_lists};
pub use registry::{Context, SourceKind, kinds};
pub use relabel::Relabelled;
pub use sets::{SetFault, Sets, open_sets};

use std::fs::Metadata;
use std::path::PathBuf;

use crate::{DataError, Image, ImageRef};

/// A split of a data set.
pub trait Source: Send + Sync {
    /// Name, for messages and tables.
    fn name(&self) -> &str;

    /// Number of samples.
    fn len(&self) -> usize {
        self.labels().len()
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of every sample.
    fn labels(&self) -> &Labels;

    /// The classes.
    fn space(&self) -> &LabelSpace;

    /// A name of the sample that stays the same from run to run (a path inside the data folder, or
    /// file and record number).
    fn id(&self, index: usize) -> String;

    /// Length in bytes of what the image is stored as: that of its file, or of its pixels where these are
    /// in memory.
    ///
    /// # Errors
    /// [`DataError::Read`] for a file that is not there.
    fn stored_len(&self, index: usize, scratch: &mut Scratch) -> Result<u64, DataError> {
        Ok(self.image(index, scratch)?.data.len() as u64)
    }

    /// At most the first `most` bytes of what the image is stored as.
    ///
    /// # Errors
    /// [`DataError::Read`].
    fn stored<'a>(
        &'a self,
        index: usize,
        most: usize,
        scratch: &'a mut Scratch,
    ) -> Result<&'a [u8], DataError> {
        let pixels = self.image(index, scratch)?.data;
        Ok(&pixels[..most.min(pixels.len())])
    }

    /// What lay among the images and was not read, counted and named.
    fn passed_over(&self) -> Option<&str> {
        None
    }

    /// The image of a sample: borrowed where the source holds it, else decoded into `scratch`.
    ///
    /// # Errors
    /// [`DataError::Read`] and [`DataError::BrokenImage`].
    fn image<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
    ) -> Result<ImageRef<'a>, DataError>;

    /// The image as [`image`](Self::image) gives it, of which only rows `0 .. needed(width, height)` will
    /// be read: a source that decodes may stop there.
    ///
    /// # Errors
    /// As [`image`](Self::image), but for faults below those rows, which may go unseen.
    fn image_rows<'a>(
        &'a self,
        index: usize,
        scratch: &'a mut Scratch,
        needed: &dyn Fn(usize, usize) -> usize,
    ) -> Result<ImageRef<'a>, DataError> {
        let _ = needed;
        self.image(index, scratch)
    }

    /// What the file system says of the file that a sample is read from; `None` where the source
    /// holds its images.
    fn metadata(&self, index: usize) -> Option<Metadata> {
        let _ = index;
        None
    }
}

/// Buffers for decoding, one per worker.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The decoded image.
    pub image: Image,
    /// The encoded file.
    pub bytes: Vec<u8>,
    /// Its path.
    pub path: PathBuf,
}
