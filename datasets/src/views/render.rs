//! Making the views of one image.

use ssl_plugin_api::description::PatchGrid;

use super::blur::BlurScratch;
use super::colour;
use super::crop::random_resized_crop;
use super::draw::Drawn;
use super::plan::{Geometry, GroupPlan, ViewPlan};
use super::resample::{Rect, ResampleScratch, resample};
use crate::ImageRef;
use crate::random::{Domain, Stream};

/// What the random numbers of a sample's views depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewKey {
    /// The run's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u32,
    /// The sample's number in its set.
    pub sample: u32,
    /// How often the sample has occurred in this epoch before (0 unless an explicit order repeats
    /// it).
    pub occurrence: u16,
}

/// Reusable buffers of [`ViewPlan::render`], one per worker.
#[derive(Debug, Default)]
pub struct RenderScratch {
    resample: ResampleScratch,
    blur: BlurScratch,
    square: Vec<f32>,
}

impl ViewKey {
    fn stream(&self, view: usize) -> Stream {
        let lane = u32::from(self.occurrence) << 16 | view as u32;
        Stream::new(self.seed, Domain::View, self.epoch, self.sample, lane)
    }
}

impl ViewPlan {
    /// Renders all views of `image` into `out`: view `v` into `out[v]`, three planes of its size.
    ///
    /// # Panics
    /// When `out` has fewer views than the plan or one of another length.
    pub fn render(
        &self,
        image: ImageRef<'_>,
        key: ViewKey,
        scratch: &mut RenderScratch,
        out: &mut [&mut [f32]],
    ) {
        self.render_deferred(image, key, scratch, out, &mut []);
    }

    /// Renders as [`render`](Self::render) does, but leaves the steps that do not move pixels to
    /// the caller: `later[v]` becomes the operations still to be applied to view `v`, in order,
    /// filled up with [`Drawn::Nothing`] to [`deferred_steps`](Self::deferred_steps). Nothing is
    /// deferred where `later` is empty, or in a group of patches, whose steps are applied before
    /// the patches are cut.
    ///
    /// A flip is carried out here: it commutes with every other step.
    ///
    /// # Panics
    /// When `out` or `later` (unless empty) has fewer views than the plan, or one of another length.
    pub fn render_deferred(
        &self,
        image: ImageRef<'_>,
        key: ViewKey,
        scratch: &mut RenderScratch,
        out: &mut [&mut [f32]],
        later: &mut [&mut [Drawn]],
    ) {
        for group in &self.groups {
            let views = &mut out[group.first..group.first + group.count];
            match group.patches {
                None => {
                    for (at, view) in views.iter_mut().enumerate() {
                        let at = group.first + at;
                        let mut stream = key.stream(at);
                        match later.get_mut(at) {
                            None => group.square(image, &mut stream, scratch, view),
                            Some(later) => group.defer(image, &mut stream, scratch, view, later),
                        }
                    }
                }
                Some(grid) => {
                    let mut stream = key.stream(group.first);
                    let mut square = std::mem::take(&mut scratch.square);
                    square.resize(3 * group.side * group.side, 0.0);
                    group.square(image, &mut stream, scratch, &mut square);
                    cut_patches(&square, group.side, grid, &mut stream, views);
                    scratch.square = square;
                }
            }
        }
    }

    /// Most operations that view `v` leaves to the caller of [`render_deferred`](Self::render_deferred).
    #[must_use]
    pub fn deferred_steps(&self, view: usize) -> usize {
        let group = self
            .groups
            .iter()
            .find(|group| (group.first..group.first + group.count).contains(&view));
        group
            .filter(|group| group.patches.is_none())
            .map_or(0, |group| group.steps.iter().map(|step| step.most()).sum())
    }
}

impl GroupPlan {
    /// Geometry and all steps.
    fn square(
        &self,
        image: ImageRef<'_>,
        stream: &mut Stream,
        scratch: &mut RenderScratch,
        out: &mut [f32],
    ) {
        self.place(image, stream, scratch, out);
        for step in &self.steps {
            step.draw(stream, |drawn| {
                drawn.apply(out, self.side, &mut scratch.blur)
            });
        }
    }

