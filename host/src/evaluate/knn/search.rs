//! Exact nearest neighbours by cosine similarity, in blocks that bound the memory.

use tch::Device;

use super::bank::Bank;
use super::tile::{Scratch, Tile};
use super::workers::{Threads, in_parallel};
use crate::evaluate::{EvaluateError, Result};

/// Where products are made and in what blocks; this changes speed and memory, never the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blocks {
    /// Where the products are made. Elsewhere than on the CPU the highest of each block are picked there too.
    pub device: Device,
    /// Bank rows read at once.
    pub bank: usize,
    /// Queries that one thread works on at a time.
    pub queries: usize,
    /// Queries whose candidates are held at once; the bank is read once for each such group.
    pub group: usize,
}

impl Blocks {
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
        }
    }
}

/// The nearest bank rows of each query, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    k: usize,
    pairs: Vec<(f32, u32)>,
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

/// Finds the `k` nearest bank rows of every query.
///
/// A matrix product in f32 gives similarities with a known error bound; every row that could be
/// among the `k` nearest within that bound is then compared by its exact similarity (f64, rounded
/// to f32). Equal similarities go to the lower row. The result therefore does not depend on block
/// sizes, threads or the matrix library.
///
/// `k` is clipped to the size of the bank.
///
/// # Errors
/// [`EvaluateError::Setting`] for `k = 0`, [`EvaluateError::TooFew`] for an empty bank,
/// [`EvaluateError::Shape`] when the widths differ.
pub fn nearest(bank: &Bank, queries: &Bank, k: usize, blocks: Blocks) -> Result<Neighbours> {
    search(bank, queries, k, blocks, blocks.device != Device::Cpu)
}

/// With `ranked`, each block's highest are picked where the products are made.
fn search(
    bank: &Bank,
    queries: &Bank,
    k: usize,
    blocks: Blocks,
    ranked: bool,
) -> Result<Neighbours> {
    if k == 0 {
        return Err(EvaluateError::Setting {
            key: "k",
            expected: "a whole number >= 1",
            found: k.to_string(),
        });
    }
    if bank.is_empty() {
        return Err(EvaluateError::TooFew {
            expected: 1,
            found: 0,
            set: "the feature bank".to_owned(),
        });
    }
    if bank.dim() != queries.dim() {
        return Err(EvaluateError::Shape {
            expected: bank.dim().to_string(),
            found: vec![queries.len() as i64, queries.dim() as i64],
            set: "the queries".to_owned(),
        });
    }
    let k = k.min(bank.len());
    let mut pairs = Vec::with_capacity(queries.len() * k);
    for start in (0..queries.len()).step_by(blocks.group.max(1)) {
        let len = blocks.group.max(1).min(queries.len() - start);
        pairs.extend(group(bank, queries, (start, len), k, blocks, ranked)?);
    }
    Ok(Neighbours { k, pairs })
}

/// Bound on `|f32 product − exact|` for unit vectors of `dim` entries: `dim + 8` roundings of half
/// a unit in the last place, whatever the order of summation.
fn error_bound(dim: usize) -> f32 {
    (dim + 8) as f32 * f32::EPSILON
}

