//! Making the views of one image.

use ssl_plugin_api::description::PatchGrid;

use super::blur::BlurScratch;
use super::colour;
use super::draw::Drawn;
use super::plan::{GroupPlan, ViewPlan};
use super::resample::ResampleScratch;
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

    /// Rows from the top of an image of `width × height` that its views are made of; the rows below
    /// have no influence on what [`render`](Self::render) gives.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize, key: ViewKey) -> usize {
        let of_group = |group: &GroupPlan| {
            let drawn = match group.patches {
                None => group.count,
                Some(_) => 1,
            };
            let views = group.first..group.first + drawn;
            let rows = views.map(|view| {
                let mut stream = key.stream(view);
                let geometry = &group.geometry;
                geometry.rows((width, height), group.side, &mut stream)
            });
            rows.max()
        };
        self.groups.iter().filter_map(of_group).max().unwrap_or(0)
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
        self.geometry
            .place(image, self.side, stream, &mut scratch.resample, out);
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
        self.geometry
            .place(image, self.side, stream, &mut scratch.resample, out);
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
