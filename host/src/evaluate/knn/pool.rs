//! The candidates of one query while blocks of similarities stream by.

use std::cmp::Ordering;

use pulp::Arch;

/// How many candidates may pile up around the k-th place before exact values must decide.
const CROWD: usize = 4096;

/// Similarities that are compared with the threshold at once.
const STRIDE: usize = 16;

/// Keeps every row that can still be among the exact `k` nearest, given that the similarities
/// offered are off by at most `error`.
///
/// A row may be dropped only when `k` others are better by more than `2·error`.
#[derive(Debug)]
pub(super) struct Pool {
    k: usize,
    error: f32,
    threshold: f32,
    prune_at: usize,
    candidates: Vec<(f32, u32)>,
}

impl Pool {
    pub(super) fn new(k: usize, error: f32) -> Self {
        Self {
            k,
            error,
            threshold: f32::NEG_INFINITY,
            prune_at: 2 * k + 64,
            candidates: Vec::with_capacity(2 * k + 64),
        }
    }

    /// Offers the similarities of rows `first ..`. Returns `true` when the pool is crowded: the
    /// caller should settle it with [`Self::keep`].
    pub(super) fn offer(&mut self, first: u32, similarities: &[f32]) -> bool {
        let pool = &mut *self;
        // A closure that is called once and always inlined: any other would be compiled for the oldest processor.
        Arch::new().dispatch(
            #[inline(always)]
            move || {
                let pool = pool;
                pool.offer_all(first, similarities);
            },
        );
        self.is_crowded()
    }

    /// Whether rows of a block outside of its `highest` similarities, in falling order, are too far away
    /// whatever else there is.
    pub(super) fn has_enough_of(&self, highest: &[f32]) -> bool {
        let of_block = highest.get(self.k - 1).map(|kth| kth - 2.0 * self.error);
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
        self.candidates.len() > 4 * self.k + CROWD
    }

    #[inline(always)]
    fn offer_all(&mut self, first: u32, similarities: &[f32]) {
        let (chunks, rest) = similarities.as_chunks::<STRIDE>();
        for (chunk, values) in chunks.iter().enumerate() {
            let threshold = self.threshold;
            // Without a branch for each value, so that several are compared at once.
            if values.iter().fold(false, |any, &v| any | (v >= threshold)) {
                self.take(first + (chunk * STRIDE) as u32, values);
            }
        }
        self.take(first + (chunks.len() * STRIDE) as u32, rest);
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
        self.threshold = kth.0 - 2.0 * self.error;
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
        self.candidates = order.iter().map(|&(_, at)| self.candidates[at]).collect();
        self.prune_at = 2 * self.k + 64;
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_within_twice_the_error_stays() {
        let mut pool = Pool::new(2, 0.05);
        let values: Vec<f32> = (0..200).map(|i| if i < 100 { 0.0 } else { 0.5 }).collect();
        pool.offer(0, &values);
        pool.prune();
        assert_eq!(pool.candidates.len(), 100);
        pool.offer(200, &[0.41, 0.39, 0.7]);
        let rows: Vec<u32> = pool.rows().collect();
        assert!(rows.contains(&200) && !rows.contains(&201) && rows.contains(&202));
    }

    #[test]
    fn equal_similarities_go_to_the_lower_row() {
        let mut pool = Pool::new(3, 0.0);
        pool.offer(10, &[0.5, 0.9, 0.5, 0.5, 0.2]);
        let exact: Vec<f32> = pool.candidates.iter().map(|c| c.0).collect();
        assert_eq!(pool.keep(&exact), [(0.9, 11), (0.5, 10), (0.5, 12)]);
        assert!(pool.rows().eq([11, 10, 12]));
    }

    #[test]
    fn a_crowd_of_equals_is_reported() {
        let mut pool = Pool::new(1, 0.0);
        assert!(!pool.offer(0, &[1.0; 100]));
        assert!(pool.offer(100, &vec![1.0; 2 * CROWD]));
    }
}
