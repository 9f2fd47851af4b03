//! A framework's collectives, over the ranks of its run.

use ssl_distributed::{Call, DistributedError, Operation, Ranks, Reduction};
use ssl_plugin_api::{Fault, FaultKind, FfiTensor, Reduce, Services as _, SingleProcess};
use ssl_plugin_tensor::{export, import};
use std::sync::Arc;

/// The collectives that the host's services offer a framework. Each one first finds out whether all ranks call it
/// with a tensor of the same shape; one rank alone gets back what it gave.
#[derive(Clone, Debug, Default)]
pub struct Collectives(Option<Arc<Ranks>>);

impl Collectives {
    /// Those over these ranks; `None` for a process alone.
    #[must_use]
    pub const fn of(ranks: Option<Arc<Ranks>>) -> Self {
        Self(ranks)
    }

    /// As [`Services::all_reduce`](ssl_plugin_api::Services::all_reduce).
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    pub fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        let Some(ranks) = &self.0 else {
            return SingleProcess.all_reduce(tensor, reduce);
        };
        let tensor = import(tensor)?;
        let (operation, reduction) = match reduce {
            Reduce::Sum => (Operation::Sum, Reduction::Sum),
            Reduce::Max => (Operation::Max, Reduction::Max),
        };
        ranks
            .agree(&Call::on(operation, &tensor, 0))
            .and_then(|()| ranks.all_reduce(&tensor, reduction))
            .map_err(fault)
    }

    /// As [`Services::all_gather`](ssl_plugin_api::Services::all_gather).
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    pub fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        let Some(ranks) = &self.0 else {
            return SingleProcess.all_gather(tensor);
        };
        let tensor = import(tensor)?;
        let all = ranks
            .agree(&Call::on(Operation::AllGather, &tensor, 0))
            .and_then(|()| ranks.all_gather(&tensor))
            .map_err(fault)?;
        export(&all)
    }

    /// As [`Services::broadcast`](ssl_plugin_api::Services::broadcast).
    ///
    /// # Errors
    /// [`FaultKind::Collective`].
    pub fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        let world_size = self.0.as_ref().map_or(1, |ranks| ranks.world_size());
        if root >= world_size {
            let message =
                format!("expected a broadcast from a rank below {world_size}, found {root}");
            return Err(Fault::new(FaultKind::Collective, message));
        }
        let Some(ranks) = &self.0 else {
            return SingleProcess.broadcast(tensor, root);
        };
        let tensor = import(tensor)?;
        ranks
            .agree(&Call::on(Operation::Broadcast, &tensor, root))
            .and_then(|()| ranks.broadcast(&tensor, root))
            .map_err(fault)
    }
}

fn fault(error: DistributedError) -> Fault {
    Fault::new(FaultKind::Collective, error.to_string())
}