/// The pairs of `len` queries from `start` on.
fn group(
    bank: &Bank,
    queries: &Bank,
    (start, len): (usize, usize),
    k: usize,
    blocks: Blocks,
    ranked: bool,
) -> Result<Vec<(f32, u32)>> {
    let threads = Threads::taken();
    let error = error_bound(bank.dim());
    let rows = blocks.queries.max(1);
    let mut tiles = (start..start + len)
        .step_by(rows)
        .map(|first| {
            let part = (first, rows.min(start + len - first));
            Tile::new(queries, part, k, error, blocks.device)
        })
        .collect::<Result<Vec<_>>>()?;
    for first in (0..bank.len()).step_by(blocks.bank.max(1)) {
        let width = blocks.bank.max(1).min(bank.len() - first);
        let unit = bank.unit_block(first, width)?;
        if ranked {
            let (unit, reader) = (unit.f_to_device(blocks.device)?, bank.reader());
            tiles
                .iter_mut()
                .try_for_each(|tile| tile.scan_ranked(first, &unit, &reader))?;
            continue;
        }
        in_parallel(&threads, &mut tiles, || {
            let (unit, reader) = (unit.shallow_clone(), bank.reader());
            let mut scratch = Scratch::default();
            move |tile: &mut Tile| tile.scan(first, &unit, &reader, &mut scratch)
        })?;
    }
    in_parallel(&threads, &mut tiles, || {
        let reader = bank.reader();
        move |tile: &mut Tile| tile.settle(&reader)
    })?;
    Ok(tiles.into_iter().flat_map(Tile::into_pairs).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tch::Tensor;

    use super::*;

    fn brute_force(bank: &[Vec<f32>], query: &[f32], k: usize) -> Vec<(f32, u32)> {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum()
        };
        let mut all: Vec<(f32, u32)> = bank
            .iter()
            .zip(0..)
            .map(|(row, index)| {
                let cosine = dot(row, query) / (dot(row, row) * dot(query, query)).sqrt();
                (cosine as f32, index)
            })
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    fn tensor(rows: &[Vec<f32>]) -> Tensor {
        Tensor::from_slice(&rows.concat()).reshape([rows.len() as i64, rows[0].len() as i64])
    }

    /// Rows with many exact duplicates and near-duplicates.
    fn crowded(rng: &mut ChaCha8Rng, n: usize, dim: usize) -> Vec<Vec<f32>> {
        let mut rows: Vec<Vec<f32>> = Vec::new();
        for i in 0..n {
            let row = match i % 4 {
                0 | 1 => (0..dim).map(|_| rng.random_range(-1.0..1.0)).collect(),
                2 => rows[rng.random_range(0..i)].clone(),
                _ => rows[rng.random_range(0..i)]
                    .iter()
                    .map(|v| v * (1.0 + rng.random_range(-1e-6..1e-6)))
                    .collect(),
            };
            rows.push(row);
        }
        rows
    }

    #[test]
    fn equals_brute_force_in_f64_whatever_the_blocks() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let bank = crowded(&mut rng, 700, 19);
        let queries = crowded(&mut rng, 45, 19);
        let expected: Vec<Vec<(f32, u32)>> =
            queries.iter().map(|q| brute_force(&bank, q, 30)).collect();
        let (bank, queries) = (
            Bank::try_new("bank", &tensor(&bank)).unwrap(),
            Bank::try_new("queries", &tensor(&queries)).unwrap(),
        );
        let sizes = [(4096, 512, 16_384), (64, 7, 11), (1, 45, 45), (350, 20, 45)];
        let ways = sizes.map(|sizes| [(sizes, false), (sizes, true)]);
        for ((bank_block, query_block, group), ranked) in ways.concat() {
            let blocks = Blocks {
                device: Device::Cpu,
                bank: bank_block,
                queries: query_block,
                group,
            };
            let found = search(&bank, &queries, 30, blocks, ranked).unwrap();
            for (query, expected) in expected.iter().enumerate() {
                let rows = |pairs: &[(f32, u32)]| pairs.iter().map(|p| p.1).collect::<Vec<_>>();
                assert_eq!(rows(found.get(query)), rows(expected), "query {query}");
            }
        }
    }

    #[test]
    fn a_collapsed_bank_gives_the_first_rows() {
        // Multiples of one vector: equal similarities whose products differ by rounding.
        let rows: Vec<Vec<f32>> = (1..=9000)
            .map(|i| [3.0, 1.0, 7.0].map(|v| v * i as f32).to_vec())
            .collect();
        let bank = Bank::try_new("bank", &tensor(&rows)).unwrap();
        let queries = Bank::try_new("queries", &tensor(&[vec![0.3, 0.1, 0.6]])).unwrap();
        for ranked in [false, true] {
            let blocks = Blocks::on(Device::Cpu);
            let found = search(&bank, &queries, 4, blocks, ranked).unwrap();
            let rows: Vec<u32> = found.get(0).iter().map(|p| p.1).collect();
            assert_eq!(rows, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn k_is_clipped_to_the_bank() {
        let rows = tensor(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        let bank = Bank::try_new("bank", &rows).unwrap();
        let found = nearest(&bank, &bank, 200, Blocks::on(Device::Cpu)).unwrap();
        assert_eq!(found.k(), 2);
        assert_eq!(found.get(1), [(1.0, 1), (0.0, 0)]);
    }

    #[test]
    fn banks_of_another_width_are_refused() {
        let bank = Bank::try_new("bank", &tensor(&[vec![1.0, 0.0]])).unwrap();
        let queries = Bank::try_new("queries", &tensor(&[vec![1.0, 0.0, 0.0]])).unwrap();
        assert!(matches!(
            nearest(&bank, &queries, 1, Blocks::on(Device::Cpu)),
            Err(EvaluateError::Shape { .. })
        ));
    }
}
