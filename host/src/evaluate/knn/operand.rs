//! Rows made ready for the matrix product that proposes candidates.

use std::sync::Arc;

use half::bf16;
use pulp::Arch;
use tch::{Device, Tensor};

use super::precision::ScanPrecision;
use super::slack::Slack;
use crate::cpu_tensor::{CpuTensor, Element};
use crate::evaluate::Result;

/// A row's length, and how far it is from what was to be written down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Extent {
    length: f32,
    lost: f32,
}

/// Unit vectors less a common centre `c`, rounded.
///
/// Cosines are `q·b = (q − c)·(b − c) + c·b + (q·c − c·c)`. The product gives the first term, whose errors go with
/// the lengths of its factors: without the centre they would go with 1, and where all features point the same way,
/// as those of an untrained backbone do, everything would lie within them.
pub(super) struct Operand {
    precision: ScanPrecision,
    values: Tensor,
    offsets: Arc<[f32]>,
    extents: Arc<[Extent]>,
    largest: Extent,
    largest_offset: f32,
}

impl Operand {
    /// `rows` of the given norms, as wide as `centre`. A row of norm 0 counts as the zero vector.
    pub(super) fn try_new(
        rows: &[f32],
        norms: &[f64],
        centre: &[f32],
        precision: ScanPrecision,
    ) -> Result<Self> {
        match precision {
            ScanPrecision::Full => rounded(rows, norms, centre, precision, |value| value),
            ScanPrecision::Coarse => rounded(rows, norms, centre, precision, bf16::from_f32),
        }
    }

    /// The same memory for another thread.
    pub(super) fn handle(&self) -> Self {
        Self {
            values: self.values.shallow_clone(),
            offsets: self.offsets.clone(),
            extents: self.extents.clone(),
            ..*self
        }
    }

    /// What its products are computed in.
    pub(super) fn precision(&self) -> ScanPrecision {
        self.precision
    }

    /// `[rows, dim]`.
    pub(super) fn values(&self) -> &Tensor {
        &self.values
    }

    /// `c·b` of each row `b`.
    pub(super) fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    /// What sums of a product and an offset lack of each row's cosines: `q·c − c·c`.
    pub(super) fn bases(&self, centre: &[f32]) -> impl Iterator<Item = f32> {
        let square: f64 = centre.iter().map(|&value| f64::from(value).powi(2)).sum();
        let offsets = self.offsets.iter();
        offsets.map(move |&offset| (f64::from(offset) - square) as f32)
    }

    /// The same with its values on another device.
    pub(super) fn on(self, device: Device) -> Result<Self> {
        let values = self.values.f_to_device(device)?;
        Ok(Self { values, ..self })
    }

    /// How far off `product + offset` can be for row `at` and any row of `others`.
    ///
    /// With `‖q − q̃‖ ≤ λ` the measured losses: `λq ‖b‖ + (‖q‖ + λq) λb` for the operands, `dim + 8` roundings of half a
    /// unit in the last place for the sum whatever its order, some for offsets, which are at most 1.
    pub(super) fn slack(&self, at: usize, others: &Self) -> Slack {
        let (own, other) = (self.extents[at], others.largest);
        let sums = (self.values.size()[1] + 8) as f32 * f32::EPSILON;
        let (length, width) = (own.length + own.lost, other.length + other.lost);
        let operands = own.lost * other.length + length * other.lost;
        let product = (1.0 + sums) * length * width;
        Slack {
            fixed: operands + sums * length * width + 8.0 * f32::EPSILON,
            relative: self.precision.of_output(),
            product,
            offset: others.largest_offset,
        }
    }
}

fn rounded<T: Element>(
    rows: &[f32],
    norms: &[f64],
    centre: &[f32],
    precision: ScanPrecision,
    round: impl Fn(f32) -> T,
) -> Result<Operand> {
    let (len, dim) = (norms.len(), centre.len());
    let shape = [len as i64, dim as i64];
    let mut written = CpuTensor::<T>::of(&Tensor::f_empty(shape, (T::KIND, Device::Cpu))?)?;
    let (mut offsets, mut extents) = (Vec::with_capacity(len), Vec::with_capacity(len));
    let (given, out) = (rows.chunks_exact(dim), written.values_mut());
    // A closure that is called once and always inlined: any other would be compiled for the oldest processor.
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for ((row, norm), out) in given.zip(norms).zip(out.chunks_exact_mut(dim)) {
                let (offset, extent) = write(row, to_unit(*norm), centre, out, &round);
                offsets.push(offset);
                extents.push(extent);
            }
        },
    );
    let largest = extents.iter().fold(Extent::default(), |most, own| Extent {
        length: most.length.max(own.length),
        lost: most.lost.max(own.lost),
    });
    let largest_offset = offsets
        .iter()
        .fold(0.0, |most: f32, own| most.max(own.abs()));
    Ok(Operand {
        precision,
        values: written.tensor().shallow_clone(),
        offsets: offsets.into(),
        extents: extents.into(),
        largest,
        largest_offset,
    })
}

/// What makes a row of this norm a unit vector; a zero vector stays one.
pub(super) fn to_unit(norm: f64) -> f64 {
    if norm > 0.0 { norm.recip() } else { 0.0 }
}

