//! Collectives as operations of burn's autodiff graph.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use super::Ranks;
use crate::graph::{enter, record};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, unary};
use burn::tensor::Tensor;
use burn_tch::{LibTorch, TchTensor};
use ssl_plugin_api::{Fault, Reduce};

/// Sum over ranks, forward and backward.
#[derive(Debug)]
struct SumOverRanks;

impl Backward<LibTorch, 1> for SumOverRanks {
    type State = Ranks;

    fn backward(self, ops: Ops<Ranks, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let ranks = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |gradient| {
            sum(&ranks, &gradient)
        });
    }
}

/// Rows of all ranks forward; sum over ranks of the own rows' gradient backward.
#[derive(Debug)]
struct RowsOfRanks;

impl Backward<LibTorch, 1> for RowsOfRanks {
    type State = (Ranks, i64);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (ranks, rows) = ops.state;
        unary::<LibTorch, _>(ops.parents, ops.node, gradients, |gradient| {
            let start = rows * i64::try_from(ranks.rank).expect("a rank is a small number");
            TchTensor::new(sum(&ranks, &gradient).tensor.narrow(0, start, rows).copy())
        });
    }
}

fn sum(ranks: &Ranks, gradient: &TchTensor) -> TchTensor {
    TchTensor::new(ranks.sum_of_gradients(&gradient.tensor))
}

pub(super) fn sum_over_ranks<const D: usize>(
    ranks: &Ranks,
    tensor: Tensor<D>,
) -> Result<Tensor<D>, Fault> {
    let (value, place) = enter(tensor);
    let total = TchTensor::new(ranks.reduced(&value.tensor, Reduce::Sum)?);
    Ok(record(SumOverRanks, [place], total, ranks.clone()))
}

pub(super) fn rows_of_ranks(ranks: &Ranks, rows: Tensor<2>) -> Result<Tensor<2>, Fault> {
    let (value, place) = enter(rows);
    let all = TchTensor::new(ranks.gathered(&value.tensor)?);
    let own = value.tensor.size()[0];
    Ok(record(RowsOfRanks, [place], all, (ranks.clone(), own)))
}

#[cfg(test)]
mod tests {
    use crate::blocks::testing::{double, doubles};
    use crate::ranks::testing::on_ranks;

    #[test]
    fn sums_go_both_ways() {
        let gradients = on_ranks(2, |ranks| {
            let own = ranks.rank() as f64 + 1.0;
            let x = double(&[own, 10.0 * own], [2]).autodiff().require_grad();
            let total = ranks.all_reduce_sum(x.clone()).expect("no fault");
            assert_eq!(doubles(total.clone()), [3.0, 30.0]);
            // Rank 0's loss is Σ total², rank 1's is 5 Σ total².
            let loss = (total.square() * (4.0 * own - 3.0)).sum();
            doubles(x.grad(&loss.backward()).expect("a gradient"))
        });
        // Gradient of the ranks' summed losses 6 Σ total² on both.
        assert_eq!(gradients, vec![vec![36.0, 360.0]; 2]);
    }

    #[test]
    fn gathered_rows_give_each_rank_its_part() {
        let gradients = on_ranks(2, |ranks| {
            let own = ranks.rank() as f64 + 1.0;
            let x = double(&[own, 2.0 * own], [2, 1]).autodiff().require_grad();
            let all = ranks.all_gather(x.clone()).expect("no fault");
            assert_eq!(doubles(all.clone()), [1.0, 2.0, 2.0, 4.0]);
            let loss = (all * double(&[1.0, 10.0, 100.0, 1000.0], [4, 1]) * own).sum();
            doubles(x.grad(&loss.backward()).expect("a gradient"))
        });
        assert_eq!(gradients, [[3.0, 30.0], [300.0, 3000.0]]);
    }

    #[test]
    fn plain_tensors_need_no_graph() {
        on_ranks(3, |ranks| {
            let own = ranks.rank() as f64;
            let x = double(&[own, -own], [1, 2]);
            assert_eq!(
                doubles(ranks.all_reduce_sum(x.clone()).expect("no fault")),
                [3.0, -3.0]
            );
            assert_eq!(
                doubles(ranks.all_reduce_max(x.clone()).expect("no fault")),
                [2.0, 0.0]
            );
            assert_eq!(
                doubles(ranks.broadcast(x.clone(), 1).expect("no fault")),
                [1.0, -1.0]
            );
            let all = ranks.all_gather(x.clone()).expect("no fault");
            assert_eq!(doubles(all), [0.0, 0.0, 1.0, -1.0, 2.0, -2.0]);
            assert_eq!(doubles(x), [own, -own]);
        });
    }
}
