//! Filling empty clusters by splitting large ones.

use crate::random::Random;
use tch::Tensor;

/// How far apart the halves of a split cluster start, relative to their size.
const APART: f64 = 1.0 / 1024.0;

/// Centroids in which every empty cluster has taken over half of a large one.
///
/// The giver is drawn with probability proportional to its number of points less one. Giver and taker start at the
/// giver's centroid times `1 ± 1/1024`, the sign alternating over the dimensions.
pub(super) fn split(centroids: &Tensor, counts: &Tensor, random: &mut Random) -> Tensor {
    let centroids = centroids.copy();
    let mut sizes = Vec::<f64>::try_from(counts).unwrap_or_default();
    let width = centroids.size()[1];
    let sign =
        Tensor::arange(width, (centroids.kind(), centroids.device())).remainder(2.0) * -2.0 + 1.0;
    let (plus, minus) = (&sign * APART + 1.0, &sign * -APART + 1.0);
    for taker in 0..sizes.len() {
        if sizes[taker] > 0.0 {
            continue;
        }
        let Some(giver) = draw(&sizes, random) else {
            break;
        };
        let given = centroids.get(giver as i64).copy();
        centroids.get(taker as i64).copy_(&(&given * &plus));
        centroids.get(giver as i64).copy_(&(&given * &minus));
        sizes[taker] = (sizes[giver] / 2.0).floor();
        sizes[giver] -= sizes[taker];
    }
    centroids
}

/// A cluster of at least two points; `None` if there is none.
fn draw(sizes: &[f64], random: &mut Random) -> Option<usize> {
    let spare = |size: f64| (size - 1.0).max(0.0) as usize;
    let total: usize = sizes.iter().map(|&size| spare(size)).sum();
    let mut left = (total > 0).then(|| random.index(total))?;
    sizes.iter().position(|&size| {
        let here = left < spare(size);
        left = left.saturating_sub(spare(size));
        here
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cluster_takes_half_of_a_large_one() {
        let centroids = Tensor::from_slice2(&[[1.0_f64, 2.0], [5.0, 5.0], [-4.0, 8.0]]);
        let counts = Tensor::from_slice(&[1.0_f64, 0.0, 9.0]);
        let found = split(&centroids, &counts, &mut Random::new(1, "split"));
        let near = 8.0 / 1024.0;
        let expected = Tensor::from_slice2(&[
            [1.0, 2.0],
            [-4.0 - near / 2.0, 8.0 - near],
            [-4.0 + near / 2.0, 8.0 + near],
        ]);
        assert_eq!(found, expected);
    }

    #[test]
    fn givers_are_drawn_by_size() {
        let mut random = Random::new(2, "split");
        let mut drawn = [0; 4];
        for _ in 0..900 {
            drawn[draw(&[1.0, 3.0, 0.0, 8.0], &mut random)
                .expect("two clusters have points to spare")] += 1;
        }
        assert_eq!((drawn[0], drawn[2]), (0, 0));
        assert!((150..250).contains(&drawn[1]), "{drawn:?}");
        assert_eq!(draw(&[1.0, 0.0], &mut random), None);
    }
}
