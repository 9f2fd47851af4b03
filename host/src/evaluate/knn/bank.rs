//! Feature rows with their norms: random access for exact similarities, blocks for matrix products.

use pulp::Arch;
use tch::{Device, Kind, Tensor};

use super::operand::{Operand, to_unit};
use super::precision::ScanPrecision;
use crate::cpu_tensor::CpuTensor;
use crate::evaluate::features::ROWS_PER_BLOCK;
use crate::evaluate::{EvaluateError, Result};

/// Banks of half precision up to this many values are also kept as plain floats; larger ones stay where they
/// are (possibly on disk) and are read block by block.
const RESIDENT_VALUES: usize = 1 << 28;

/// Rows of features, `[rows, dim]`, in memory or memory-mapped.
#[derive(Debug)]
pub struct FeatureBank {
    rows: Tensor,
    norms: Vec<f64>,
    dim: usize,
    resident: Option<CpuTensor>,
}

impl FeatureBank {
    /// Computes the norms, reading the rows once.
    ///
    /// # Errors
    /// [`EvaluateError::NotFinite`] when a row has NaN or infinity.
    pub fn try_new(set: &str, features: &Tensor) -> Result<Self> {
        let features = features.f_to_device(Device::Cpu)?;
        let (len, dim) = features.size2()?;
        let dim = dim as usize;
        let keep = features.kind() == Kind::Float || features.numel() <= RESIDENT_VALUES;
        let resident = keep.then(|| CpuTensor::of(&features)).transpose()?;
        let rows = resident.as_ref().map_or(&features, CpuTensor::tensor);
        let mut norms = Vec::with_capacity(len as usize);
        for start in (0..len).step_by(ROWS_PER_BLOCK as usize) {
            let block =
                CpuTensor::of(&rows.f_narrow(0, start, ROWS_PER_BLOCK.min(len - start))?)?;
            let values = block.values().chunks_exact(dim);
            norms.extend(values.map(|row| dot(row, row).sqrt()));
        }
        let broken = norms.iter().filter(|norm| !norm.is_finite()).count();
        if let Some(first) = norms.iter().position(|norm| !norm.is_finite()) {
            return Err(EvaluateError::NotFinite {
                count: broken,
                first,
                set: set.to_owned(),
            });
        }
        Ok(Self {
            rows: rows.shallow_clone(),
            norms,
            dim,
            resident,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.norms.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.norms.is_empty()
    }

    /// Width of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The mean of the first rows, at most `len`, each divided by its norm.
    pub(super) fn centre(&self, len: usize) -> Result<Vec<f32>> {
        let rows = self.copy(0, len.min(self.len()))?;
        let mut sums = vec![0.0_f64; self.dim];
        for (row, &norm) in rows.values.values().chunks_exact(self.dim).zip(&rows.norms) {
            let scale = to_unit(norm);
            let parts = sums.iter_mut().zip(row);
            parts.for_each(|(sum, &value)| *sum += f64::from(value) * scale);
        }
        let mean = |sum: &f64| (sum / rows.norms.len() as f64) as f32;
        Ok(sums.iter().map(mean).collect())
    }

    /// Rows `start .. start + len` as they are.
    pub(super) fn copy(&self, start: usize, len: usize) -> Result<Rows> {
        Ok(Rows {
            values: CpuTensor::of(&self.rows.f_narrow(0, start as i64, len as i64)?)?,
            norms: self.norms[start..start + len].to_vec(),
        })
    }

    /// Random access; cheap, one per thread.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            norms: &self.norms,
            dim: self.dim,
            resident: self.resident.as_ref().map(CpuTensor::values),
            rows: self.rows.shallow_clone(),
        }
    }
}

/// Some rows of a bank, as plain floats.
#[derive(Debug)]
pub(super) struct Rows {
    values: CpuTensor,
    norms: Vec<f64>,
}

impl Rows {
    /// The same for matrix products, less `centre`.
    pub(super) fn operand(&self, centre: &[f32], precision: ScanPrecision) -> Result<Operand> {
        Operand::try_new(self.values.values(), &self.norms, centre, precision)
    }

    fn lent(&self) -> Lent<'_> {
        Lent {
            values: self.values.values(),
            norms: &self.norms,
        }
    }
}

/// Borrowed [`Rows`].
#[derive(Clone, Copy)]
struct Lent<'a> {
    values: &'a [f32],
    norms: &'a [f64],
}

impl Lent<'_> {
    /// The similarity of one of them with a `row` of the given norm.
    #[inline(always)]
    fn similarity(&self, at: u32, row: &[f32], norm: f64) -> f32 {
        let start = at as usize * row.len();
        let scale = self.norms[at as usize] * norm;
        if scale > 0.0 {
            (dot(&self.values[start..start + row.len()], row) / scale) as f32
        } else {
            0.0
        }
    }
}

