//! Queries that one thread works on at a time.

use half::bf16;
use tch::{Device, Kind, Tensor};

use super::bank::{Pair, Reader, Rows};
use super::operand::Operand;
use super::pool::Pool;
use super::precision::{ScanPrecision, Tally};
use crate::cpu_tensor::{CpuTensor, Element};
use crate::evaluate::Result;

/// Bank rows per matrix product: enough of them that the library's copying of operands is little beside the
/// arithmetic, few enough that the product of 1,024 queries stays in the cache until it is looked through.
const WIDTH: usize = 1024;

/// Ranks beyond the `k`-th that [`Tile::scan_ranked`] asks for, for rows that are as near as the `k`-th but for
/// rounding.
const SPARE: usize = 56;

/// Some queries, their candidates, and in the end their neighbours.
pub(super) struct Tile<'a> {
    /// The queries, where products are made.
    operand: Operand,
    centre: &'a [f32],
    k: usize,
    exact: Rows,
    pools: Vec<Pool>,
    pairs: Vec<(f32, u32)>,
    tally: Tally,
}

/// Where one thread keeps similarities, so that it need not ask for memory every time.
#[derive(Default)]
pub(super) struct Scratch(Option<Tensor>);

impl Scratch {
    /// The products of all rows of `a` with all rows of `b`, `[a, b]`. They last until the next call.
    fn multiply<T: Element>(&mut self, a: &Tensor, b: &Tensor) -> Result<CpuTensor<T>> {
        let (rows, columns) = (a.size()[0], b.size()[0]);
        let len = rows * columns;
        let kept = self.0.take().filter(|kept| kept.numel() as i64 >= len);
        let space = match kept {
            Some(kept) => kept,
            None => Tensor::f_empty([len], (Kind::Float, Device::Cpu))?,
        };
        let out = space.f_view_dtype(T::KIND)?.f_narrow(0, 0, len)?;
        self.0 = Some(space);
        let _same = a.f_mm_out(&out.f_view([rows, columns])?, &b.f_transpose(0, 1)?)?;
        Ok(CpuTensor::of(&out)?)
    }
}

impl<'a> Tile<'a> {
    /// `queries`, of which each looks for `k` rows.
    pub(super) fn new(
        queries: Rows,
        k: usize,
        centre: &'a [f32],
        precision: ScanPrecision,
    ) -> Result<Self> {
        let operand = queries.operand(centre, precision)?;
        let crowd = precision.crowd(k);
        let pools = operand.bases(centre).map(|base| Pool::new(k, base, crowd));
        Ok(Self {
            pools: pools.collect(),
            operand,
            centre,
            k,
            exact: queries,
            pairs: Vec::new(),
            tally: Tally::default(),
        })
    }

    /// The same with its queries on another device.
    pub(super) fn on(self, device: Device) -> Result<Self> {
        let operand = self.operand.on(device)?;
        Ok(Self { operand, ..self })
    }

    /// What products with its queries are computed in.
    pub(super) fn precision(&self) -> ScanPrecision {
        self.operand.precision()
    }

    /// Offers bank rows `first ..` to every query.
    pub(super) fn scan(
        &mut self,
        first: usize,
        block: &Operand,
        bank: &Reader<'_>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.allow(block);
        match self.precision() {
            ScanPrecision::Full => self.scan_products::<f32>(first, block, bank, scratch),
            ScanPrecision::Coarse => {
                self.scan_products::<bf16>(first, block, bank, scratch)?;
                self.reconsider(bank)
            }
        }
    }

    fn allow(&mut self, block: &Operand) {
        for (query, pool) in self.pools.iter_mut().enumerate() {
            pool.allow(self.operand.slack(query, block));
        }
        self.tally.products += block.offsets().len() * self.pools.len();
    }

    fn scan_products<T: Element>(
        &mut self,
        first: usize,
        block: &Operand,
        bank: &Reader<'_>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let starts = (first..).step_by(WIDTH);
        for (part, (start, offsets)) in starts.zip(block.offsets().chunks(WIDTH)).enumerate() {
            let (at, width) = ((part * WIDTH) as i64, offsets.len());
            let rows = block.values().f_narrow(0, at, width as i64)?;
            let products = scratch.multiply::<T>(self.operand.values(), &rows)?;
            let products = products.values().chunks_exact(width);
            for (query, (pool, products)) in self.pools.iter_mut().zip(products).enumerate() {
                if pool.offer(start as u32, products, offsets) {
                    self.tally.compared += thin(pool, query, &self.exact, bank)?;
                }
            }
        }
        Ok(())
    }

    /// Goes on in full precision where so many rows are near each other that coarse products save less than the
    /// comparisons they lead to cost.
    fn reconsider(&mut self, bank: &Reader<'_>) -> Result<()> {
        if self.is_worth_it() {
            return Ok(());
        }
        self.pools.iter_mut().for_each(Pool::prune);
        if self.is_worth_it() {
            return Ok(());
        }
        for (query, pool) in self.pools.iter_mut().enumerate() {
            thin(pool, query, &self.exact, bank)?;
            pool.start_anew(ScanPrecision::Full.crowd(self.k));
        }
        self.operand = self.exact.operand(self.centre, ScanPrecision::Full)?;
        Ok(())
    }

