//! What is on an image, before it is drawn.

use super::figure::Figure;

/// Width and height of the images.
pub const SIDE: usize = 32;

/// Red, green and blue in `[0, 1]`.
pub(super) type Color = [f32; 3];

/// Largest difference of a channel.
pub(super) fn contrast(a: Color, b: Color) -> f32 {
    (a[0] - b[0])
        .abs()
        .max((a[1] - b[1]).abs())
        .max((a[2] - b[2]).abs())
}

/// A surface of two colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surface {
    pub pattern: Pattern,
    pub first: Color,
    pub second: Color,
    /// Direction of the pattern, as cosine and sine.
    pub direction: [f32; 2],
    /// Length of one period in pixels.
    pub period: f32,
    pub phase: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Flat,
    Gradient,
    Stripes,
    Checks,
    Clouds,
}

/// How a figure is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    Filled,
    /// Filled, with a line of this width in pixels around it.
    Bordered(f32),
    /// Only a line of this width.
    Outline(f32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub figure: Figure,
    pub center: [f32; 2],
    pub radius: f32,
    /// Width over height.
    pub stretch: f32,
    /// Cosine and sine of the rotation.
    pub turn: [f32; 2],
    pub surface: Surface,
    pub line: Color,
    pub style: Style,
    /// How far lines wander, in pixels.
    pub wobble: f32,
}

/// A bar in front of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    pub center: [f32; 2],
    pub direction: [f32; 2],
    pub half_width: f32,
    pub color: Color,
}

#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub ground: Surface,
    /// The labelled object first.
    pub objects: Vec<Object>,
    pub bar: Option<Bar>,
    /// Brightness of the light at the centre, and its change from edge to edge along x and y.
    pub light: [f32; 3],
    /// Standard deviation of the pixel noise, roughly.
    pub noise: f32,
    /// Side of the blocks of a mosaic; 1 for none.
    pub mosaic: usize,
}