/// One of some queries and a row of the bank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) query: u32,
    pub(super) row: u32,
}

/// Random access to the rows of a bank.
pub(super) struct Reader<'a> {
    norms: &'a [f64],
    dim: usize,
    resident: Option<&'a [f32]>,
    rows: Tensor,
}

impl Reader<'_> {
    /// Exact cosine similarities of pairs, in their order.
    ///
    /// `Σ qᵢbᵢ / (‖q‖‖b‖)` in f64 from the original f32 or f16 values, rounded once to f32, so that
    /// neither the order of a blocked matrix product nor the number of threads can show. The
    /// similarity with a zero vector is 0.
    pub(super) fn similarities(&self, queries: &Rows, pairs: &[Pair]) -> Result<Vec<f32>> {
        // By row, so that one that many queries are compared with is fetched once.
        let mut order: Vec<(Pair, usize)> = pairs.iter().copied().zip(0..).collect();
        order.sort_unstable_by_key(|(pair, _)| pair.row);
        let queries = queries.lent();
        let mut exact = vec![0.0; pairs.len()];
        if let Some(values) = self.resident {
            let found = &mut exact[..];
            // As in the pool: called once and always inlined, to be compiled for this processor.
            Arch::new().dispatch(
                #[inline(always)]
                move || {
                    for (Pair { query, row }, at) in order {
                        let (start, norm) = (row as usize * self.dim, self.norms[row as usize]);
                        let values = &values[start..start + self.dim];
                        found[at] = queries.similarity(query, values, norm);
                    }
                },
            );
            return Ok(exact);
        }
        for part in order.chunks(ROWS_PER_BLOCK as usize) {
            let indices: Vec<i64> = part.iter().map(|(pair, _)| i64::from(pair.row)).collect();
            let indices = Tensor::f_from_slice(&indices)?;
            let rows = CpuTensor::of(&self.rows.f_index_select(0, &indices)?)?;
            for (&(pair, at), row) in part.iter().zip(rows.values().chunks_exact(self.dim)) {
                exact[at] = queries.similarity(pair.query, row, self.norms[pair.row as usize]);
            }
        }
        Ok(exact)
    }
}

/// `Σ aᵢbᵢ` in f64, in eight interleaved sums, always in the same order, so that wider instructions change nothing.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0_f64; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(&x, &y)| f64::from(x) * f64::from(y))
        .sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn dot_product_covers_blocks_and_remainder() {
        let a: Vec<f32> = (1..=11).map(|v| v as f32).collect();
        assert_eq!(dot(&a, &a), 506.0);
    }

    #[test]
    fn cosine_similarity_ignores_norms_and_is_zero_for_zero_rows() {
        let rows = Tensor::from_slice(&[3.0_f32, 4.0, 0.0, 0.0]).reshape([2, 2]);
        let bank = FeatureBank::try_new("train", &rows).unwrap();
        let query = Tensor::from_slice(&[1.0_f32, 0.0]).reshape([1, 2]);
        let query = FeatureBank::try_new("query", &query)
            .unwrap()
            .copy(0, 1)
            .unwrap();
        let pairs = [1, 0].map(|row| Pair { query: 0, row });
        let found = bank.reader().similarities(&query, &pairs).unwrap();
        assert_eq!(found, [0.0, 0.6]);
    }

    #[test]
    fn the_centre_is_the_mean_direction_of_the_first_rows() {
        let rows = [3.0_f32, 4.0, -5.0, 0.0, 7.0, 7.0];
        let bank =
            FeatureBank::try_new("train", &Tensor::from_slice(&rows).reshape([3, 2])).unwrap();
        let centre = bank.centre(2).unwrap();
        assert!((centre[0] + 0.2).abs() < 1e-7 && (centre[1] - 0.4).abs() < 1e-7);
    }

    #[test]
    fn half_precision_bank_on_disk_reads_as_in_memory() {
        let rows = Tensor::arange(12, (Kind::Half, Device::Cpu)).reshape([4, 3]);
        let mut bank = FeatureBank::try_new("train", &rows).unwrap();
        let queries = Tensor::from_slice(&[1.0_f32, 2.0, -1.0, 0.5, 0.25, 4.0]).reshape([2, 3]);
        let queries = FeatureBank::try_new("queries", &queries).unwrap();
        let queries = queries.copy(0, 2).unwrap();
        let pairs = [(0, 3), (1, 0), (1, 3), (0, 2)].map(|(query, row)| Pair { query, row });
        let resident = bank.reader().similarities(&queries, &pairs).unwrap();
        bank.resident = None;
        let mapped = bank.reader().similarities(&queries, &pairs).unwrap();
        assert_eq!(resident, mapped);
    }
}
