//! What the search is given and what it finds.

use crate::progress::Pulse;
use tch::Device;

/// Where products are made and in what blocks; this changes speed and memory, never the result.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    /// Where the products are made. Elsewhere than on the CPU the highest of each block are picked there too.
    pub device: Device,
    /// Bank rows read at once.
    pub bank: usize,
    /// Queries that one thread works on at a time.
    pub queries: usize,
    /// Queries whose candidates are held at once; the bank is read once for each such group.
    pub group: usize,
    /// Beats with every tile: one thread's queries against one block of the bank.
    pub pulse: Pulse<'a>,
}

impl<'a> Blocks<'a> {
    /// Sizes that suit a device. Products take 4 MiB for each thread on the CPU, 256 MiB on another device, and
    /// the unit vectors of a block and a group there 256 MiB for features of width 2048.
    #[must_use]
    pub const fn on(device: Device) -> Self {
        let (bank, queries) = match device {
            Device::Cpu => (8192, 1024),
            _ => (16_384, 4096),
        };
        Self {
            device,
            bank,
            queries,
            group: 16_384,
            pulse: Pulse::STILL,
        }
    }

    /// The same, with a pulse.
    #[must_use]
    pub const fn watched(self, pulse: Pulse<'a>) -> Self {
        Self { pulse, ..self }
    }
}

/// The nearest bank rows of each query, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    pub(super) k: usize,
    pub(super) pairs: Vec<(f32, u32)>,
}

impl Neighbours {
    /// Neighbours per query: the `k` asked for, or the size of a smaller bank.
    #[must_use]
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of queries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len() / self.k
    }

    /// Whether there was no query.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Similarity and row of the neighbours of one query, nearest first.
    ///
    /// # Panics
    /// When there is no such query.
    #[must_use]
    pub fn get(&self, query: usize) -> &[(f32, u32)] {
        &self.pairs[query * self.k..(query + 1) * self.k]
    }
}
