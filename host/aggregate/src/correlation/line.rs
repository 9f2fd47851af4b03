//! Least-squares lines.

use crate::distribution::student_critical;

/// `y = slope x + intercept`, fitted by ordinary least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Change of `y` per unit of `x`.
    pub slope: f64,
    /// `y` at `x = 0`.
    pub intercept: f64,
    /// Share of the variance of `y` on the line; 1 for constant `y`.
    pub r_squared: f64,
    n: f64,
    mean_x: f64,
    squares_x: f64,
    residual_squares: f64,
}

impl Line {
    /// The fitted value at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.slope * x + self.intercept
    }

    /// Half width of the confidence band of the line as a function of `x`; `None` for fewer than three points.
    ///
    /// `t s sqrt(1/n + (x - x̄)²/Sxx)` with `n - 2` degrees of freedom.
    pub fn band(&self, confidence: f64) -> Option<impl Fn(f64) -> f64> {
        let Self {
            n,
            mean_x,
            squares_x,
            ..
        } = *self;
        let df = n - 2.0;
        (df > 0.0).then(|| {
            let deviation = (self.residual_squares / df).sqrt();
            let scale = student_critical(confidence, df) * deviation;
            move |x: f64| scale * (1.0 / n + (x - mean_x).powi(2) / squares_x).sqrt()
        })
    }
}

/// Fits a line through `(x, y)` points; `None` for fewer than two points or constant `x`.
#[must_use]
pub fn fit_line(points: &[(f64, f64)]) -> Option<Line> {
    let n = points.len() as f64;
    let first = points.first()?;
    if points.iter().all(|point| point.0 == first.0) {
        return None;
    }
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / n;
    let squares_x: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let products: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let squares_y: f64 = points.iter().map(|(_, y)| (y - mean_y).powi(2)).sum();
    let slope = products / squares_x;
    let intercept = mean_y - slope * mean_x;
    let residual_squares: f64 = points
        .iter()
        .map(|(x, y)| (y - slope * x - intercept).powi(2))
        .sum();
    let r_squared = if squares_y == 0.0 {
        1.0
    } else {
        products * products / (squares_x * squares_y)
    };
    Some(Line {
        slope,
        intercept,
        r_squared,
        n,
        mean_x,
        squares_x,
        residual_squares,
    })
}
