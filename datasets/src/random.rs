//! Counter-based random numbers: Philox 4×32 with ten rounds.
//!
//! Every draw is a pure function of a key and a counter, so a view looks the same whichever worker
//! makes it and in whatever order (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
//! 2011).

/// What a stream is for; streams of different domains never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// Augmentation of a view.
    View = 0,
    /// Order of an epoch.
    Order = 1,
    /// A scene of `shapes`.
    Scene = 2,
    /// Pixel noise of `shapes`.
    Noise = 3,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of `domain` at `(major, minor, lane)` under `seed`.
    ///
    /// For views: `major` is the epoch, `minor` the sample, `lane` the view (with the occurrence of
    /// the sample in the epoch in its upper half). At most 2³² blocks of four numbers.
    #[must_use]
    pub fn new(seed: u64, domain: Domain, major: u32, minor: u32, lane: u32) -> Self {
        // The domain goes into the key, spread by an odd constant so that neighbouring seeds of
        // different domains do not coincide.
        let mixed = seed ^ (domain as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self {
            key: [mixed as u32, (mixed >> 32) as u32],
            counter: [0, lane, major, minor],
            block: [0; 4],
            used: 4,
        }
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// Uniform in `[0, 1)` with 24 bits.
    #[inline]
    pub fn unit(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `[low, high)`; `low` when both are equal.
    #[inline]
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`; always for `p >= 1`, never for `p <= 0`.
    #[inline]
    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Uniform in `0 .. n` without bias (Lemire's method); 0 for `n == 0`.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// Shuffles a slice (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u32 + 1) as usize;
            items.swap(i, j);
        }
    }
}

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_vectors() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn streams_differ_in_every_coordinate() {
        let first = |seed, domain, a, b, c| Stream::new(seed, domain, a, b, c).next_u32();
        let base = first(1, Domain::View, 2, 3, 4);
        assert_eq!(base, first(1, Domain::View, 2, 3, 4));
        for other in [
            first(9, Domain::View, 2, 3, 4),
            first(1, Domain::Order, 2, 3, 4),
            first(1, Domain::View, 9, 3, 4),
            first(1, Domain::View, 2, 9, 4),
            first(1, Domain::View, 2, 3, 9),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn below_is_uniform_and_shuffle_is_a_permutation() {
        let mut stream = Stream::new(7, Domain::Order, 0, 0, 0);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[stream.below(6) as usize] += 1;
        }
        // Standard deviation of a count is 91; five of them.
        assert!(
            counts.iter().all(|&c| c.abs_diff(10_000) < 460),
            "{counts:?}"
        );
        let mut items: Vec<u32> = (0..100).collect();
        stream.shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
