//! k-means on the device, block by block.

mod assign;
mod empty;

use super::error::BlockError;
use crate::bridge::{from_tch, from_tch_int, to_tch};
use crate::random::Random;
use crate::ranks::Ranks;
use assign::{assign, squared_distances, sums_and_counts, unit};
use burn::tensor::{Int, Tensor};
use ssl_plugin_api::export::called;
use tch::Kind;

/// What k-means calls near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Euclidean distance; centroids are means.
    Euclidean,
    /// Inner product; centroids are means brought to unit length. Points should be of unit length.
    Spherical,
}

/// What becomes of a cluster that has lost all its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Its centroid stays where it is (DeepCluster-v2).
    Keep,
    /// It takes half of a large cluster: a cluster drawn in proportion to its size beyond one point gives a copy of its
    /// centroid, and both move apart by a 1024th (DeepCluster-v1 and PCL, after faiss).
    Split,
}

/// Lloyd's k-means from random points.
///
/// Starts from distinct random points; `iterations` times each point goes to its nearest centroid, the first of
/// equals, and each centroid to the mean of its points; finally every point is assigned once more. With `restarts`
/// above 1 the run of the smallest inertia is kept. Ranks have the same points and share the work.
///
/// ```
/// use ssl_plugin_kit::blocks::{Empty, KMeans, Metric};
/// use ssl_plugin_kit::{random::Random, ranks::Ranks, testing::matrix};
///
/// let kmeans = KMeans {
///     clusters: 2,
///     iterations: 10,
///     restarts: 1,
///     metric: Metric::Euclidean,
///     empty: Empty::Split,
///     max_points: None,
/// };
/// let points = matrix([[0.0], [9.0], [0.2]]);
/// let found = kmeans.run(&points, &mut Random::new(1, "clusters"), &Ranks::single()).unwrap();
/// let labels = found.labels.try_into_vec_as::<i64>().unwrap();
/// assert!(labels[0] == labels[2] && labels[0] != labels[1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KMeans {
    /// Number of clusters.
    pub clusters: usize,
    /// Lloyd iterations: 10 in DeepCluster-v2, 20 in DeepCluster-v1 and PCL.
    pub iterations: usize,
    /// Independent runs: 1 in DeepCluster, 5 in PCL.
    pub restarts: usize,
    /// Distance.
    pub metric: Metric,
    /// Rule for empty clusters.
    pub empty: Empty,
    /// Train on a random sample of at most this many points per cluster; PCL: 1000.
    pub max_points: Option<usize>,
}

/// What k-means found.
#[derive(Debug)]
pub struct Clustering {
    /// `[clusters, dim]`; unit rows if spherical.
    pub centroids: Tensor<2>,
    /// Nearest centroid of each point, int64 `[points]`.
    pub labels: Tensor<1, Int>,
    /// Euclidean distance to it (the root, not the square), `[points]`.
    pub distances: Tensor<1>,
    /// Sum of the squared distances.
    pub inertia: f64,
}

impl KMeans {
    /// Clusters `points`. Of several ranks each one assigns its part of them, in every iteration; centroids and labels
    /// are the same on every rank.
    ///
    /// # Shapes
    /// - `points`: `[points, dim]`, the same on every rank
    ///
    /// # Errors
    /// [`BlockError::Setting`] for no clusters, no restarts, or fewer points than clusters;
    /// [`BlockError::NotFinite`]; [`BlockError::Collective`].
    ///
    /// # Source
    /// DeepCluster-v2 `swav:main_deepclusterv2.py:cluster_memory`; faiss `Clustering.cpp`.
    #[track_caller]
    pub fn run(
        &self,
        points: &Tensor<2>,
        random: &mut Random,
        ranks: &Ranks,
    ) -> Result<Clustering, BlockError> {
        let _call = called();
        self.check(points.dims())?;
        let points = to_tch(points);
        if !bool::try_from(points.isfinite().all()).unwrap_or(false) {
            return Err(BlockError::NotFinite {
                what: "points",
                at: AT,
            });
        }
        let mut best: Option<(f64, tch::Tensor)> = None;
        for _ in 0..self.restarts {
            let sample = self.sample(&points, random);
            let centroids = self.train(&sample, random, ranks)?;
            let own = part(&sample, ranks);
            let found = assign(&own, &centroids, self.metric);
            let inertia = inertia(&squared_distances(&own, &centroids, &found), ranks)?;
            if best.as_ref().is_none_or(|(least, _)| inertia < *least) {
                best = Some((inertia, centroids));
            }
        }
        let (_, centroids) = best.expect("there is at least one restart");
        label(&points, centroids, self.metric, ranks)
    }

    fn check(&self, [points, _]: [usize; 2]) -> Result<(), BlockError> {
        let faults = [
            (
                "clusters",
                self.clusters == 0,
                "of at least 1".to_owned(),
                self.clusters,
            ),
            (
                "restarts",
                self.restarts == 0,
                "of at least 1".to_owned(),
                self.restarts,
            ),
            (
                "clusters",
                self.clusters > points,
                format!("of at most {points} points"),
                self.clusters,
            ),
        ];
        faults.into_iter().find(|(_, wrong, ..)| *wrong).map_or(
            Ok(()),
            |(what, _, expected, found)| {
                Err(BlockError::Setting {
                    what,
                    expected,
                    found: found.to_string(),
                    at: AT,
                })
            },
        )
    }

