//! Operations of burn's autodiff graph whose backward pass is written by hand.
//!
//! What such an operation keeps for its backward pass are [`TchTensor`]s: their count of holders tells burn that the
//! memory is in use, so that it never writes into it.

#![expect(
    deprecated,
    reason = "burn-tch 0.22.1 is the last release of the libtorch backend"
)]

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::ops::{Backward, NodeGuard, OpsKind};
use burn::tensor::{Device, Tensor};
use burn_tch::{LibTorch, TchTensor};

/// A tensor's place in the graph.
pub(crate) struct Place {
    node: NodeGuard,
    is_autodiff: bool,
}

/// The libtorch tensor inside, and its place in the graph; a tensor without autodiff has one that asks for nothing.
pub(crate) fn enter<const D: usize>(tensor: Tensor<D>) -> (TchTensor, Place) {
    let is_autodiff = tensor.is_autodiff();
    let (value, node) = tensor
        .autodiff()
        .try_into_primitive::<Autodiff<LibTorch>>()
        .expect("the kit makes libtorch tensors only")
        .into_parts();
    (value, Place { node, is_autodiff })
}

impl Place {
    /// That of an input which is not there.
    pub(crate) fn none(device: &Device) -> Self {
        enter(Tensor::<1>::empty([0], device)).1
    }
}

/// The libtorch tensor inside, as a constant of the graph.
pub(crate) fn constant<const D: usize>(tensor: Tensor<D>) -> TchTensor {
    tensor
        .without_autodiff()
        .try_into_primitive::<LibTorch>()
        .expect("the kit makes libtorch tensors only")
}

/// The output of `operation`, recorded for the way back if one of its inputs takes part in a graph.
pub(crate) fn record<const N: usize, const D: usize, B>(
    operation: B,
    inputs: [Place; N],
    output: TchTensor,
    state: B::State,
) -> Tensor<D>
where
    B: Backward<LibTorch, N>,
{
    if inputs.iter().all(|input| !input.is_autodiff) {
        return Tensor::from_primitive::<LibTorch>(output);
    }
    let output = match operation
        .prepare::<NoCheckpointing>(inputs.map(|input| input.node))
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(preparation) => preparation.finish(state, output),
        OpsKind::UnTracked(preparation) => preparation.finish(output),
    };
    Tensor::from_primitive::<Autodiff<LibTorch>>(output)
}
