//! State that each rank has of its own, such as a queue of its own features, in a checkpoint.
//!
//! What is the same on every rank is kept once, as `state.NAME`; anything else of every rank, as
//! `rank.R.state.NAME`. A run with another number of ranks takes over the former alone.

use super::error::PretrainError;
use super::heads::adopt;
use super::peers::Peers;
use ssl_distributed::Ranks;
use ssl_plugin_api::export::Instance;
use std::path::Path;
use tch::{TchError, Tensor};

/// Dimensions of a tensor that are told to the others.
const DIMS: usize = 8;

/// The framework's state, of all ranks, by its names in a checkpoint.
pub(super) fn state_of_all(
    instance: &mut dyn Instance,
    peers: &Peers,
    step: u64,
) -> Result<Vec<(String, Tensor)>, PretrainError> {
    let state = own(instance, step)?;
    let Some(ranks) = peers.ranks() else {
        return Ok(named("", state));
    };
    let mut digests = Vec::new();
    for (name, tensor) in &state {
        let bytes = crate::tensorfile::to_bytes(Path::new(name), [(name.clone(), tensor)])?.0;
        let digest = blake3::hash(&bytes);
        digests.push(
            digest.as_bytes()[..8]
                .iter()
                .fold(0, |sum: i64, &byte| (sum << 8) | i64::from(byte)),
        );
    }
    peers.expect_same(&[state.len() as i64])?;
    let told = ranks.all_gather(&Tensor::from_slice(&digests))?;
    let told = Vec::<i64>::try_from(&told).map_err(torch())?;
    let mut found = Vec::new();
    for (n, (name, tensor)) in state.into_iter().enumerate() {
        let mut of_ranks = told.iter().skip(n).step_by(digests.len());
        if of_ranks.all(|digest| *digest == digests[n]) {
            found.extend(named("", vec![(name, tensor)]));
        } else {
            for (rank, tensor) in of_every_rank(ranks, &tensor)?.into_iter().enumerate() {
                found.extend(named(&prefix(rank), vec![(name.clone(), tensor)]));
            }
        }
    }
    Ok(found)
}

/// The part of a checkpoint that is this rank's state, by the framework's names.
pub(super) fn of_checkpoint(
    tensors: &[(String, Tensor)],
    rank: usize,
) -> impl Iterator<Item = (&str, &Tensor)> {
    let own = format!("{}state.", prefix(rank));
    tensors.iter().filter_map(move |(name, tensor)| {
        let name = name
            .strip_prefix("state.")
            .or_else(|| name.strip_prefix(&own))?;
        Some((name, tensor))
    })
}

/// A state that a run with another number of ranks cannot take over: one of each rank's own, or one of another shape
/// than the framework has now.
pub(super) fn unfit(
    tensors: &[(String, Tensor)],
    instance: &mut dyn Instance,
    step: u64,
) -> Result<Option<String>, PretrainError> {
    let first = format!("{}state.", prefix(0));
    if let Some(name) = tensors
        .iter()
        .find_map(|(name, _)| name.strip_prefix(&first))
    {
        return Ok(Some(name.to_owned()));
    }
    let now = own(instance, step)?;
    let other_shape = of_checkpoint(tensors, 0).find(|(name, tensor)| {
        let known = now.iter().find(|(known, _)| known == name);
        known.is_some_and(|(_, known)| known.size() != tensor.size())
    });
    Ok(other_shape.map(|(name, _)| name.to_owned()))
}

fn own(instance: &mut dyn Instance, step: u64) -> Result<Vec<(String, Tensor)>, PretrainError> {
    let state = instance
        .state()
        .map_err(PretrainError::plugin("state", step))?;
    adopt(state, "state", step)
}

fn prefix(rank: usize) -> String {
    format!("rank.{rank}.")
}

fn named(prefix: &str, state: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    let state = state.into_iter();
    state
        .map(|(name, tensor)| (format!("{prefix}state.{name}"), tensor))
        .collect()
}

/// Every rank's tensor, whose shape may be its own.
fn of_every_rank(ranks: &Ranks, own: &Tensor) -> Result<Vec<Tensor>, PretrainError> {
    let mut shape = own.size();
    let dims = shape.len();
    shape.resize(DIMS, 0);
    shape.push(dims as i64);
    let shapes = ranks.all_gather(&Tensor::from_slice(&shape))?;
    let shapes = Vec::<i64>::try_from(&shapes).map_err(torch())?;
    let mut found = Vec::new();
    for (rank, shape) in shapes.chunks(DIMS + 1).enumerate() {
        let tensor = if rank == ranks.rank() {
            own.f_detach().and_then(|own| own.f_contiguous())
        } else {
            let shape = &shape[..shape[DIMS] as usize];
            Tensor::f_zeros(shape, (own.kind(), own.device()))
        };
        let tensor = tensor.map_err(torch())?;
        ranks.broadcast(&tensor, rank)?;
        found.push(tensor);
    }
    Ok(found)
}

fn torch() -> impl FnOnce(TchError) -> PretrainError {
    PretrainError::torch("gathering the ranks' state")
}
