//! Exact nearest neighbours by cosine similarity, in blocks that bound the memory.

use tch::Device;

use super::bank::FeatureBank;
use super::neighbours::{Blocks, Neighbours};
use super::precision::ScanPrecision;
use super::tile::{Scratch, Tile};
use super::workers::{Threads, in_parallel};
use crate::evaluate::{EvaluateError, Result};

/// Finds the `k` nearest bank rows of every query.
///
/// A matrix product, in bfloat16 where the processor has instructions for it and features are spread out enough,
/// else in f32, gives similarities with a known error bound; every row that could be among the `k` nearest within
/// that bound is then compared by its exact similarity (f64, rounded to f32). Equal similarities go to the lower
/// row. The result therefore does not depend on block sizes, threads, processor or the matrix library.
///
/// `k` is clipped to the size of the bank.
///
/// # Errors
/// [`EvaluateError::Setting`] for `k = 0`, [`EvaluateError::TooFew`] for an empty bank,
/// [`EvaluateError::Shape`] when the widths differ, [`EvaluateError::Cancelled`] when the work is to end.
pub fn nearest(
    bank: &FeatureBank,
    queries: &FeatureBank,
    k: usize,
    blocks: Blocks<'_>,
) -> Result<Neighbours> {
    let way = match blocks.device {
        Device::Cpu => Way::Scan(ScanPrecision::fastest()),
        _ => Way::Rank,
    };
    search(bank, queries, k, blocks, way)
}

/// How candidates are found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// All products of a block are looked through.
    Scan(ScanPrecision),
    /// Each block's highest are picked where the products are made.
    Rank,
}

fn search(
    bank: &FeatureBank,
    queries: &FeatureBank,
    k: usize,
    blocks: Blocks<'_>,
    way: Way,
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
        pairs.extend(group(bank, queries, (start, len), k, blocks, way)?);
    }
    Ok(Neighbours { k, pairs })
}

/// The pairs of `len` queries from `start` on.
fn group(
    bank: &FeatureBank,
    queries: &FeatureBank,
    (start, len): (usize, usize),
    k: usize,
    blocks: Blocks<'_>,
    way: Way,
) -> Result<Vec<(f32, u32)>> {
    let threads = Threads::taken();
    let (rows, block) = (blocks.queries.max(1), blocks.bank.max(1));
    let centre = bank.centre(block)?;
    let precision = match way {
        Way::Scan(precision) => precision,
        Way::Rank => ScanPrecision::Full,
    };
    let tile = |first| {
        let queries = queries.copy(first, rows.min(start + len - first))?;
        Tile::new(queries, k, &centre, precision)?.on(blocks.device)
    };
    let starts = (start..start + len).step_by(rows);
    let mut tiles = starts.map(tile).collect::<Result<Vec<_>>>()?;
    for (first, width) in parts(bank.len(), block) {
        let rows = bank.copy(first, width)?;
        if way == Way::Rank {
            let (block, reader) = (
                rows.operand(&centre, precision)?.on(blocks.device)?,
                bank.reader(),
            );
            tiles.iter_mut().try_for_each(|tile| {
                blocks.pulse.beat()?;
                tile.scan_ranked(first, &block, &reader)
            })?;
            continue;
        }
        for precision in ScanPrecision::ALL {
            let own = tiles
                .iter_mut()
                .filter(|tile| tile.precision() == precision);
            let mut own: Vec<&mut Tile> = own.collect();
            if own.is_empty() {
                continue;
            }
            let block = rows.operand(&centre, precision)?;
            in_parallel(&threads, &mut own, || {
                let (block, reader) = (block.handle(), bank.reader());
                let mut scratch = Scratch::default();
                move |tile: &mut &mut Tile| {
                    blocks.pulse.beat()?;
                    tile.scan(first, &block, &reader, &mut scratch)
                }
            })?;
        }
    }
    in_parallel(&threads, &mut tiles, || {
        let reader = bank.reader();
        move |tile: &mut Tile| {
            blocks.pulse.beat()?;
            tile.settle(&reader)
        }
    })?;
    Ok(tiles.into_iter().flat_map(Tile::into_pairs).collect())
}

/// Bank rows after which a coarse search first looks whether it pays.
const HEAD: usize = 1024;

