//! Where this process stands among the ranks: the environment that `torchrun` and Slurm set.

use std::env;

/// A process's place among the ranks of a run.
///
/// | variable | under Slurm | meaning |
/// |---|---|---|
/// | `RANK` | `SLURM_PROCID` | this rank, from 0 |
/// | `WORLD_SIZE` | `SLURM_NTASKS` | number of ranks |
/// | `LOCAL_RANK` | `SLURM_LOCALID` | this rank among those of its machine; 0 where unset |
/// | `MASTER_ADDR`, `MASTER_PORT` | the same | where the ranks' store is |
/// | `TORCHELASTIC_USE_AGENT_STORE` | | `True` where the launcher serves the store; otherwise rank 0 does |
/// | `TORCHELASTIC_RESTART_COUNT` | `SLURM_RESTART_COUNT` | how often the launcher has started the ranks again; 0 where unset |
///
/// Slurm's variables count only where `MASTER_ADDR` is set, because the script of a batch job has them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// This rank, from 0.
    pub rank: usize,
    /// Number of ranks.
    pub world_size: usize,
    /// This rank among those of its machine.
    pub local_rank: usize,
    /// Host of the ranks' store.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Whether the launcher serves the store.
    pub agent_store: bool,
    /// How often the launcher has started the ranks again.
    pub restart: u64,
}

/// An environment that a launcher would not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable}: expected {expected}, found {found}; start the ranks with `torchrun --no-python`, `srun`, or `run.processes`"
)]
pub struct LaunchError {
    /// The variable.
    pub variable: &'static str,
    /// What fits.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// The names that a launcher gives its variables.
struct Names {
    rank: &'static str,
    world_size: &'static str,
    local_rank: &'static str,
    restart: &'static str,
}

const TORCHRUN: Names = Names {
    rank: "RANK",
    world_size: "WORLD_SIZE",
    local_rank: "LOCAL_RANK",
    restart: "TORCHELASTIC_RESTART_COUNT",
};
const SLURM: Names = Names {
    rank: "SLURM_PROCID",
    world_size: "SLURM_NTASKS",
    local_rank: "SLURM_LOCALID",
    restart: "SLURM_RESTART_COUNT",
};

impl Launch {
    /// The place that this process's environment gives it; `None` where it is not one of several.
    ///
    /// # Errors
    /// [`LaunchError`] where variables are missing, no numbers, or contradict each other.
    pub fn from_env() -> Result<Option<Self>, LaunchError> {
        Self::read(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// As [`Launch::from_env`], of variables that `get` gives.
    ///
    /// # Errors
    /// As [`Launch::from_env`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, LaunchError> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let has = |names: &Names| get(names.rank).is_some() || get(names.world_size).is_some();
        let names = if has(&TORCHRUN) {
            TORCHRUN
        } else if has(&SLURM) && get("MASTER_ADDR").is_some() {
            SLURM
        } else {
            return Ok(None);
        };
        let number = |variable: &'static str, default: Option<u64>| {
            let Some(text) = get(variable) else {
                return default.ok_or_else(|| absent(variable));
            };
            text.trim().parse::<u64>().map_err(|_| LaunchError {
                variable,
                expected: "a whole number".to_owned(),
                found: format!("`{text}`"),
            })
        };
        let world_size = number(names.world_size, None)?;
        let rank = number(names.rank, None)?;
        if world_size == 0 || world_size > i32::MAX as u64 {
            return Err(LaunchError {
                variable: names.world_size,
                expected: "at least one rank".to_owned(),
                found: world_size.to_string(),
            });
        }
        if rank >= world_size {
            return Err(LaunchError {
                variable: names.rank,
                expected: format!("a rank below {} = {world_size}", names.world_size),
                found: rank.to_string(),
            });
        }
        if world_size == 1 {
            return Ok(None);
        }
        let local_rank = number(names.local_rank, Some(0))?;
        if local_rank > rank {
            return Err(LaunchError {
                variable: names.local_rank,
                expected: format!("at most {} = {rank}", names.rank),
                found: local_rank.to_string(),
            });
        }
        let port = number("MASTER_PORT", None)?;
        Ok(Some(Self {
            rank: rank as usize,
            world_size: world_size as usize,
            local_rank: local_rank as usize,
            address: get("MASTER_ADDR").ok_or_else(|| absent("MASTER_ADDR"))?,
            port: u16::try_from(port)
                .ok()
                .filter(|&port| port > 0)
                .ok_or_else(|| LaunchError {
                    variable: "MASTER_PORT",
                    expected: "a port from 1 to 65535".to_owned(),
                    found: port.to_string(),
                })?,
            agent_store: flag(
                "TORCHELASTIC_USE_AGENT_STORE",
                get("TORCHELASTIC_USE_AGENT_STORE"),
            )?,
            restart: number(names.restart, Some(0))?,
        }))
    }

    /// The variables of `torchrun`'s contract that give a process this place.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 7] {
        let agent_store = if self.agent_store { "True" } else { "False" };
        [
            ("RANK", self.rank.to_string()),
            ("WORLD_SIZE", self.world_size.to_string()),
            ("LOCAL_RANK", self.local_rank.to_string()),
            ("MASTER_ADDR", self.address.clone()),
            ("MASTER_PORT", self.port.to_string()),
            ("TORCHELASTIC_USE_AGENT_STORE", agent_store.to_owned()),
            ("TORCHELASTIC_RESTART_COUNT", self.restart.to_string()),
        ]
    }

    /// The same place among ranks that meet at a store of this port, which is served by another process.
    #[must_use]
    pub fn at_store(self, port: u16) -> Self {
        Self {
            port,
            agent_store: true,
            ..self
        }
    }

    /// Whether this process starts the store itself.
    #[must_use]
    pub const fn serves(&self) -> bool {
        self.rank == 0 && !self.agent_store
    }

    /// Whether all ranks are on this machine, as far as the store's address tells.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let address = self.address.as_str();
        address == "localhost" || address == "::1" || address.starts_with("127.")
    }
}

fn absent(variable: &'static str) -> LaunchError {
    LaunchError {
        variable,
        expected: "a value, because this process is one of several ranks".to_owned(),
        found: "none".to_owned(),
    }
}

fn flag(variable: &'static str, value: Option<String>) -> Result<bool, LaunchError> {
    match value.as_deref().map(str::trim) {
        None | Some("False" | "false" | "0") => Ok(false),
        Some("True" | "true" | "1") => Ok(true),
        Some(other) => Err(LaunchError {
            variable,
            expected: "`True` or `False`".to_owned(),
            found: format!("`{other}`"),
        }),
    }
}

#[cfg(test)]
mod tests;
