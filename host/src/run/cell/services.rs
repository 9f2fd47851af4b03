//! Services of a cell for its framework: a log and cancellation. The cell is the only rank.

use crate::run::Cancel;
use crate::terminal::plain;
use ssl_plugin_api::{Fault, FfiTensor, LogLevel, Reduce, Services, SingleProcess};

/// Services of a cell.
pub(super) struct CellServices {
    pub framework: String,
    pub cancel: Cancel,
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
        SingleProcess.all_reduce(tensor, reduce)
    }

    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        SingleProcess.all_gather(tensor)
    }

    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        SingleProcess.broadcast(tensor, root)
    }
}
