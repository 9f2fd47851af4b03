//! The candidates of one query while blocks of similarities stream by.

use std::cmp::Ordering;

use pulp::Arch;

use super::slack::Slack;
use crate::cpu_tensor::Element;

/// Similarities that are compared with the threshold at once.
const STRIDE: usize = 16;

/// Keeps every row that can still be among the exact `k` nearest, given how far off what is offered can be from the
/// similarity less `base`.
///
/// A row may be dropped only when `k` others are better by more than the errors of both.
#[derive(Debug)]
pub(super) struct Pool {
    k: usize,
    base: f32,
    crowd: usize,
    slack: Slack,
    /// The `k`-th best similarity when it was last computed.
    kth: f32,
    threshold: f32,
    prune_at: usize,
    candidates: Vec<(f32, u32)>,
}

impl Pool {
    /// A pool that is crowded with more than `crowd` candidates.
    pub(super) fn new(k: usize, base: f32, crowd: usize) -> Self {
        Self {
            k,
            base,
            crowd,
            slack: Slack::default(),
            kth: f32::NEG_INFINITY,
            threshold: f32::NEG_INFINITY,
            prune_at: 2 * k + 64,
            candidates: Vec::with_capacity(2 * k + 64),
        }
    }

    /// From now on what is offered may be off by so much.
    pub(super) fn allow(&mut self, slack: Slack) {
        self.slack = self.slack.and(slack);
        self.look_from(self.kth);
    }

    /// Sets the threshold by the `k`-th best.
    fn look_from(&mut self, kth: f32) {
        self.kth = kth;
        self.threshold = kth - self.slack.below(kth);
    }

    /// Everything in the pool is exact, after [`Self::keep`]: what was allowed before no longer counts. From now on it
    /// is crowded with more than `crowd` candidates.
    pub(super) fn start_anew(&mut self, crowd: usize) {
        self.crowd = crowd;
        self.slack = Slack::default();
    }

    /// Offers rows `first ..`, whose similarities are sums of `products` and `offsets`. Returns `true` when the pool
    /// is crowded: the caller should settle it with [`Self::keep`].
    pub(super) fn offer<T: Element>(
        &mut self,
        first: u32,
        products: &[T],
        offsets: &[f32],
    ) -> bool {
        let pool = &mut *self;
        // A closure that is called once and always inlined: any other would be compiled for the oldest processor.
        Arch::new().dispatch(
            #[inline(always)]
            move || {
                let pool = pool;
                pool.offer_all(first, products, offsets);
            },
        );
        self.is_crowded()
    }

    /// Whether rows of a block outside of its `highest` similarities, in falling order, are too far away
    /// whatever else there is.
    pub(super) fn has_enough_of(&self, highest: &[f32]) -> bool {
        let of_block = highest
            .get(self.k - 1)
            .map(|kth| kth - self.slack.below(*kth));
        let threshold = of_block.map_or(self.threshold, |own| own.max(self.threshold));
        highest.last().is_some_and(|&least| least < threshold)
    }

    /// Offers the rows `first + place` with their similarities. Returns as [`Self::offer`] does.
    pub(super) fn offer_ranked(
        &mut self,
        first: u32,
        similarities: &[f32],
        places: &[i64],
    ) -> bool {
        for (&value, &place) in similarities.iter().zip(places) {
            if value >= self.threshold {
                self.candidates.push((value, first + place as u32));
            }
        }
        self.prune();
        self.is_crowded()
    }

    fn is_crowded(&self) -> bool {
        self.candidates.len() > self.crowd
    }

    #[inline(always)]
    fn offer_all<T: Element>(&mut self, first: u32, products: &[T], offsets: &[f32]) {
        let (chunks, rest) = products.as_chunks::<STRIDE>();
        let (offset_chunks, offset_rest) = offsets.as_chunks::<STRIDE>();
        for (chunk, (products, offsets)) in chunks.iter().zip(offset_chunks).enumerate() {
            let mut values = *offsets;
            for (value, &product) in values.iter_mut().zip(products) {
                *value += product.into();
            }
            let threshold = self.threshold;
            // Without a branch for each value, so that several are compared at once.
            if values.iter().fold(false, |any, &v| any | (v >= threshold)) {
                self.take(first + (chunk * STRIDE) as u32, &values);
            }
        }
        let rest = rest.iter().zip(offset_rest);
        let rest: Vec<f32> = rest.map(|(&v, offset)| v.into() + offset).collect();
        self.take(first + (chunks.len() * STRIDE) as u32, &rest);
    }

    /// Takes those that are good enough among the similarities of rows `first ..`, at most a chunk of them.
    fn take(&mut self, first: u32, similarities: &[f32]) {
        // Again without branches, which could not be foreseen: what is not good enough is written over.
        let (used, threshold) = (self.candidates.len(), self.threshold);
        self.candidates.resize(used + STRIDE + 1, (0.0, 0));
        let mut count = 0;
        if let Some(room) = self.candidates.last_chunk_mut::<{ STRIDE + 1 }>() {
            for (row, &value) in (first..).zip(similarities) {
                room[count] = (value, row);
                count += usize::from(value >= threshold);
            }
        }
        self.candidates.truncate(used + count);
        if self.candidates.len() >= self.prune_at {
            self.prune();
        }
    }

