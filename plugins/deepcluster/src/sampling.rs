//! Which images an epoch of version 1 sees.

use ssl_plugin_kit::random::Random;

/// An order of `count` images in which all clusters come equally often.
///
/// Every cluster that is not empty gives `⌊count / clusters⌋ + 1` of its images, drawn with
/// replacement if it has no more than that; shuffled, then cut to `count`. Images without label
/// (negative) never come.
///
/// # Source
/// arXiv:1807.05520 section 3.3; `util.py`, `UnifLabelSampler`.
#[must_use]
pub fn uniform_over_clusters(labels: &[i64], count: usize, random: &mut Random) -> Vec<i64> {
    let mut labelled: Vec<(i64, i64)> = (0..)
        .zip(labels)
        .filter(|(_, label)| **label >= 0)
        .map(|(image, label)| (*label, image))
        .collect();
    labelled.sort_unstable();
    let clusters: Vec<&[(i64, i64)]> = labelled.chunk_by(|a, b| a.0 == b.0).collect();
    if clusters.is_empty() {
        return Vec::new();
    }
    let each = count / clusters.len() + 1;
    let mut drawn = Vec::with_capacity(each * clusters.len());
    for images in clusters {
        let size = images.len();
        if size <= each {
            drawn.extend((0..each).map(|_| images[random.index(size)].1));
        } else {
            drawn.extend(random.sample(size, each).into_iter().map(|n| images[n].1));
        }
    }
    let order = random.permutation(drawn.len());
    order.into_iter().take(count).map(|n| drawn[n]).collect()
}
