//! Queries that one thread works on at a time.

use tch::{Device, Kind, Tensor};

use super::bank::{Bank, Pair, Reader, Rows};
use super::pool::Pool;
use crate::evaluate::Result;
use crate::slab::Slab;

/// Bank rows per matrix product: enough of them that the library's copying of operands is little beside the
/// arithmetic, few enough that the product of 1,024 queries stays in the cache until it is looked through.
const WIDTH: i64 = 1024;

/// Ranks beyond the `k`-th that [`Tile::scan_ranked`] asks for, for rows that are as near as the `k`-th but for
/// rounding.
const SPARE: usize = 56;

/// Some queries, their candidates, and in the end their neighbours.
pub(super) struct Tile {
    /// The queries, each divided by its norm, where products are made.
    unit: Tensor,
    k: usize,
    exact: Rows,
    pools: Vec<Pool>,
    pairs: Vec<(f32, u32)>,
}

/// Where one thread keeps similarities, so that it need not ask for memory every time.
#[derive(Default)]
pub(super) struct Scratch(Option<Slab>);

impl Scratch {
    /// The products of all rows of `a` with all rows of `b`, `[a, b]`.
    fn multiply(&mut self, a: &Tensor, b: &Tensor) -> Result<&[f32]> {
        let (rows, columns) = (a.size()[0], b.size()[0]);
        let len = rows * columns;
        let kept = self.0.take();
        let product = match kept.filter(|kept| kept.tensor().numel() as i64 >= len) {
            Some(kept) => kept,
            None => Slab::of(&Tensor::f_empty([len], (Kind::Float, Device::Cpu))?)?,
        };
        let out = product.tensor().f_narrow(0, 0, len)?;
        let _same = a.f_mm_out(&out.f_view([rows, columns])?, &b.f_transpose(0, 1)?)?;
        Ok(&self.0.insert(product).values()[..len as usize])
    }
}

impl Tile {
    /// The queries `first .. first + rows`, of which each looks for `k` rows among similarities that are off by
    /// at most `error`.
    pub(super) fn new(
        queries: &Bank,
        (first, rows): (usize, usize),
        k: usize,
        error: f32,
        device: Device,
    ) -> Result<Self> {
        Ok(Self {
            unit: queries.unit_block(first, rows)?.f_to_device(device)?,
            k,
            exact: queries.copy(first, rows)?,
            pools: (0..rows).map(|_| Pool::new(k, error)).collect(),
            pairs: Vec::new(),
        })
    }

    /// Offers bank rows `first ..`, given as unit vectors, to every query.
    pub(super) fn scan(
        &mut self,
        first: usize,
        unit: &Tensor,
        bank: &Reader<'_>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let rows = unit.size()[0];
        for start in (0..rows).step_by(WIDTH as usize) {
            let width = rows.min(start + WIDTH) - start;
            let part = unit.f_narrow(0, start, width)?;
            let similarities = scratch.multiply(&self.unit, &part)?;
            let values = similarities.chunks_exact(width as usize);
            for (query, (pool, values)) in self.pools.iter_mut().zip(values).enumerate() {
                if pool.offer((first as i64 + start) as u32, values) {
                    thin(pool, query, &self.exact, bank)?;
                }
            }
        }
        Ok(())
    }

    /// The same with the highest similarities picked where the products are made: what a GPU does fast, and
    /// little to copy. Where those left out could matter, all are copied.
    pub(super) fn scan_ranked(
        &mut self,
        first: usize,
        unit: &Tensor,
        bank: &Reader<'_>,
    ) -> Result<()> {
        let width = unit.size()[0];
        let count = width.min((self.k + SPARE) as i64);
        let products = self.unit.f_mm(&unit.f_transpose(0, 1)?)?;
        let (highest, places) = products.f_topk(count, 1, true, true)?;
        let (highest, places) = (
            Slab::of(&highest)?,
            Vec::<i64>::try_from(places.f_flatten(0, 1)?)?,
        );
        let ranked = highest.values().chunks_exact(count as usize);
        let ranked = ranked.zip(places.chunks_exact(count as usize));
        for (query, (pool, (highest, places))) in self.pools.iter_mut().zip(ranked).enumerate() {
            let crowded = if count < width && !pool.has_enough_of(highest) {
                let all = Slab::of(&products.f_get(query as i64)?)?;
                pool.offer(first as u32, all.values())
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

/// Leaves a crowded pool its nearest, by exact similarities.
fn thin(pool: &mut Pool, query: usize, exact: &Rows, bank: &Reader<'_>) -> Result<()> {
    let pairs = pairs_of(query, pool);
    pool.keep(&bank.similarities(exact, &pairs)?);
    Ok(())
}

fn pairs_of(query: usize, pool: &Pool) -> Vec<Pair> {
    let query = query as u32;
    pool.rows().map(|row| Pair { query, row }).collect()
}
