//! Which ranks a framework may have, given which pairs differ.

/// For each of `count` frameworks the best and the worst rank that no significant difference rules out, counted from 1;
/// `None` for one that no pair names.
///
/// `[1 + significantly better, present - significantly worse]`. With `differ` adjusted for all pairs (Holm), all
/// intervals together hold the true ranks with the confidence of the tests (Mogstad and others 2024; Holm 2013).
/// `pairs` are `(first, second, first minus second, whether they differ)`.
#[must_use]
pub fn rank_sets(
    count: usize,
    pairs: impl Iterator<Item = (usize, usize, f64, bool)>,
) -> Vec<Option<(u32, u32)>> {
    let mut better = vec![0u32; count];
    let mut worse = vec![0u32; count];
    let mut present = vec![false; count];
    for (first, second, difference, differ) in pairs {
        present[first] = true;
        present[second] = true;
        if differ {
            let (winner, loser) = if difference > 0.0 {
                (first, second)
            } else {
                (second, first)
            };
            better[loser] += 1;
            worse[winner] += 1;
        }
    }
    let total = present.iter().filter(|present| **present).count() as u32;
    (0..count)
        .map(|row| present[row].then(|| (1 + better[row], total - worse[row])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_sets_group_chains_whose_ends_differ_significantly() {
        let pairs = [(0, 1, 1.0, false), (0, 2, 2.0, true), (1, 2, 1.0, false)];
        let found = rank_sets(4, pairs.into_iter());
        assert_eq!(found, [Some((1, 2)), Some((1, 3)), Some((2, 3)), None]);
    }
}
