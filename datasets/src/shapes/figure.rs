//! The ten figures as signed distances.

use std::sync::OnceLock;

use super::math::sin_cos;

/// Names of the classes, in label order.
pub const CLASSES: [&str; 10] = [
    "disc", "ring", "crescent", "triangle", "square", "star", "cross", "arrow", "bolt", "ell",
];

/// A figure of radius about 1 around the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure(pub u32);

const TRIANGLE: [[f32; 2]; 3] = [[0.0, -1.0], [0.9, 0.6], [-0.9, 0.6]];
const SQUARE: [[f32; 2]; 4] = [[-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]];
const CROSS: [[f32; 2]; 12] = [
    [-0.3, -0.95],
    [0.3, -0.95],
    [0.3, -0.3],
    [0.95, -0.3],
    [0.95, 0.3],
    [0.3, 0.3],
    [0.3, 0.95],
    [-0.3, 0.95],
    [-0.3, 0.3],
    [-0.95, 0.3],
    [-0.95, -0.3],
    [-0.3, -0.3],
];
const ARROW: [[f32; 2]; 7] = [
    [-0.95, -0.26],
    [0.1, -0.26],
    [0.1, -0.75],
    [1.0, 0.0],
    [0.1, 0.75],
    [0.1, 0.26],
    [-0.95, 0.26],
];
const BOLT: [[f32; 2]; 6] = [
    [0.45, -1.0],
    [-0.7, 0.25],
    [-0.1, 0.25],
    [-0.4, 1.0],
    [0.7, -0.3],
    [0.1, -0.3],
];
const ELL: [[f32; 2]; 6] = [
    [-0.75, -0.95],
    [-0.15, -0.95],
    [-0.15, 0.35],
    [0.75, 0.35],
    [0.75, 0.95],
    [-0.75, 0.95],
];

impl Figure {
    /// Signed distance of a point: negative inside.
    pub(super) fn distance(self, p: [f32; 2]) -> f32 {
        match self.0 {
            0 => length(p) - 0.9,
            1 => (length(p) - 0.68).abs() - 0.24,
            2 => (length(p) - 0.95).max(0.78 - length([p[0] - 0.5, p[1]])),
            3 => polygon(&TRIANGLE, p),
            4 => polygon(&SQUARE, p),
            5 => polygon(star(), p),
            6 => polygon(&CROSS, p),
            7 => polygon(&ARROW, p),
            8 => polygon(&BOLT, p),
            _ => polygon(&ELL, p),
        }
    }
}

/// Five points: radius 1 at the tips, 0.45 between them.
fn star() -> &'static [[f32; 2]; 10] {
    static STAR: OnceLock<[[f32; 2]; 10]> = OnceLock::new();
    STAR.get_or_init(|| {
        std::array::from_fn(|k| {
            let (sin, cos) = sin_cos(k as f32 / 10.0);
            let radius = if k % 2 == 0 { 1.0 } else { 0.45 };
            [radius * sin, -radius * cos]
        })
    })
}

fn length(p: [f32; 2]) -> f32 {
    (p[0] * p[0] + p[1] * p[1]).sqrt()
}

/// Distance to the nearest edge, negative when an upward ray crosses an odd number of edges.
fn polygon(corners: &[[f32; 2]], p: [f32; 2]) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let mut from = corners[corners.len() - 1];
    for &to in corners {
        let edge = [to[0] - from[0], to[1] - from[1]];
        let offset = [p[0] - from[0], p[1] - from[1]];
        let along =
            (offset[0] * edge[0] + offset[1] * edge[1]) / (edge[0] * edge[0] + edge[1] * edge[1]);
        let along = along.clamp(0.0, 1.0);
        let away = [offset[0] - along * edge[0], offset[1] - along * edge[1]];
        nearest = nearest.min(away[0] * away[0] + away[1] * away[1]);
        if (from[1] > p[1]) != (to[1] > p[1])
            && p[0] < edge[0] * (p[1] - from[1]) / edge[1] + from[0]
        {
            inside = !inside;
        }
        from = to;
    }
    if inside {
        -nearest.sqrt()
    } else {
        nearest.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_figures() {
        let at = |class, p| Figure(class).distance(p);
        assert!((at(4, [0.0, 0.0]) + 0.75).abs() < 1e-6);
        assert!((at(4, [1.75, 0.0]) - 1.0).abs() < 1e-6);
        assert!((at(0, [3.0, 4.0]) - 4.1).abs() < 1e-6);
        assert!((at(1, [0.0, 0.0]) - 0.44).abs() < 1e-6);
        assert!((at(6, [0.6, 0.6]) - 0.3).abs() < 1e-6);
        assert!(at(5, [0.0, -0.95]) < 0.0 && at(5, [0.0, 0.95]) > 0.0);
    }

    #[test]
    fn figures_fill_a_good_part_of_their_disc() {
        for class in 0..10 {
            let mut inside = 0;
            for y in 0..64 {
                for x in 0..64 {
                    let p = [(x as f32 - 31.5) / 28.0, (y as f32 - 31.5) / 28.0];
                    inside += u32::from(Figure(class).distance(p) < 0.0);
                }
            }
            // 28² pixels to the unit square: between 0.7 and 2.6 units of area.
            assert!(
                (549..2040).contains(&inside),
                "{}: {inside}",
                CLASSES[class as usize]
            );
        }
    }
}
