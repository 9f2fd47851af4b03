//! From an image to a square of `f32`.

use ssl_plugin_api::description::{Interpolation, Transform};

use super::colour;
use super::crop::random_resized_crop;
use super::resample::{Rect, ResampleScratch, resample};
use super::weights::sources;
use crate::ImageRef;
use crate::random::Stream;

/// From the image to a square of `f32`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Geometry {
    RandomResizedCrop {
        area: [f32; 2],
        ratio: [f32; 2],
        interpolation: Interpolation,
    },
    /// The middle of the image after its shorter side was resized, where a size is given.
    Center {
        resize: Option<(usize, Interpolation)>,
    },
}

/// A resize, as [`resample`] takes it.
struct Resize {
    from: Rect,
    size: (usize, usize),
    window: Rect,
    interpolation: Interpolation,
}

impl Geometry {
    /// The geometry that the transforms begin with, the side of the square it gives, and the other
    /// transforms.
    pub fn first_of(transforms: &[Transform]) -> Result<(Self, usize, &[Transform]), String> {
        match transforms {
            [
                Transform::RandomResizedCrop {
                    size,
                    area,
                    ratio,
                    interpolation,
                },
                rest @ ..,
            ] => {
                ordered("area", *area, f32::MIN_POSITIVE, 1.0)?;
                ordered("ratio", *ratio, f32::MIN_POSITIVE, f32::MAX)?;
                let geometry = Self::RandomResizedCrop {
                    area: *area,
                    ratio: *ratio,
                    interpolation: *interpolation,
                };
                Ok((geometry, *size, rest))
            }
            [
                Transform::Resize {
                    size,
                    interpolation,
                },
                Transform::CenterCrop { size: crop },
                rest @ ..,
            ] => {
                if crop > size {
                    return Err(format!(
                        "expected a centre crop of at most {size} (the resize before it), found {crop}"
                    ));
                }
                let resize = Some((*size, *interpolation));
                Ok((Self::Center { resize }, *crop, rest))
            }
            [Transform::CenterCrop { size }, rest @ ..] => {
                Ok((Self::Center { resize: None }, *size, rest))
            }
            _ => Err(
                "expected a random-resized-crop, a center-crop, or a resize and a center-crop first"
                    .to_owned(),
            ),
        }
    }

    /// Makes the square of `side` pixels.
    pub fn place(
        &self,
        image: ImageRef<'_>,
        side: usize,
        stream: &mut Stream,
        scratch: &mut ResampleScratch,
        out: &mut [f32],
    ) {
        match self.resize((image.width, image.height), side, stream) {
            Some(r) => resample(
                image,
                r.from,
                r.size,
                r.window,
                r.interpolation,
                scratch,
                out,
            ),
            None => center_as_is(image, side, out),
        }
    }

    /// Rows from the top of an image of `size` (width, height) that [`place`](Self::place) reads.
    pub fn rows(&self, size: (usize, usize), side: usize, stream: &mut Stream) -> usize {
        match self.resize(size, side, stream) {
            Some(r) => {
                let last = r.window.y + r.window.height - 1;
                let lengths = (r.from.height, r.size.1);
                r.from.y + sources(last, lengths, r.interpolation).end
            }
            None => {
                let (from, _, count) = overlap(size.1, side);
                from + count
            }
        }
    }

    /// What is resized to what; `None` where nothing is.
    fn resize(&self, size: (usize, usize), side: usize, stream: &mut Stream) -> Option<Resize> {
        let (width, height) = size;
        match *self {
            Self::RandomResizedCrop {
                area,
                ratio,
                interpolation,
            } => Some(Resize {
                from: random_resized_crop(width, height, area, ratio, stream),
                size: (side, side),
                window: Rect {
                    x: 0,
                    y: 0,
                    width: side,
                    height: side,
                },
                interpolation,
            }),
            Self::Center { resize } => {
                let (shorter, interpolation) = resize?;
                // torchvision: the longer side is `⌊shorter · long / short⌋`.
                let size = if width <= height {
                    (shorter, shorter * height / width)
                } else {
                    (shorter * width / height, shorter)
                };
                Some(Resize {
                    from: Rect {
                        x: 0,
                        y: 0,
                        width,
                        height,
                    },
                    size,
                    window: Rect {
                        x: middle(size.0, side),
                        y: middle(size.1, side),
                        width: side,
                        height: side,
                    },
                    interpolation,
                })
            }
        }
    }
}

/// Start of a centred crop: `round((size − crop)/2)` with ties to even, as torchvision.
fn middle(size: usize, crop: usize) -> usize {
    ((size - crop) as f32 / 2.0).round_ties_even() as usize
}

/// The middle of the image as it is, black where the image is smaller.
fn center_as_is(image: ImageRef<'_>, side: usize, out: &mut [f32]) {
    out.fill(0.0);
    let (from_x, to_x, width) = overlap(image.width, side);
    let (from_y, to_y, height) = overlap(image.height, side);
    let planes = colour::planes(out);
    for (channel, plane) in planes.into_iter().enumerate() {
        for y in 0..height {
            let row = &image.data[((from_y + y) * image.width + from_x) * 3..][..width * 3];
            let target = &mut plane[(to_y + y) * side + to_x..][..width];
            for (value, pixel) in target.iter_mut().zip(row.chunks_exact(3)) {
                *value = f32::from(pixel[channel]) * (1.0 / 255.0);
            }
        }
    }
}

/// First pixel taken, where it goes, and how many, along one axis.
fn overlap(size: usize, crop: usize) -> (usize, usize, usize) {
    if size >= crop {
        (middle(size, crop), 0, crop)
    } else {
        (0, (crop - size) / 2, size)
    }
}

/// An error unless `[low, high]` is in order and within `[least, most]`.
pub(super) fn ordered(
    name: &str,
    [low, high]: [f32; 2],
    least: f32,
    most: f32,
) -> Result<(), String> {
    if low >= least && low <= high && high <= most {
        return Ok(());
    }
    Err(format!(
        "expected {name} as [least, largest] within [{least}, {most}], found [{low}, {high}]"
    ))
}
