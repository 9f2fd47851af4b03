//! Images that a fixed raw-pixel reference gets wrong.
//!
//! The reference is the nearest neighbour among 600 plain images on 8 × 8 RGB thumbnails, in whole
//! numbers. An image is taken when its class is not among those of the three nearest thumbnails.

use super::drawing::Drawing;
use super::figure::CLASSES;
use super::nuisance::Manner;
use super::scene::SIDE;

/// The classes of the split.
pub(super) const SUBSET: [u32; 6] = [1, 3, 4, 5, 7, 9];

const REFERENCES: u32 = 600;
const NEAREST: usize = 3;
/// Candidates per image; the last is taken as it is (about one image in 10⁶ gets there).
const TRIES: u32 = 40;
const CELLS: usize = 8;
const BLOCK: usize = SIDE / CELLS;
/// Split number of the reference images, away from all others.
const REFERENCE_SPLIT: u32 = 100;

type Thumbnail = [i32; CELLS * CELLS * 3];

/// The reference's memory.
pub(super) struct Reference {
    thumbnails: Vec<(u32, Thumbnail)>,
}

impl Reference {
    /// Draws the memory for a seed.
    pub fn new(seed: u64) -> Self {
        let mut pixels = vec![0; SIDE * SIDE * 3];
        let thumbnails = (0..REFERENCES)
            .map(|index| {
                let class = index % CLASSES.len() as u32;
                let drawing = Drawing {
                    seed,
                    split: REFERENCE_SPLIT,
                    manner: Manner::Plain,
                    attempt: 0,
                };
                drawing.draw(index, class, &mut pixels);
                (class, thumbnail(&pixels))
            })
            .collect();
        Self { thumbnails }
    }

    /// Draws candidates for image `index` until the reference fails.
    pub fn draw(&self, drawing: Drawing, index: u32, class: u32, out: &mut [u8]) {
        for attempt in 0..TRIES {
            Drawing { attempt, ..drawing }.draw(index, class, out);
            if self.fails(class, out) {
                return;
            }
        }
    }

    /// Whether `class` is not among the classes of the nearest thumbnails; the earlier one wins a
    /// tie.
    pub fn fails(&self, class: u32, pixels: &[u8]) -> bool {
        let own = thumbnail(pixels);
        let mut nearest = [(i64::MAX, u32::MAX); NEAREST];
        for (label, other) in &self.thumbnails {
            let distance: i64 = own
                .iter()
                .zip(other)
                .map(|(a, b)| i64::from((a - b) * (a - b)))
                .sum();
            if distance < nearest[NEAREST - 1].0 {
                nearest[NEAREST - 1] = (distance, *label);
                nearest.sort_by_key(|(distance, _)| *distance);
            }
        }
        nearest.iter().all(|(_, label)| *label != class)
    }
}

/// Mean of each block of pixels, rounded down.
fn thumbnail(pixels: &[u8]) -> Thumbnail {
    let mut cells = [0; CELLS * CELLS * 3];
    for (at, &value) in pixels.iter().enumerate() {
        let (pixel, channel) = (at / 3, at % 3);
        let (y, x) = (pixel / SIDE / BLOCK, pixel % SIDE / BLOCK);
        cells[(y * CELLS + x) * 3 + channel] += i32::from(value);
    }
    cells.map(|sum| sum / (BLOCK * BLOCK) as i32)
}