    /// Geometry and flips; the other steps are only drawn.
    fn defer(
        &self,
        image: ImageRef<'_>,
        stream: &mut Stream,
        scratch: &mut RenderScratch,
        out: &mut [f32],
        later: &mut [Drawn],
    ) {
        self.place(image, stream, scratch, out);
        let mut count = 0;
        for step in &self.steps {
            step.draw(stream, |drawn| match drawn {
                Drawn::Flip => colour::flip(out, self.side),
                drawn => {
                    later[count] = drawn;
                    count += 1;
                }
            });
        }
        later[count..].fill(Drawn::Nothing);
    }

    /// Geometry alone.
    fn place(
        &self,
        image: ImageRef<'_>,
        stream: &mut Stream,
        scratch: &mut RenderScratch,
        out: &mut [f32],
    ) {
        let side = self.side;
        match self.geometry {
            Geometry::RandomResizedCrop {
                area,
                ratio,
                interpolation,
            } => {
                let from = random_resized_crop(image.width, image.height, area, ratio, stream);
                let window = Rect {
                    x: 0,
                    y: 0,
                    width: side,
                    height: side,
                };
                resample(
                    image,
                    from,
                    (side, side),
                    window,
                    interpolation,
                    &mut scratch.resample,
                    out,
                );
            }
            Geometry::Center { resize } => center(image, resize, side, scratch, out),
        }
    }
}

/// Resizes the shorter side and takes the middle; without a size, the middle of the image as it is,
/// black where the image is smaller.
fn center(
    image: ImageRef<'_>,
    resize: Option<(usize, ssl_plugin_api::description::Interpolation)>,
    side: usize,
    scratch: &mut RenderScratch,
    out: &mut [f32],
) {
    let Some((shorter, interpolation)) = resize else {
        return center_as_is(image, side, out);
    };
    // torchvision: the longer side is `⌊shorter · long / short⌋`.
    let size = if image.width <= image.height {
        (shorter, shorter * image.height / image.width)
    } else {
        (shorter * image.width / image.height, shorter)
    };
    let window = Rect {
        x: middle(size.0, side),
        y: middle(size.1, side),
        width: side,
        height: side,
    };
    let whole = Rect {
        x: 0,
        y: 0,
        width: image.width,
        height: image.height,
    };
    resample(
        image,
        whole,
        size,
        window,
        interpolation,
        &mut scratch.resample,
        out,
    );
}

/// Start of a centred crop: `round((size − crop)/2)` with ties to even, as torchvision.
fn middle(size: usize, crop: usize) -> usize {
    ((size - crop) as f32 / 2.0).round_ties_even() as usize
}

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

/// Cuts as many cells of the grid as there are views, without replacement.
fn cut_patches(
    square: &[f32],
    side: usize,
    grid: PatchGrid,
    stream: &mut Stream,
    views: &mut [&mut [f32]],
) {
    let cells = grid.grid * grid.grid;
    let stride = match grid.grid {
        1 => 0,
        n => (side - grid.patch - grid.jitter) / (n - 1),
    };
    let mut taken = 0_u64;
    for (drawn, view) in views.iter_mut().enumerate() {
        let skip = stream.below((cells - drawn) as u32) as usize;
        let mut free = (0..cells).filter(|cell| taken & (1 << cell) == 0);
        let cell = free.nth(skip).unwrap_or(0);
        taken |= 1 << cell;
        let mut jitter = || stream.below(grid.jitter as u32 + 1) as usize;
        let y = cell / grid.grid * stride + jitter();
        let x = cell % grid.grid * stride + jitter();
        for (row, target) in view.chunks_exact_mut(grid.patch).enumerate() {
            let (plane, row) = (row / grid.patch, row % grid.patch);
            let start = (plane * side + y + row) * side + x;
            target.copy_from_slice(&square[start..start + grid.patch]);
        }
    }
}
