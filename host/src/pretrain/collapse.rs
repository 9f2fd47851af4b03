//! Whether features still differ from image to image.

use tch::{Kind, TchError, Tensor, no_grad};

/// Below this the features are as good as one point.
const LEAST_STD: f64 = 0.01;
/// Below this they lie on a line.
const LEAST_RANK: f64 = 1.5;

/// Rows that are used; more would only cost time.
const MOST_ROWS: i64 = 512;

/// How far features of a batch spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation over the batch of each dimension of the rows brought to unit length,
    /// averaged over dimensions, times `√dim`: 0 for one point, 1 for directions drawn uniformly
    /// (arXiv:2011.10566, figure 2).
    pub std: f64,
    /// `exp(−Σ p ln p)` with `p` the singular values of the centred unit rows over their sum
    /// (Roy and Vetterli 2007): between 1, all on a line, and the smaller of batch and dimension;
    /// 0 when the rows are all equal.
    pub effective_rank: f64,
}

impl Spread {
    /// The spread of features `[batch, dim]`, `batch >= 2`, over the first 512 rows.
    pub(super) fn of(features: &Tensor) -> Result<Self, TchError> {
        no_grad(|| {
            let count = features.size().first().map_or(0, |&n| n.min(MOST_ROWS));
            let rows = features
                .f_detach()?
                .f_narrow(0, 0, count)?
                .f_to_kind(Kind::Double)?;
            let dim = rows.size().get(1).copied().unwrap_or(1);
            let length = rows
                .f_square()?
                .f_sum_dim_intlist([1_i64].as_slice(), true, Kind::Double)?
                .f_sqrt()?
                .f_clamp_min(1e-12)?;
            let unit = rows.f_div(&length)?;
            let std = unit.f_std_dim([0_i64].as_slice(), true, false)?;
            let mean = unit.f_mean_dim([0_i64].as_slice(), true, Kind::Double)?;
            let (_, singular, _) = unit.f_sub(&mean)?.f_svd(true, false)?;
            let singular = Vec::<f64>::try_from(singular)?;
            Ok(Self {
                std: std.f_mean(Kind::Double)?.f_double_value(&[])? * (dim as f64).sqrt(),
                effective_rank: effective_rank(&singular),
            })
        })
    }

    /// Whether the features have collapsed: to a point (`std` under 0.01) or a line (effective rank
    /// under 1.5).
    #[must_use]
    pub fn is_collapsed(&self) -> bool {
        self.std < LEAST_STD || self.effective_rank < LEAST_RANK
    }
}

fn effective_rank(singular: &[f64]) -> f64 {
    let sum: f64 = singular.iter().sum();
    if sum <= 1e-9 {
        return 0.0;
    }
    let entropy: f64 = singular
        .iter()
        .map(|s| s / sum)
        .filter(|p| *p > 0.0)
        .map(|p| -p * p.ln())
        .sum();
    entropy.exp()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;
    use tch::Device;

    #[test]
    fn equal_feature_rows_count_as_collapsed() {
        let row = Tensor::from_slice(&[1.0_f32, 2.0, 3.0]);
        let rows = Tensor::stack(&[&row, &(&row * 2.0), &(&row * 5.0)], 0);
        let spread = Spread::of(&rows).unwrap();
        assert!(
            spread.std < 1e-6 && spread.effective_rank == 0.0,
            "{spread:?}"
        );
        assert!(spread.is_collapsed());
    }

    #[test]
    fn effective_rank_of_axes_is_the_dimension() {
        // Rows ±e_k: unit length, mean 0, four equal singular values.
        let eye = Tensor::eye(4, (Kind::Float, Device::Cpu));
        let rows = Tensor::cat(&[&eye, &(-&eye)], 0);
        let spread = Spread::of(&rows).unwrap();
        assert!((spread.effective_rank - 4.0).abs() < 1e-9, "{spread:?}");
        // Each dimension holds +1, -1 and six zeros: variance 2/7.
        assert!(
            (spread.std - 2.0 * (2.0_f64 / 7.0).sqrt()).abs() < 1e-9,
            "{spread:?}"
        );
        assert!(!spread.is_collapsed());
    }

    #[test]
    fn effective_rank_of_two_points_is_one() {
        let rows = Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
        let spread = Spread::of(&rows.reshape([4, 2])).unwrap();
        assert!((spread.effective_rank - 1.0).abs() < 1e-6, "{spread:?}");
        assert!(spread.is_collapsed());
    }
}