    /// Drops what is too far away to be among the nearest.
    pub(super) fn prune(&mut self) {
        if self.candidates.len() <= self.k {
            return;
        }
        let (_, kth, _) = self
            .candidates
            .select_nth_unstable_by(self.k - 1, |a, b| b.0.total_cmp(&a.0));
        let kth = kth.0;
        self.look_from(kth);
        let threshold = self.threshold;
        self.candidates.retain(|candidate| candidate.0 >= threshold);
        self.prune_at = (2 * self.candidates.len()).max(2 * self.k + 64);
    }

    /// The rows in the pool.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = u32> {
        self.candidates.iter().map(|candidate| candidate.1)
    }

    /// Keeps the best `k`, given exact similarities in the order of [`Self::rows`], and returns
    /// them, nearest first; equal similarities go to the lower row.
    pub(super) fn keep(&mut self, exact: &[f32]) -> Vec<(f32, u32)> {
        let mut order: Vec<(f32, usize)> = exact.iter().copied().zip(0..).collect();
        let nearer = |a: &(f32, usize), b: &(f32, usize)| -> Ordering {
            b.0.total_cmp(&a.0)
                .then_with(|| self.candidates[a.1].1.cmp(&self.candidates[b.1].1))
        };
        if order.len() > self.k {
            order.select_nth_unstable_by(self.k - 1, nearer);
            order.truncate(self.k);
        }
        order.sort_unstable_by(nearer);
        let kept: Vec<(f32, u32)> = order
            .iter()
            .map(|&(similarity, at)| (similarity, self.candidates[at].1))
            .collect();
        let values = kept.iter().map(|&(exact, row)| (exact - self.base, row));
        self.candidates = values.collect();
        if let Some(&(kth, _)) = self.candidates.get(self.k - 1) {
            self.look_from(kth);
        }
        self.prune_at = 2 * self.k + 64;
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(k: usize, fixed: f32) -> Pool {
        let mut pool = Pool::new(k, 0.0, 500);
        pool.allow(off_by(fixed));
        pool
    }

    fn off_by(fixed: f32) -> Slack {
        Slack {
            fixed,
            ..Slack::default()
        }
    }

    #[test]
    fn pool_keeps_candidates_within_twice_the_error() {
        let mut pool = pool(2, 0.05);
        let values: Vec<f32> = (0..200).map(|i| if i < 100 { 0.0 } else { 0.5 }).collect();
        pool.offer(0, &values, &[0.0; 200]);
        pool.prune();
        assert_eq!(pool.candidates.len(), 100);
        pool.offer(200, &[0.41_f32, 0.39, 0.7], &[0.0; 3]);
        let rows: Vec<u32> = pool.rows().collect();
        assert!(rows.contains(&200) && !rows.contains(&201) && rows.contains(&202));
    }

    #[test]
    fn pool_threshold_falls_as_errors_grow() {
        let mut pool = pool(1, 0.1);
        pool.offer(0, &[0.5_f32, 0.9], &[0.0; 2]);
        pool.prune();
        pool.allow(off_by(0.2));
        pool.offer(2, &[0.51_f32, 0.49], &[0.0; 2]);
        assert!(pool.rows().eq([1, 2]), "within twice 0.2 of 0.9");
    }

    #[test]
    fn pool_restarts_from_exact_similarities() {
        let mut pool = pool(1, 0.2);
        pool.offer(0, &[0.5_f32, 0.9], &[0.0; 2]);
        pool.keep(&[0.7, 0.8]);
        pool.start_anew(5);
        pool.allow(off_by(0.01));
        assert!(!pool.offer(2, &[0.81_f32, 0.79, 0.77], &[0.0; 3]));
        assert!(pool.rows().eq([1, 2, 3]), "within twice 0.01 of 0.8");
        assert!(pool.offer(5, &[0.8_f32; 3], &[0.0; 3]), "more than five");
    }

    #[test]
    fn pool_adds_offsets_to_products() {
        let mut pool = Pool::new(1, 0.25, 500);
        let products = [0.5, -0.25, 0.25].map(half::bf16::from_f32);
        pool.offer(0, &products, &[0.0, 1.0, 0.0]);
        pool.prune();
        assert!(pool.rows().eq([1]));
        assert_eq!(pool.keep(&[1.0]), [(1.0, 1)]);
        assert_eq!(pool.candidates, [(0.75, 1)], "less the base");
    }

    #[test]
    fn equal_similarities_go_to_the_lower_row() {
        let mut pool = pool(3, 0.0);
        pool.offer(10, &[0.5_f32, 0.9, 0.5, 0.5, 0.2], &[0.0; 5]);
        let exact: Vec<f32> = pool.candidates.iter().map(|c| c.0).collect();
        assert_eq!(pool.keep(&exact), [(0.9, 11), (0.5, 10), (0.5, 12)]);
        assert!(pool.rows().eq([11, 10, 12]));
    }

    #[test]
    fn pool_reports_too_many_equal_candidates() {
        let mut pool = pool(1, 0.0);
        assert!(!pool.offer(0, &[1.0_f32; 100], &[0.0; 100]));
        assert!(pool.offer(100, &[1.0_f32; 1000], &[0.0; 1000]));
    }
}
