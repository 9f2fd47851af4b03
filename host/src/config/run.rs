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
    /// Processes that pretrain a cell together, each with its part of every batch, at least 1. Default 1. The batch
    /// size has to divide by it. Sums are rounded in another order than on one; batch norms that a framework does not
    /// synchronise see other images.
    pub processes: usize,
    /// Seconds after which processes that pretrain a cell together give up on one that does not answer, at least 1
    /// and below `stall_s`. Default: half of `stall_s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_limit_s: Option<u64>,
    /// A command that starts a cell's processes in place of `processes`, on any number of machines, such as
    /// `["torchrun", "--no-python", "--nproc-per-node", "8"]` or `["srun"]`; the cell's own command follows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub launcher: Vec<String>,
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
            processes: 1,
            rank_limit_s: None,
            launcher: Vec::new(),
            keep_features: true,
        }
    }
}

impl Run {
    /// Whether several processes pretrain a cell together.
    #[must_use]
    pub const fn has_ranks(&self) -> bool {
        self.processes > 1 || !self.launcher.is_empty()
    }

    /// Seconds after which ranks give up on one that does not answer: before the cell is ended as hung, so that the
    /// others can name it.
    #[must_use]
    pub fn rank_limit_s(&self) -> u64 {
        self.rank_limit_s.unwrap_or((self.stall_s / 2).max(1))
    }

    pub(super) fn check(&self, path: &str, checks: &mut Checks) {
        checks.threads(&format!("{path}.parallel"), self.parallel);
        checks.at_least(&format!("{path}.stall_s"), self.stall_s, 1);
        checks.at_least(&format!("{path}.processes"), self.processes as u64, 1);
        if let Some(limit) = self.rank_limit_s {
            let most = self.stall_s.saturating_sub(1);
            checks.require(
                &format!("{path}.rank_limit_s"),
                (1..=most).contains(&limit),
                format_args!("a whole number in 1..={most}, below `{path}.stall_s`"),
                limit,
            );
        }
        if let Some(timeout) = self.timeout_s {
            checks.at_least(&format!("{path}.timeout_s"), timeout, 1);
        }
        if let Some(MemoryLimit(bytes)) = self.memory {
            checks.at_least(&format!("{path}.memory"), bytes, LEAST_MEMORY);
        }
    }
}
