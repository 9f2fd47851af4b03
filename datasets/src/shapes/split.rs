//! The splits of `shapes` as a source.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::adversarial::{self, Reference};
use super::drawing::Drawing;
use super::figure::CLASSES;
use super::nuisance::Manner;
use super::paint;
use super::scene::SIDE;
use crate::source::{Context, LabelSpace, Labels, Scratch, Source, SourceKind};
use crate::{DataError, ImageRef};

const BYTES: usize = SIDE * SIDE * 3;
/// Classes that occur in `rendition`.
const RENDITION: [u32; 6] = [0, 2, 3, 5, 6, 8];

inventory::submit! {
    SourceKind {
        kind: "shapes",
        doc: "procedural figures, no files; `split` is train, val, real, v2, rendition, sketch or adversarial",
        keys: &["split", "count", "seed"],
        open,
    }
}

/// A split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShapesSplit {
    /// Training images.
    Train,
    /// More of the same.
    Val,
    /// The images of `val` with every well visible figure as a label.
    Real,
    /// Drawn anew with shifted nuisances.
    V2,
    /// Six classes in other styles.
    Rendition,
    /// Line drawings.
    Sketch,
    /// Six classes; images that a raw-pixel reference gets wrong.
    Adversarial,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    split: ShapesSplit,
    /// Number of images; default by split.
    count: Option<u32>,
    #[serde(default)]
    seed: u64,
}

impl ShapesSplit {
    /// Number of images unless a configuration says otherwise.
    #[must_use]
    pub const fn default_count(self) -> u32 {
        match self {
            Self::Train => 5_000,
            Self::Val | Self::Real => 1_000,
            Self::V2 | Self::Sketch => 500,
            Self::Rendition => 600,
            Self::Adversarial => 300,
        }
    }

    fn manner(self) -> Manner {
        match self {
            Self::Train | Self::Val | Self::Real | Self::Adversarial => Manner::Plain,
            Self::V2 => Manner::Shifted,
            Self::Rendition => Manner::Rendition,
            Self::Sketch => Manner::Sketch,
        }
    }

    /// Number of the split in random streams; `real` has the images of `val`.
    const fn number(self) -> u32 {
        match self {
            Self::Train => 0,
            Self::Val | Self::Real => 1,
            Self::V2 => 2,
            Self::Rendition => 3,
            Self::Sketch => 4,
            Self::Adversarial => 5,
        }
    }

    fn subset(self) -> Option<&'static [u32]> {
        match self {
            Self::Rendition => Some(&RENDITION),
            Self::Adversarial => Some(&adversarial::SUBSET),
            _ => None,
        }
    }
}

struct Shapes {
    name: String,
    split: ShapesSplit,
    pixels: Vec<u8>,
    labels: Labels,
    space: LabelSpace,
}

fn open(context: &Context<'_>) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    let count = config.count.unwrap_or(config.split.default_count());
    if !(1..=1_000_000).contains(&count) {
        return Err(context.bad(format!("expected `count` in 1..=1000000, found {count}")));
    }
    let split = config.split;
    let drawing = Drawing {
        seed: config.seed,
        split: split.number(),
        manner: split.manner(),
        attempt: 0,
    };
    let class_of = |index: u32| match split.subset() {
        None => index % CLASSES.len() as u32,
        Some(subset) => subset[index as usize % subset.len()],
    };
    let reference = (split == ShapesSplit::Adversarial).then(|| Reference::new(config.seed));
    let mut pixels = vec![0; count as usize * BYTES];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = (count as usize).div_ceil(threads);
    std::thread::scope(|scope| {
        for (number, images) in pixels.chunks_mut(part * BYTES).enumerate() {
            let (reference, class_of) = (&reference, &class_of);
            scope.spawn(move || {
                for (at, image) in images.chunks_exact_mut(BYTES).enumerate() {
                    let index = (number * part + at) as u32;
                    match reference {
                        None => drawing.draw(index, class_of(index), image),
                        Some(reference) => {
                            reference.draw(drawing, index, class_of(index), image);
                        }
                    }
                }
            });
        }
    });
    let labels = if split == ShapesSplit::Real {
        Labels::multi((0..count).map(|i| paint::visible(&drawing.scene(i, class_of(i)))))
    } else {
        Labels::single((0..count).map(class_of).collect())
    };
    Ok(Arc::new(Shapes {
        name: context.name.to_owned(),
        split,
        pixels,
        labels,
        space: LabelSpace {
            classes: CLASSES.iter().map(|&c| c.to_owned()).collect(),
            subset: split.subset().map(<[u32]>::to_vec),
        },
    }))
}

impl Source for Shapes {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn space(&self) -> &LabelSpace {
        &self.space
    }

    fn id(&self, index: usize) -> String {
        format!("shapes/{}#{index}", self.split.number())
    }

    fn image<'a>(&'a self, index: usize, _: &'a mut Scratch) -> Result<ImageRef<'a>, DataError> {
        Ok(ImageRef {
            width: SIDE,
            height: SIDE,
            data: &self.pixels[index * BYTES..(index + 1) * BYTES],
        })
    }
}
