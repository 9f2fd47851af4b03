//! Services of a cell for its framework: a log, cancellation, and the other ranks.

use crate::pretrain::Collectives;
use crate::run::Cancel;
use crate::terminal::plain;
use ssl_plugin_api::{Fault, FfiTensor, LogLevel, Reduce, Services};

/// Services of a cell.
pub(super) struct CellServices {
    pub framework: String,
    pub cancel: Cancel,
    pub collectives: Collectives,
    /// Called when the framework asks whether it is to stop, or logs: it lives.
    pub sign: fn(),
}

impl Services for CellServices {
    fn log(&self, level: LogLevel, message: &str) {
        (self.sign)();
        let (framework, message) = (&self.framework, plain(message));
        match level {
            LogLevel::Debug => tracing::debug!("{framework}: {message}"),
            LogLevel::Info => tracing::info!("{framework}: {message}"),
            LogLevel::Warn => tracing::warn!("{framework}: {message}"),
        }
    }

    fn cancelled(&self) -> bool {
        (self.sign)();
        self.cancel.is_set()
    }

    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        self.collectives.all_reduce(tensor, reduce)
    }

    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        self.collectives.all_gather(tensor)
    }

    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        self.collectives.broadcast(tensor, root)
    }
}