    fn sample(&self, points: &tch::Tensor, random: &mut Random) -> tch::Tensor {
        let count = points.size()[0] as usize;
        let most = self
            .max_points
            .map_or(count, |most| most.max(1).saturating_mul(self.clusters));
        if count <= most {
            return points.shallow_clone();
        }
        rows(points, &random.sample(count, most))
    }

    fn train(
        &self,
        points: &tch::Tensor,
        random: &mut Random,
        ranks: &Ranks,
    ) -> Result<tch::Tensor, BlockError> {
        let start = random.sample(points.size()[0] as usize, self.clusters);
        let start: Tensor<2> = from_tch(rows(points, &start));
        // Points that were rounded otherwise on another rank start from rank 0's.
        let mut centroids = to_tch(&ranks.broadcast(start, 0)?);
        let own = part(points, ranks);
        for _ in 0..self.iterations {
            let labels = assign(&own, &centroids, self.metric);
            let (sums, counts) = sums_and_counts(&own, &labels, self.clusters);
            let sums = to_tch(&ranks.all_reduce_sum::<2>(from_tch(sums))?);
            let counts = to_tch(&ranks.all_reduce_sum::<1>(from_tch(counts))?);
            let filled = counts.unsqueeze(1).gt(0.0);
            let means = sums / counts.unsqueeze(1).clamp_min(1.0);
            centroids = means.to_kind(points.kind()).where_self(&filled, &centroids);
            if self.empty == Empty::Split {
                // The same draws on every rank, and rank 0's centroids count.
                let split = empty::split(&centroids, &counts, random);
                centroids = to_tch(&ranks.broadcast::<2>(from_tch(split), 0)?);
            }
            if self.metric == Metric::Spherical {
                centroids = unit(&centroids);
            }
        }
        Ok(centroids)
    }
}

/// Assigns points to given centroids, as the end of [`KMeans::run`] does.
///
/// # Shapes
/// - `points`: `[points, dim]`, `centroids`: `[clusters, dim]`, the same on every rank
///
/// # Errors
/// [`BlockError::Shape`] when the widths differ, [`BlockError::Collective`].
#[track_caller]
pub fn nearest(
    points: &Tensor<2>,
    centroids: &Tensor<2>,
    metric: Metric,
    ranks: &Ranks,
) -> Result<Clustering, BlockError> {
    let _call = called();
    super::error::check_columns(centroids.dims(), points.dims()[1], "centroids", AT)?;
    label(&to_tch(points), to_tch(centroids), metric, ranks)
}

const AT: &str = "k-means";

fn label(
    points: &tch::Tensor,
    centroids: tch::Tensor,
    metric: Metric,
    ranks: &Ranks,
) -> Result<Clustering, BlockError> {
    let own = part(points, ranks);
    let labels = assign(&own, &centroids, metric);
    let squared = squared_distances(&own, &centroids, &labels);
    let count = points.size()[0];
    // Whole numbers are exact in float64.
    let labels = of_all(&labels.to_kind(Kind::Double), count, ranks)?;
    Ok(Clustering {
        centroids: from_tch(centroids.copy()),
        labels: from_tch_int(labels.to_kind(Kind::Int64)),
        inertia: inertia(&squared, ranks)?,
        distances: from_tch(of_all(&squared.sqrt(), count, ranks)?),
    })
}

/// This rank's part of rows.
fn part(rows: &tch::Tensor, ranks: &Ranks) -> tch::Tensor {
    let range = ranks.part_of(rows.size()[0] as usize);
    rows.narrow(0, range.start as i64, range.len() as i64)
}

/// The values of all ranks' parts of `count` rows.
fn of_all(own: &tch::Tensor, count: i64, ranks: &Ranks) -> Result<tch::Tensor, BlockError> {
    if ranks.world_size() == 1 {
        return Ok(own.shallow_clone());
    }
    let all = tch::Tensor::zeros([count], (own.kind(), own.device()));
    part(&all, ranks).copy_(own);
    Ok(to_tch(&ranks.all_reduce_sum::<1>(from_tch(all))?))
}

fn inertia(squared: &tch::Tensor, ranks: &Ranks) -> Result<f64, BlockError> {
    let own: Tensor<1> = from_tch(squared.sum(Kind::Double).reshape(1));
    let total = to_tch(&ranks.all_reduce_sum(own)?);
    Ok(f64::try_from(total).unwrap_or(f64::NAN))
}

fn rows(points: &tch::Tensor, which: &[usize]) -> tch::Tensor {
    let which: Vec<i64> = which.iter().map(|&i| i as i64).collect();
    points.index_select(
        0,
        &tch::Tensor::from_slice(&which).to_device(points.device()),
    )
}

#[cfg(test)]
mod tests;