/// Writes `row · scale − centre`. Returns the scaled row's product with the centre, and the extent.
#[inline(always)]
fn write<T: Element>(
    row: &[f32],
    scale: f64,
    centre: &[f32],
    out: &mut [T],
    round: &impl Fn(f32) -> T,
) -> (f32, Extent) {
    const LANES: usize = 8;
    let [mut offset, mut length, mut lost] = [[0.0_f64; LANES]; 3];
    let mut part = |row: &[f32], centre: &[f32], out: &mut [T]| {
        for (lane, ((&value, &centre), out)) in row.iter().zip(centre).zip(out).enumerate() {
            let (unit, centre) = (f64::from(value) * scale, f64::from(centre));
            let value = unit - centre;
            *out = round(value as f32);
            let kept: f32 = (*out).into();
            let less = value - f64::from(kept);
            offset[lane] += unit * centre;
            length[lane] += value * value;
            lost[lane] += less * less;
        }
    };
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (centres, centre_rest) = centre.as_chunks::<LANES>();
    let (outs, out_rest) = out.as_chunks_mut::<LANES>();
    for ((row, centre), out) in rows.iter().zip(centres).zip(outs) {
        part(row, centre, out);
    }
    part(row_rest, centre_rest, out_rest);
    let [offset, length, lost] = [offset, length, lost].map(|sums| sums.iter().sum::<f64>());
    let extent = Extent {
        length: length.sqrt() as f32,
        lost: lost.sqrt() as f32,
    };
    (offset as f32, extent)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tch::Kind;

    use super::*;

    const DIM: usize = 203;

    /// Rows that point about the same way, some of them zero, with their norms.
    fn rows(rng: &mut ChaCha8Rng, count: usize, spread: f32) -> (Vec<f32>, Vec<f64>) {
        let mut row = |zero: bool| -> Vec<f32> {
            let mut value =
                |at: usize| 1.0 + (at % 7) as f32 + spread * rng.random_range(-1.0..1.0);
            (0..DIM)
                .map(|at| if zero { 0.0 } else { value(at) })
                .collect()
        };
        let rows: Vec<Vec<f32>> = (0..count).map(|at| row(at % 17 == 5)).collect();
        (
            rows.concat(),
            rows.iter().map(|row| dot(row, row).sqrt()).collect(),
        )
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
        products.sum()
    }

    /// The largest error of cosines of `a` and `b` by products, none of which may be more than foreseen.
    fn error(
        (a, a_norms): &(Vec<f32>, Vec<f64>),
        (b, b_norms): &(Vec<f32>, Vec<f64>),
        centre: &[f32],
        precision: ScanPrecision,
    ) -> f64 {
        let dim = centre.len();
        let queries = Operand::try_new(a, a_norms, centre, precision).unwrap();
        let others = Operand::try_new(b, b_norms, centre, precision).unwrap();
        let products = queries.values().mm(&others.values().transpose(0, 1));
        let products = Vec::<f32>::try_from(products.to_kind(Kind::Float).flatten(0, 1)).unwrap();
        let mut worst = 0.0_f64;
        let bases = queries.bases(centre);
        for (query, (a, base)) in a.chunks_exact(dim).zip(bases).enumerate() {
            let slack = queries.slack(query, &others);
            for (row, b) in b.chunks_exact(dim).enumerate() {
                let norms = a_norms[query] * b_norms[row];
                let cosine = if norms > 0.0 { dot(a, b) / norms } else { 0.0 };
                let (product, offset) =
                    (products[query * b_norms.len() + row], others.offsets()[row]);
                let found = f64::from(product + offset) + f64::from(base);
                let error = (found - cosine).abs();
                let bound = f64::from(slack.fixed + slack.relative * product.abs());
                assert!(
                    error <= bound,
                    "{error} {bound} {precision:?} {query} {row}"
                );
                assert!(product.abs() <= slack.product && offset.abs() <= slack.offset);
                worst = worst.max(error);
            }
        }
        worst
    }

    #[test]
    fn products_with_offsets_are_cosines_within_their_slack() {
        for (precision, spread) in ScanPrecision::ALL.into_iter().zip([8.0, 0.1]) {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let [a, b] = [40, 300].map(|count| rows(&mut rng, count, spread));
            let centre: Vec<f32> = b.0[..DIM].iter().map(|v| v / b.1[0] as f32).collect();
            error(&a, &b, &centre, precision);
        }
    }

    #[test]
    fn operand_slack_holds_when_all_roundings_have_one_sign() {
        // Unit vectors of entries 1/4; less the centre, all lie a little below the middle of two values of bfloat16.
        let row = (vec![1.0_f32; 16], vec![4.0]);
        let centre = [-0.49 / 512.0; 16];
        let error = error(&row, &row, &centre, ScanPrecision::Coarse);
        assert!(error > 0.007, "two roundings of 1/256: {error}");
    }

    #[test]
    fn product_slack_holds_for_results_halfway_between_values() {
        // Exact as unit vectors; their products are multiples of 1/1024, which bfloat16 rounds to 1/256 and more.
        let [a, b] = [[31.0_f32, 7.0, 3.0, 2.0, 1.0], [2.0, 31.0, 7.0, 1.0, -3.0]];
        let rows = ([a, b, [31.0, 1.0, 7.0, 3.0, 2.0]].concat(), vec![32.0; 3]);
        let error = error(&rows, &rows, &[0.0; 5], ScanPrecision::Coarse);
        assert!(error > 0.0009, "{error}");
    }

    #[test]
    fn centring_reduces_the_slack_of_close_features() {
        let [wide, narrow] = [8.0, 0.1].map(|spread| {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let (values, norms) = rows(&mut rng, 5, spread);
            let centre: Vec<f32> = values[..DIM].iter().map(|v| v / norms[0] as f32).collect();
            let rows = (values, norms);
            error(&rows, &rows, &centre, ScanPrecision::Coarse)
        });
        assert!(wide > 1e-4 && narrow < 1e-5, "{wide} {narrow}");
    }
}
