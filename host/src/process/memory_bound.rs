//! What holds a child to the memory that it may have.

use super::cgroup::{self, ControlGroup};
use super::group;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::process::Child;

/// More bytes than any machine has.
const ALL: u64 = 1 << 60;

/// What holds children of this process to a limit of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryBound {
    /// A control group (cgroups v2): the child and all that it starts have the limit together.
    ControlGroup,
    /// `RLIMIT_DATA`: the child, and each process that it starts, has the limit to itself.
    RlimitData,
}

impl MemoryBound {
    /// The one that is in force here.
    #[must_use]
    pub fn here() -> Self {
        match ControlGroup::new(&cgroup::places(), ALL) {
            Some(_) => Self::ControlGroup,
            None => Self::RlimitData,
        }
    }
}

impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlGroup => "a control group",
            Self::RlimitData => "RLIMIT_DATA",
        })
    }
}

/// A child's limit while it lives.
pub(super) struct Bounded {
    group: Option<ControlGroup>,
    bytes: u64,
}

impl Bounded {
    /// A limit of so many bytes for a child that is about to start.
    pub(super) fn to(bytes: u64) -> Self {
        Self {
            group: ControlGroup::new(&cgroup::places(), bytes),
            bytes,
        }
    }

    /// Holds the child to the limit.
    pub(super) fn hold(&mut self, child: &Child) -> io::Result<()> {
        self.group = self
            .group
            .take()
            .filter(|group| group.take(child.id()).is_ok());
        match self.group {
            Some(_) => Ok(()),
            None => group::limit_memory(child, self.bytes),
        }
    }

    /// Whether a process was killed because of the limit.
    pub(super) fn ran_out(&self) -> bool {
        self.group.as_ref().is_some_and(ControlGroup::ran_out)
    }
}
