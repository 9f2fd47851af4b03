//! Queries that one thread works on at a time.

use tch::{Kind, Tensor};

use super::bank::{Bank, Pair, Reader, Rows};
use super::pool::Pool;
use crate::evaluate::Result;

/// Bank rows per matrix product. With it the product of 1,024 queries stays in the cache until
/// it is looked through.
const WIDTH: i64 = 512;

/// Some queries, their candidates, and in the end their neighbours.
pub(super) struct Tile {
    /// The queries, each divided by its norm.
    unit: Tensor,
    exact: Rows,
    pools: Vec<Pool>,
    pairs: Vec<(f32, u32)>,
}

/// Where one thread keeps similarities, so that it need not ask for memory every time.
#[derive(Default)]
pub(super) struct Scratch {
    product: Option<Tensor>,
    similarities: Vec<f32>,
}

impl Scratch {
    /// The products of all rows of `a` with all rows of `b`, `[a, b]`.
    fn multiply(&mut self, a: &Tensor, b: &Tensor) -> Result<&[f32]> {
        let (rows, columns) = (a.size()[0], b.size()[0]);
        let len = rows * columns;
        let kept = self
            .product
            .take()
            .filter(|kept| kept.numel() as i64 >= len);
        let product = match kept {
            Some(kept) => kept,
            None => Tensor::f_empty([len], (Kind::Float, a.device()))?,
        };
        let out = product.f_narrow(0, 0, len)?.f_view([rows, columns])?;
        let _same = a.f_mm_out(&out, &b.f_transpose(0, 1)?)?;
        self.similarities.resize(len as usize, 0.0);
        out.f_copy_data(&mut self.similarities, len as usize)?;
        self.product = Some(product);
        Ok(&self.similarities)
    }
}

impl Tile {
    /// The queries `first .. first + rows`.
    pub(super) fn new(
        queries: &Bank,
        first: usize,
        rows: usize,
        k: usize,
        error: f32,
    ) -> Result<Self> {
        Ok(Self {
            unit: queries.unit_block(first, rows)?,
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
                    let pairs = pairs_of(query, pool);
                    pool.keep(&bank.similarities(&self.exact, &pairs)?);
                }
            }
        }
        Ok(())
    }

    /// Decides every query by exact similarities.
    pub(super) fn settle(&mut self, bank: &Reader<'_>) -> Result<()> {
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

fn pairs_of(query: usize, pool: &Pool) -> Vec<Pair> {
    let query = query as u32;
    pool.rows().map(|row| Pair { query, row }).collect()
}
