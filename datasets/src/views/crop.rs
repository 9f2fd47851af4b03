//! Where a random resized crop is taken, by torchvision's rule.

use super::resample::Rect;
use crate::random::Stream;

/// Draws a crop of an image of `width × height`.
///
/// Ten tries: an area share uniform in `area`, a ratio of width to height log-uniform in `ratio`;
/// the first that fits is placed uniformly. Otherwise the largest centred crop whose ratio lies in
/// range.
#[must_use]
pub fn random_resized_crop(
    width: usize,
    height: usize,
    area: [f32; 2],
    ratio: [f32; 2],
    stream: &mut Stream,
) -> Rect {
    let total = (width * height) as f32;
    let log_ratio = ratio.map(f32::ln);
    for _ in 0..10 {
        let target = total * stream.uniform(area[0], area[1]);
        let aspect = stream.uniform(log_ratio[0], log_ratio[1]).exp();
        let w = (target * aspect).sqrt().round_ties_even() as usize;
        let h = (target / aspect).sqrt().round_ties_even() as usize;
        if w > 0 && h > 0 && w <= width && h <= height {
            return Rect {
                y: stream.below((height - h + 1) as u32) as usize,
                x: stream.below((width - w + 1) as u32) as usize,
                width: w,
                height: h,
            };
        }
    }
    let own = width as f32 / height as f32;
    let (w, h) = if own < ratio[0] {
        (width, (width as f32 / ratio[0]).round_ties_even() as usize)
    } else if own > ratio[1] {
        (
            (height as f32 * ratio[1]).round_ties_even() as usize,
            height,
        )
    } else {
        (width, height)
    };
    let (w, h) = (w.clamp(1, width), h.clamp(1, height));
    Rect {
        x: (width - w) / 2,
        y: (height - h) / 2,
        width: w,
        height: h,
    }
}
