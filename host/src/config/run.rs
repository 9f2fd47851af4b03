//! `[run]`: how cells are executed. Nothing here changes a result.

use super::check::Checks;
use super::memory_limit::MemoryLimit;
use serde::{Deserialize, Serialize};

/// Less does not start the program.
const LEAST_MEMORY: u64 = 64 << 20;

/// How cells are executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// Cells at once, at least 1. Default 1.
    pub parallel: usize,
    /// Seconds without any sign of life after which a cell is ended as hung, at least 1.
    /// Default 600.
    pub stall_s: u64,
    /// Seconds a cell may take in all, at least 1. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    /// Memory that a cell may ask for, such as `"12 GiB"` or a number of bytes, at least 64 MiB. Default: no
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryLimit>,
    /// Whether features stay in the results' folder, so that other evaluation settings need no
    /// second extraction. Default true.
    pub keep_features: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            parallel: 1,
            stall_s: 600,
            timeout_s: None,
            memory: None,
            keep_features: true,
        }
    }
}

impl Run {
    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        checks.threads(&format!("{path}.parallel"), self.parallel);
        checks.at_least(&format!("{path}.stall_s"), self.stall_s, 1);
        if let Some(timeout) = self.timeout_s {
            checks.at_least(&format!("{path}.timeout_s"), timeout, 1);
        }
        if let Some(MemoryLimit(bytes)) = self.memory {
            checks.at_least(&format!("{path}.memory"), bytes, LEAST_MEMORY);
        }
    }
}