/// Start and length of the parts of a bank of `len` rows: first a small one that tells how near rows are to each
/// other, then blocks.
fn parts(len: usize, block: usize) -> impl Iterator<Item = (usize, usize)> {
    let head = block.min(HEAD).min(len);
    let rest = (head..len).step_by(block);
    std::iter::once((0, head)).chain(rest.map(move |first| (first, block.min(len - first))))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tch::Tensor;

    use super::*;
    use crate::progress::Pulse;

    const WAYS: [Way; 3] = [
        Way::Scan(ScanPrecision::Full),
        Way::Scan(ScanPrecision::Coarse),
        Way::Rank,
    ];

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

    fn must_equal_brute_force(bank: &[Vec<f32>], queries: &[Vec<f32>], k: usize) {
        let expected: Vec<Vec<(f32, u32)>> =
            queries.iter().map(|q| brute_force(bank, q, k)).collect();
        let (bank, queries) = (
            FeatureBank::try_new("bank", &tensor(bank)).unwrap(),
            FeatureBank::try_new("queries", &tensor(queries)).unwrap(),
        );
        let sizes = [(4096, 512, 16_384), (64, 7, 11), (1, 45, 45), (350, 20, 45)];
        let ways = sizes.map(|sizes| WAYS.map(|way| (sizes, way)));
        for ((bank_block, query_block, group), way) in ways.concat() {
            let blocks = Blocks {
                device: Device::Cpu,
                bank: bank_block,
                queries: query_block,
                group,
                pulse: Pulse::STILL,
            };
            let found = search(&bank, &queries, k, blocks, way).unwrap();
            for (query, expected) in expected.iter().enumerate() {
                let rows = |pairs: &[(f32, u32)]| pairs.iter().map(|p| p.1).collect::<Vec<_>>();
                assert_eq!(rows(found.get(query)), rows(expected), "{query} {way:?}");
            }
        }
    }

    #[test]
    fn nearest_equals_brute_force_in_f64_for_all_block_sizes() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let bank = crowded(&mut rng, 700, 19);
        must_equal_brute_force(&bank, &crowded(&mut rng, 45, 19), 30);
    }

    #[test]
    fn nearest_equals_brute_force_for_nearly_collapsed_features() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut rows = |count| {
            let mut rows = crowded(&mut rng, count, 19);
            for (at, row) in rows.iter_mut().enumerate() {
                // Some far away, so that what is near each other lies within the errors of coarse products.
                let sign = if at % 100 == 99 { -1.0 } else { 1.0 };
                row.iter_mut()
                    .for_each(|value| *value = sign * (1.0 + 1e-3 * *value));
            }
            rows
        };
        must_equal_brute_force(&rows(1500), &rows(45), 5);
    }

    #[test]
    fn nearest_in_a_collapsed_bank_returns_the_first_rows() {
        // Multiples of one vector: equal similarities whose products differ by rounding.
        let rows: Vec<Vec<f32>> = (1..=9000)
            .map(|i| [3.0, 1.0, 7.0].map(|v| v * i as f32).to_vec())
            .collect();
        let bank = FeatureBank::try_new("bank", &tensor(&rows)).unwrap();
        let queries = FeatureBank::try_new("queries", &tensor(&[vec![0.3, 0.1, 0.6]])).unwrap();
        for way in WAYS {
            let blocks = Blocks::on(Device::Cpu);
            let found = search(&bank, &queries, 4, blocks, way).unwrap();
            let rows: Vec<u32> = found.get(0).iter().map(|p| p.1).collect();
            assert_eq!(rows, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn k_is_clipped_to_the_bank() {
        let rows = tensor(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
        let bank = FeatureBank::try_new("bank", &rows).unwrap();
        let found = nearest(&bank, &bank, 200, Blocks::on(Device::Cpu)).unwrap();
        assert_eq!(found.k(), 2);
        assert_eq!(found.get(1), [(1.0, 1), (0.0, 0)]);
    }

    #[test]
    fn queries_of_another_width_are_refused() {
        let bank = FeatureBank::try_new("bank", &tensor(&[vec![1.0, 0.0]])).unwrap();
        let queries = FeatureBank::try_new("queries", &tensor(&[vec![1.0, 0.0, 0.0]])).unwrap();
        assert!(matches!(
            nearest(&bank, &queries, 1, Blocks::on(Device::Cpu)),
            Err(EvaluateError::Shape { .. })
        ));
    }
}
