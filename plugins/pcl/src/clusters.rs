//! The clusters of an epoch: prototypes, densities, and which sample is in which.

use crate::config::PclConfig;
use crate::density::densities;
use ssl_plugin_kit::blocks::{BlockError, Clustering, FeatureTable, Metric, nearest, unit_rows};
use ssl_plugin_kit::bridge::{from_tch, from_tch_int, to_tch, to_tch_int};
use ssl_plugin_kit::module::Numbers;
use ssl_plugin_kit::prelude::*;
use tch::Kind;

module! {
    /// What the clustering pass of an epoch leaves behind; absent during the warm-up. The same on every
    /// rank.
    pub struct Clusters {
        /// The cluster of each sample, `[clusterings, samples]`.
        pub assignments: IntBuffer<2>,
        /// Of each clustering: centroids brought to unit length, `[clusters, dim]`.
        pub prototypes: Vec<Buffer<2>>,
        /// Of each clustering: the temperature of each prototype, `[clusters]`.
        pub density: Vec<Buffer<1>>,
    }
}

/// One clustering as it came out of k-means, for those who certify.
pub(crate) struct Found {
    pub(crate) points: Tensor<2>,
    pub(crate) clustering: Clustering,
}

impl Clusters {
    /// No clusters yet, of so many samples.
    pub(crate) fn absent(config: &PclConfig, samples: usize) -> Self {
        let (clusters, dim) = (&config.num_clusters, config.projector_dim);
        let labels = clusters.iter().map(|&clusters| 0..clusters as i64);
        Self {
            assignments: IntBuffer::absent([clusters.len(), samples])
                .of(Numbers::by_row(labels.collect())),
            prototypes: clusters.iter().map(|&k| Buffer::absent([k, dim])).collect(),
            density: clusters.iter().map(|&k| Buffer::absent([k])).collect(),
        }
    }

    /// Prototypes, densities, the clusters of the samples at these positions, and the number of
    /// clusters that have samples up to the last one: of clustering `m`.
    ///
    /// # Errors
    /// No clusters yet; a position outside the training set.
    pub(crate) fn of(
        &self,
        m: usize,
        indices: &[i64],
    ) -> Result<(Tensor<2>, Tensor<1>, Vec<i64>, i64), Fault> {
        let (Some(assignments), Some(prototypes), Some(density)) = (
            self.assignments.get(),
            self.prototypes[m].get(),
            self.density[m].get(),
        ) else {
            return Err(Fault::state(format!(
                "expected the clusters of this epoch (assignments, prototypes.{m}, density.{m}), found none"
            )));
        };
        let samples = assignments.dims()[1] as i64;
        if let Some(index) = indices.iter().find(|i| !(0..samples).contains(*i)) {
            return Err(Fault::shape(format!(
                "expected positions below {samples}, found {index} (assignments)"
            )));
        }
        let row = to_tch_int(&assignments).select(0, m as i64);
        let places = tch::Tensor::from_slice(indices).to_device(row.device());
        let own = Vec::<i64>::try_from(row.index_select(0, &places)).map_err(Fault::internal)?;
        Ok((prototypes, density, own, row.max().int64_value(&[]) + 1))
    }

    /// Clusters the features of a pass anew. With `centroids` given k-means is left out.
    ///
    /// k-means runs on rank 0, whose centroids all ranks take over.
    ///
    /// # Errors
    /// Fewer samples than clusters; a collective that failed.
    pub(crate) fn renew(
        &mut self,
        config: &PclConfig,
        table: FeatureTable,
        centroids: &[Tensor<2>],
        random: &Random,
        ranks: &Ranks,
    ) -> Result<Vec<Found>, Fault> {
        let samples = table.samples() as i64;
        let (here, points) = table.collect(ranks)?;
        let here = to_tch_int(&here);
        let options = (Kind::Int64, here.device());
        let assignments = tch::Tensor::zeros([config.num_clusters.len() as i64, samples], options);
        let mut all = Vec::new();
        for (m, &clusters) in config.num_clusters.iter().enumerate() {
            let start = match centroids.get(m) {
                Some(given) => given.clone(),
                None => trained(
                    config,
                    clusters,
                    &points,
                    &mut random.at(m as u64, 0),
                    ranks,
                )?,
            };
            // Every rank has the whole bank: what follows needs no collective.
            let found = nearest(&points, &start, Metric::Euclidean, &Ranks::single())?;
            let labels = to_tch_int(&found.labels);
            let phi = densities(
                &to_tch(&found.distances),
                &labels,
                clusters,
                config.concentration(),
            );
            self.prototypes[m].set(&unit_rows(found.centroids.clone()));
            self.density[m].set(&from_tch(phi));
            let _ = assignments
                .select(0, m as i64)
                .index_copy_(0, &here, &labels);
            all.push(Found {
                points: points.clone(),
                clustering: found,
            });
        }
        let assignments: Tensor<2, Int> = from_tch_int(assignments);
        self.assignments.set(&assignments);
        Ok(all)
    }
}

/// The centroids of k-means on rank 0, `[clusters, dim]`.
fn trained(
    config: &PclConfig,
    clusters: usize,
    points: &Tensor<2>,
    random: &mut Random,
    ranks: &Ranks,
) -> Result<Tensor<2>, BlockError> {
    let [count, dim] = points.dims();
    if clusters > count {
        return Err(BlockError::Setting {
            what: "clusters",
            expected: format!("of at most {count} samples"),
            found: clusters.to_string(),
            at: "clustering pass",
        });
    }
    let centroids = if ranks.rank() == 0 {
        let kmeans = config.kmeans(clusters);
        kmeans.run(points, random, &Ranks::single())?.centroids
    } else {
        Tensor::zeros([clusters, dim], &points.device())
    };
    Ok(ranks.broadcast(centroids, 0)?)
}
