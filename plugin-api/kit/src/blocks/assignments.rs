//! A label for every sample of the training set, from several clusterings.

use super::cross_entropy::{IGNORED, cross_entropy};
use super::error::{BlockError, check_same};
use crate::bridge::{from_tch, from_tch_int, tch_device, to_tch, to_tch_int};
use crate::module::{IntBuffer, Module, Numbers, Path, Visitor};
use crate::ranks::Ranks;
use burn::tensor::{Device, Int, Tensor};
use ssl_plugin_api::export::called;
use tch::Kind;

const AT: &str = "assignments";

/// Labels int64 `[heads, samples]`; [`IGNORED`] where a sample has none.
///
/// ```
/// use ssl_plugin_kit::{Int, Tensor, blocks::Assignments, ranks::Ranks, testing::cpu};
///
/// let mut table = Assignments::new(&[9], 3, &cpu());
/// let ints = |values: [i64; 2]| Tensor::<1, Int>::from_data(values, &cpu());
/// table.set(0, ints([2, 0]), ints([7, 8]), &Ranks::single()).unwrap();
/// assert_eq!(table.of_all(0), [8, -100, 7]);
/// ```
#[derive(Debug)]
pub struct Assignments {
    table: IntBuffer<2>,
}

impl Assignments {
    /// A table without labels, for heads of so many clusters.
    #[must_use]
    pub fn new(clusters: &[usize], samples: usize, device: &Device) -> Self {
        let size = [clusters.len() as i64, samples as i64];
        let table = tch::Tensor::full(size, IGNORED, (Kind::Int64, tch_device(device)));
        let labels = clusters.iter().map(|&clusters| 0..clusters as i64);
        Self {
            table: IntBuffer::new(from_tch_int(table))
                .of(Numbers::by_row(labels.collect()).or(IGNORED)),
        }
    }

    /// Replaces the labels of one head by those that all ranks bring; samples that none of them names have none.
    ///
    /// # Shapes
    /// - `positions`, `labels`: int64 `[n]`; `n` may differ from rank to rank
    ///
    /// # Errors
    /// [`BlockError::Shape`] when there are not as many labels as positions, [`BlockError::Setting`] for a position
    /// outside the training set, [`BlockError::Collective`].
    #[track_caller]
    pub fn set(
        &mut self,
        head: usize,
        positions: Tensor<1, Int>,
        labels: Tensor<1, Int>,
        ranks: &Ranks,
    ) -> Result<(), BlockError> {
        let _call = called();
        check_same(labels.dims(), positions.dims(), "labels", AT)?;
        let Some(table) = self.table.writable() else {
            return Ok(());
        };
        let mut row = table.select(0, head as i64);
        let positions = to_tch_int(&positions).to_device(row.device());
        let labels = to_tch_int(&labels).to_device(row.device());
        if positions.numel() > 0 {
            for position in [positions.min(), positions.max()] {
                check_position(position.int64_value(&[]), row.size()[0])?;
            }
        }
        // Counted from 1, so that 0 means no label and the largest over ranks is the one that is there.
        let mut own = tch::Tensor::zeros(row.size(), (Kind::Double, row.device()));
        let _ = own.scatter_(0, &positions, &(labels + 1).to_kind(Kind::Double));
        let all = to_tch(&ranks.all_reduce_max::<1>(from_tch(own))?).to_kind(Kind::Int64) - 1;
        row.copy_(&all.masked_fill(&all.lt(0), IGNORED));
        Ok(())
    }

    /// Labels of one head for some samples.
    ///
    /// # Shapes
    /// - returns int64 `[samples.len()]`
    ///
    /// # Errors
    /// [`BlockError::Setting`] for a sample outside the training set.
    #[track_caller]
    pub fn of(&self, head: usize, samples: &[i64]) -> Result<Tensor<1, Int>, BlockError> {
        let _call = called();
        let row = to_tch_int(&self.table.val()).select(0, head as i64);
        for &sample in samples {
            check_position(sample, row.size()[0])?;
        }
        let samples = tch::Tensor::from_slice(samples).to_device(row.device());
        Ok(from_tch_int(row.index_select(0, &samples)))
    }

