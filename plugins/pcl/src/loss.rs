//! Contrast of queries with prototypes.

use ssl_plugin_kit::blocks::{BlockError, check_same, cross_entropy, range};
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::{Int, Tensor};
use std::collections::BTreeSet;

/// Cross-entropy of each query's own prototype among those of the batch and of other clusters.
///
/// ```text
/// logits_ij = q_i · C_cols[j] / φ_cols[j]          loss = (1/B) Σ_i CE(logits_i, first + i)
/// ```
///
/// The columns from `first` on are the queries' own clusters, duplicates kept: of two samples in one cluster
/// each is the other's negative, as in the authors' code. Columns before and after them are those of other ranks'
/// queries and of other clusters. φ is each column's own.
///
/// # Shapes
/// - `q`: `[batch, dim]`, rows of unit length
/// - `prototypes`: `[clusters, dim]`, rows of unit length; no gradient
/// - `density`: `[clusters]`, above 0; no gradient
/// - `columns`: clusters, those of the queries in the places `first` to `first + batch − 1`
/// - returns `[1]`
///
/// # Errors
/// [`BlockError::Shape`] when the shapes do not fit.
///
/// # Source
/// arXiv:2005.04966 equation 11; `pcl/builder.py`, `MoCo.forward`.
pub fn prototype_contrast(
    q: Tensor<2>,
    prototypes: Tensor<2>,
    density: Tensor<1>,
    columns: &[i64],
    first: usize,
) -> Result<Tensor<1>, BlockError> {
    const AT: &str = "prototype contrast";
    let [batch, dim] = q.dims();
    let [clusters, width] = prototypes.dims();
    check_same([width], [dim], "columns of the prototypes", AT)?;
    check_same(density.dims(), [clusters], "density", AT)?;
    let device = q.device();
    let columns: Tensor<1, Int> = Tensor::from_data(columns, &device);
    let prototypes = prototypes.without_autodiff().select(0, columns.clone());
    let density = density.without_autodiff().select(0, columns); // [columns]
    let logits = q.matmul(prototypes.transpose()) / density.unsqueeze();
    cross_entropy(logits, range(first, batch, &device))
}

/// The columns of [`prototype_contrast`]: the samples' own clusters, then at most `most` of the others
/// below `clusters`, drawn without replacement when there are more.
pub(crate) fn columns(own: &[i64], clusters: i64, most: usize, random: &mut Random) -> Vec<i64> {
    let taken: BTreeSet<i64> = own.iter().copied().collect();
    let others: Vec<i64> = (0..clusters).filter(|c| !taken.contains(c)).collect();
    let mut columns = own.to_vec();
    if others.len() <= most {
        columns.extend(others);
    } else {
        let drawn = random.sample(others.len(), most);
        columns.extend(drawn.into_iter().map(|i| others[i]));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_own_clusters_and_others_without_them() {
        let mut random = Random::new(3, "negatives");
        let all = columns(&[4, 1, 4], 6, 10, &mut random);
        assert_eq!(all, [4, 1, 4, 0, 2, 3, 5]);
        for _ in 0..20 {
            let some = columns(&[4, 1, 4], 60, 5, &mut random);
            assert_eq!(some[..3], [4, 1, 4]);
            let drawn: BTreeSet<i64> = some[3..].iter().copied().collect();
            assert_eq!(drawn.len(), 5);
            assert!(
                drawn
                    .iter()
                    .all(|c| (0..60).contains(c) && ![1, 4].contains(c))
            );
        }
    }
}
