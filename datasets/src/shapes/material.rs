//! What grounds and figures are made of: their colours and patterns.
//!
//! Colours are few, so that an image is not told from others by its colours alone; with all colours a network
//! that tells images apart needs to look at nothing else, and learns nothing about figures. And as in
//! photographs, where a kind of thing comes in its own materials, each class has a pattern that most of its
//! figures wear. It survives crops and changes of colour, so that it can be learnt without labels; drawn in
//! another style it is gone, or is another class's.

use super::math::sin_cos;
use super::scene::{Color, Pattern, Surface};
use crate::random::Stream;

const GROUNDS: [Color; 3] = [[0.55, 0.68, 0.82], [0.45, 0.6, 0.35], [0.8, 0.72, 0.55]];
const PAINTS: [Color; 3] = [[0.75, 0.25, 0.2], [0.15, 0.17, 0.35], [0.92, 0.9, 0.85]];

/// The usual pattern of each class, and the length of its period in pixels.
const HABITS: [(Pattern, f32); 10] = [
    (Pattern::Clouds, 6.0),
    (Pattern::Stripes, 4.0),
    (Pattern::Flat, 6.0),
    (Pattern::Stripes, 8.0),
    (Pattern::Checks, 5.0),
    (Pattern::Gradient, 6.0),
    (Pattern::Checks, 10.0),
    (Pattern::Clouds, 11.0),
    (Pattern::Flat, 6.0),
    (Pattern::Gradient, 6.0),
];

/// Any pattern.
fn any(stream: &mut Stream) -> Pattern {
    let all = [
        Pattern::Flat,
        Pattern::Gradient,
        Pattern::Stripes,
        Pattern::Checks,
        Pattern::Clouds,
    ];
    all[stream.below(5) as usize]
}

/// What is behind: any pattern in two shades.
pub(super) fn ground(stream: &mut Stream) -> Surface {
    let (pattern, period) = (any(stream), stream.uniform(6.0, 14.0));
    let first = color(&GROUNDS, stream);
    let step = stream.uniform(-0.12, 0.12);
    surface(pattern, period, [first, first.map(|c| c + step)], stream)
}

/// A figure's surface in two paints: with probability `habit` in its class's pattern, else in any.
pub(super) fn figure(class: u32, habit: f32, stream: &mut Stream) -> Surface {
    let (pattern, period) = if stream.chance(habit) {
        let (pattern, period) = HABITS[class as usize];
        (pattern, period * stream.uniform(0.9, 1.1))
    } else {
        (any(stream), stream.uniform(3.0, 10.0))
    };
    let paints = [paint(stream), paint(stream)];
    surface(pattern, period, paints, stream)
}

/// A colour of figures and bars.
pub(super) fn paint(stream: &mut Stream) -> Color {
    color(&PAINTS, stream)
}

/// One of a palette, a little off.
fn color(palette: &[Color], stream: &mut Stream) -> Color {
    let base = palette[stream.below(palette.len() as u32) as usize];
    base.map(|c| c + stream.uniform(-0.05, 0.05))
}

fn surface(
    pattern: Pattern,
    period: f32,
    [first, second]: [Color; 2],
    stream: &mut Stream,
) -> Surface {
    let (sin, cos) = sin_cos(stream.unit());
    Surface {
        pattern,
        first,
        second,
        direction: [cos, sin],
        period,
        phase: stream.unit(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Domain;

    #[test]
    fn most_figures_wear_their_classes_pattern() {
        let worn = |habit: f32| {
            (0..1000)
                .filter(|&index| {
                    let mut stream = Stream::new(0, Domain::Scene, 0, index, 0);
                    figure(4, habit, &mut stream).pattern == Pattern::Checks
                })
                .count()
        };
        // One in five by chance.
        assert_eq!(worn(1.0), 1000);
        assert!((840..920).contains(&worn(0.85)), "{}", worn(0.85));
        assert!((150..250).contains(&worn(0.0)), "{}", worn(0.0));
    }
}