    /// All labels of one head, in the order of the training set.
    #[must_use]
    pub fn of_all(&self, head: usize) -> Vec<i64> {
        let row = to_tch_int(&self.table.val()).select(0, head as i64);
        Vec::try_from(row).unwrap_or_default()
    }

    /// Mean over the heads of the cross-entropy of their logits with their labels; samples without label leave the
    /// mean over the rows.
    ///
    /// # Shapes
    /// - `logits`: for each head `[crops · batch, clusters]`, crop by crop; every crop has its image's label
    /// - `samples`: `[batch]`
    /// - returns `[1]`
    ///
    /// # Errors
    /// [`BlockError`] when the shapes do not fit or a sample lies outside the training set.
    ///
    /// # Source
    /// DeepCluster-v2, `swav:main_deepclusterv2.py:train`; SeLa, `self-label:main.py:optimize_epoch`.
    #[track_caller]
    pub fn loss(&self, logits: Vec<Tensor<2>>, samples: &[i64]) -> Result<Tensor<1>, BlockError> {
        let _call = called();
        let heads = logits.len();
        let terms = logits
            .into_iter()
            .enumerate()
            .map(|(head, logits)| {
                let crops = logits.dims()[0] / samples.len().max(1);
                let labels = self.of(head, samples)?.repeat_dim(0, crops);
                cross_entropy(logits, labels)
            })
            .collect::<Result<Vec<_>, BlockError>>()?;
        Ok(Tensor::cat(terms, 0).sum() * (1.0 / heads.max(1) as f64))
    }
}

impl Module for Assignments {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.table.visit(path, visitor);
    }
}

fn check_position(found: i64, samples: i64) -> Result<(), BlockError> {
    if (0..samples).contains(&found) {
        return Ok(());
    }
    Err(BlockError::Setting {
        what: "position",
        expected: format!("in 0 … {}", samples - 1),
        found: found.to_string(),
        at: AT,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::blocks::testing::{close, cpu, matrix, values};
    use crate::ranks::testing::on_ranks;

    fn ints<const N: usize>(values: [i64; N]) -> Tensor<1, Int> {
        from_tch_int(tch::Tensor::from_slice(&values))
    }

    #[test]
    fn a_new_labelling_forgets_the_old_one() {
        let mut table = Assignments::new(&[9, 9], 5, &cpu());
        let one = Ranks::single();
        table.set(1, ints([0, 4]), ints([7, 8]), &one).unwrap();
        table.set(1, ints([3, 0]), ints([1, 0]), &one).unwrap();
        assert_eq!(table.of_all(1), [0, IGNORED, IGNORED, 1, IGNORED]);
        assert_eq!(table.of_all(0), [IGNORED; 5]);
        assert!(table.set(0, ints([5]), ints([1]), &one).is_err());
        assert!(table.of(0, &[-1]).is_err());
    }

    #[test]
    fn ranks_share_their_labels() {
        let rows = on_ranks(2, |ranks| {
            let mut table = Assignments::new(&[6], 4, &cpu());
            let own = [(ints([2, 0]), ints([0, 3])), (ints([1, 2]), ints([5, 0]))];
            let (positions, labels) = own[ranks.rank()].clone();
            table.set(0, positions, labels, &ranks).unwrap();
            table.of_all(0)
        });
        assert_eq!(rows, [[3, 5, 0, IGNORED], [3, 5, 0, IGNORED]]);
    }

    #[test]
    fn every_crop_has_the_label_of_its_image() {
        // Two crops of samples 2 and 0; sample 0 has no label in either head, sample 2 has 1 and 0.
        let mut table = Assignments::new(&[2, 2], 3, &cpu());
        let one = Ranks::single();
        table.set(0, ints([2]), ints([1]), &one).unwrap();
        table.set(1, ints([2]), ints([0]), &one).unwrap();
        let logits = || matrix([[0.0, 1.0], [9.0, 9.0], [2.0, 0.0], [-9.0, 9.0]]);
        let loss = values(table.loss(vec![logits(), logits()], &[2, 0]).unwrap());
        // Head 0 against label 1: ln(1+e^-1), ln(1+e^2); head 1 against 0: ln(1+e), ln(1+e^-2).
        let term = |x: f32| x.exp().ln_1p();
        let expected = (term(-1.0) + term(2.0) + term(1.0) + term(-2.0)) / 4.0;
        close(&loss, &[expected], 1e-6);
    }
}