    fn is_worth_it(&self) -> bool {
        let beyond_k = |pool: &Pool| pool.rows().len().saturating_sub(self.k);
        let waiting = self.pools.iter().map(beyond_k).sum();
        self.tally.is_worth_it(self.pools.len(), waiting)
    }

    /// The same as [`Self::scan`] with the highest similarities picked where the products are made: what a GPU does
    /// fast, and little to copy. Where those left out could matter, all are copied.
    pub(super) fn scan_ranked(
        &mut self,
        first: usize,
        block: &Operand,
        bank: &Reader<'_>,
    ) -> Result<()> {
        self.allow(block);
        let (values, width) = (block.values(), block.offsets().len());
        let count = width.min(self.k + SPARE);
        let offsets = Tensor::f_from_slice(block.offsets())?.f_to_device(values.device())?;
        let products = self.operand.values().f_mm(&values.f_transpose(0, 1)?)?;
        let similarities = products.f_add(&offsets)?;
        let (highest, places) = similarities.f_topk(count as i64, 1, true, true)?;
        let (highest, places) = (
            CpuTensor::<f32>::of(&highest)?,
            Vec::<i64>::try_from(places.f_flatten(0, 1)?)?,
        );
        let ranked = highest.values().chunks_exact(count);
        let ranked = ranked.zip(places.chunks_exact(count));
        for (query, (pool, (highest, places))) in self.pools.iter_mut().zip(ranked).enumerate() {
            let crowded = if count < width && !pool.has_enough_of(highest) {
                let all = CpuTensor::<f32>::of(&products.f_get(query as i64)?)?;
                pool.offer(first as u32, all.values(), block.offsets())
            } else {
                pool.offer_ranked(first as u32, highest, places)
            };
            if crowded {
                thin(pool, query, &self.exact, bank)?;
            }
        }
        Ok(())
    }

    /// Decides every query by exact similarities.
    pub(super) fn settle(&mut self, bank: &Reader<'_>) -> Result<()> {
        self.pools.iter_mut().for_each(Pool::prune);
        let pools = self.pools.iter().enumerate();
        let pairs: Vec<Pair> = pools
            .flat_map(|(query, pool)| pairs_of(query, pool))
            .collect();
        let exact = bank.similarities(&self.exact, &pairs)?;
        let mut rest = &exact[..];
        for pool in &mut self.pools {
            let (own, others) = rest.split_at(pool.rows().len());
            self.pairs.extend(pool.keep(own));
            rest = others;
        }
        Ok(())
    }

    /// Similarity and row of each query's neighbours, nearest first, query after query.
    pub(super) fn into_pairs(self) -> Vec<(f32, u32)> {
        self.pairs
    }
}

/// Leaves a crowded pool its nearest, by exact similarities. Returns how many were compared.
fn thin(pool: &mut Pool, query: usize, exact: &Rows, bank: &Reader<'_>) -> Result<usize> {
    let pairs = pairs_of(query, pool);
    pool.keep(&bank.similarities(exact, &pairs)?);
    Ok(pairs.len())
}

fn pairs_of(query: usize, pool: &Pool) -> Vec<Pair> {
    let query = query as u32;
    pool.rows().map(|row| Pair { query, row }).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::bank::FeatureBank;
    use super::*;

    /// Rows around one direction, `spread` apart, and in each thousand one that points the other way.
    fn bank(spread: f32) -> FeatureBank {
        let noise = |at: usize| ((at * 7919 % 1009) as f32 / 1009.0 - 0.5) * spread;
        let value = |at: usize| {
            let sign = if at / 16 % 1000 == 999 { -1.0 } else { 1.0 };
            sign * (1.0 + noise(at))
        };
        let values: Vec<f32> = (0..2148 * 16).map(value).collect();
        FeatureBank::try_new("bank", &Tensor::from_slice(&values).reshape([-1, 16])).unwrap()
    }

    /// A tile that began coarsely, after a block, given to `check`.
    fn after_a_block(bank: &FeatureBank, check: impl Fn(&Tile<'_>)) {
        let centre = bank.centre(100).unwrap();
        let queries = bank.copy(0, 20).unwrap();
        let mut tile = Tile::new(queries, 10, &centre, ScanPrecision::Coarse).unwrap();
        let block = bank.copy(0, bank.len()).unwrap();
        let block = block.operand(&centre, ScanPrecision::Coarse).unwrap();
        let scratch = &mut Scratch::default();
        tile.scan(0, &block, &bank.reader(), scratch).unwrap();
        check(&tile);
    }

    #[test]
    fn tile_switches_to_full_precision_when_too_many_candidates_are_near() {
        after_a_block(&bank(2.0), |tile| {
            assert_eq!(tile.precision(), ScanPrecision::Coarse);
        });
        after_a_block(&bank(1e-3), |tile| {
            assert_eq!(tile.precision(), ScanPrecision::Full);
            // The last part alone, of a hundred rows, is no crowd.
            let settled = |pool: &Pool| pool.rows().len() == 10;
            assert!(tile.pools.iter().all(settled), "by exact similarities");
        });
    }
}
