//! The steps of k-means that pass over all points.

use super::Metric;
use tch::{Kind, Tensor};

/// Entries of one block of similarities: 64 MB in float32.
const BLOCK: i64 = 1 << 24;

/// The nearest centroid of each point, int64 `[points]`.
pub(super) fn assign(points: &Tensor, centroids: &Tensor, metric: Metric) -> Tensor {
    let transposed = centroids.transpose(0, 1);
    // argmin ‖x − c‖² is argmax x·c − ‖c‖²/2.
    let offset = match metric {
        Metric::Euclidean => centroids.square().sum_dim_intlist(1, false, None) * -0.5,
        Metric::Spherical => centroids.zeros_like().sum_dim_intlist(1, false, None),
    };
    let labels: Vec<Tensor> = blocks(points, centroids.size()[0])
        .map(|block| offset.addmm(&block, &transposed).argmax(1, false))
        .collect();
    Tensor::cat(&labels, 0)
}

/// `‖x − c‖²` of each point and its centroid, by subtraction: no cancellation.
pub(super) fn squared_distances(points: &Tensor, centroids: &Tensor, labels: &Tensor) -> Tensor {
    let mut start = 0;
    let squared: Vec<Tensor> = blocks(points, points.size()[1])
        .map(|block| {
            let rows = block.size()[0];
            let own = centroids.index_select(0, &labels.narrow(0, start, rows));
            start += rows;
            (block - own).square().sum_dim_intlist(1, false, None)
        })
        .collect();
    Tensor::cat(&squared, 0)
}

/// Sum of the points of each cluster, `[clusters, dim]`, and their number, `[clusters]`, in float64.
pub(super) fn sums_and_counts(
    points: &Tensor,
    labels: &Tensor,
    clusters: usize,
) -> (Tensor, Tensor) {
    let clusters = clusters as i64;
    let options = (Kind::Double, points.device());
    let mut sums = Tensor::zeros([clusters, points.size()[1]], options);
    let mut start = 0;
    for block in blocks(points, points.size()[1]) {
        let rows = block.size()[0];
        let _ = sums.index_add_(
            0,
            &labels.narrow(0, start, rows),
            &block.to_kind(Kind::Double),
        );
        start += rows;
    }
    let counts = labels
        .bincount(None::<Tensor>, clusters)
        .to_kind(Kind::Double);
    (sums, counts)
}

/// Rows brought to unit length.
pub(super) fn unit(rows: &Tensor) -> Tensor {
    rows / rows
        .square()
        .sum_dim_intlist(1, true, None)
        .sqrt()
        .clamp_min(1e-12)
}

/// Blocks of rows such that rows times `columns` is bounded; an empty one where there are no rows.
fn blocks(points: &Tensor, columns: i64) -> impl Iterator<Item = Tensor> + use<'_> {
    let rows = (BLOCK / columns.max(1)).max(1);
    let total = points.size()[0];
    (0..total.max(1))
        .step_by(usize::try_from(rows).unwrap_or(1))
        .map(move |start| points.narrow(0, start, rows.min(total - start)))
}
