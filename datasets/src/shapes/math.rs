//! Sine and cosine from exact operations, so that every machine draws the same.

/// Sine and cosine of `turns` full turns, to about 1e-6.
///
/// The angle is brought into an eighth of a turn, where short Taylor series do; only `+ − ×` and
/// comparisons, which IEEE 754 fixes to the bit.
pub(super) fn sin_cos(turns: f32) -> (f32, f32) {
    let quarters = turns * 4.0;
    let nearest = (quarters + if quarters < 0.0 { -0.5 } else { 0.5 }) as i32;
    let x = (quarters - nearest as f32) * std::f32::consts::FRAC_PI_2;
    let x2 = x * x;
    let sin = x * (1.0 - x2 * (1.0 / 6.0 - x2 * (1.0 / 120.0 - x2 * (1.0 / 5040.0))));
    let cos = 1.0 - x2 * (0.5 - x2 * (1.0 / 24.0 - x2 * (1.0 / 720.0 - x2 * (1.0 / 40320.0))));
    match nearest.rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for step in -200..200 {
            let turns = step as f32 / 73.0;
            let angle = f64::from(turns) * std::f64::consts::TAU;
            let (sin, cos) = sin_cos(turns);
            assert!((f64::from(sin) - angle.sin()).abs() < 2e-6, "{turns}");
            assert!((f64::from(cos) - angle.cos()).abs() < 2e-6, "{turns}");
        }
    }
}
