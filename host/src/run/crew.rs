//! A run that a launcher has started as several processes: the first one runs the benchmark, and each of the others
//! starts its rank of every cell that the first one starts.

use super::cancel::Cancel;
use super::job::Job;
use super::ranks::rank_command;
use serde::{Deserialize, Serialize};
use ssl_distributed::{DistributedError, Launch, Store};
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the first process is waited for at the start.
const LIMIT: Duration = Duration::from_secs(600);
/// How long a cell is waited for: as long as the first process lives.
const PATIENCE: Duration = Duration::from_secs(u32::MAX as u64);

/// A cell that is started, as the other processes hear of it.
#[derive(Serialize, Deserialize)]
struct Started {
    /// Where its ranks meet, at the launcher's address.
    port: u16,
    job: Job,
}

/// The first process's side. The others end with this value.
#[derive(Debug)]
pub struct Lead {
    launch: Launch,
    store: Store,
    started: AtomicU64,
}

/// A cell's own store, which has to live for as long as its ranks do.
#[derive(Debug)]
pub(super) struct Meeting {
    launch: Launch,
    _store: Store,
}

impl Lead {
    /// The side of the process that is started at this place, which has to be the first.
    ///
    /// # Errors
    /// When the launcher's store cannot be reached or served.
    pub fn at(launch: &Launch) -> Result<Self, DistributedError> {
        Ok(Self {
            store: Store::of(launch, LIMIT)?,
            launch: launch.clone(),
            started: AtomicU64::new(0),
        })
    }

    /// Has the other processes start their rank of a cell.
    pub(super) fn start(&self, job: &Job) -> io::Result<Meeting> {
        let failed = |error: DistributedError| io::Error::other(error);
        let store = Store::serve(&self.launch.address, 0, LIMIT).map_err(failed)?;
        let port = store.port();
        let job = job.clone();
        let text = serde_json::to_string(&Started { port, job }).map_err(io::Error::other)?;
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        (self.store.set(&key(&self.launch, number), &text)).map_err(failed)?;
        Ok(Meeting {
            launch: self.launch.clone().at_store(port),
            _store: store,
        })
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let number = self.started.load(Ordering::Relaxed);
        // Where the store is gone, the others have seen it.
        let _ = self.store.set(&key(&self.launch, number), "");
    }
}

impl Meeting {
    /// Gives a process the first place in it.
    pub(super) fn lead(&self, command: &mut Command) {
        command.envs(self.launch.variables());
    }
}

/// The side of any other process: starts its rank of each cell until the first process ends.
///
/// # Errors
/// When the first process has gone without a word, or a cell's process cannot be started.
pub fn follow(launch: &Launch, cancel: &Cancel) -> io::Result<()> {
    let store = Store::of(launch, LIMIT).map_err(io::Error::other)?;
    let mut ranks = Vec::new();
    for number in 0.. {
        let text = store.get(&key(launch, number), PATIENCE);
        let text = text.map_err(|error| {
            let first = format!("the first of {} processes has gone", launch.world_size);
            io::Error::other(format!("{first}: {error}"))
        })?;
        if text.is_empty() {
            break;
        }
        if !cancel.is_set() {
            ranks.push(start(launch, &text)?);
        }
    }
    for mut rank in ranks {
        rank.process.wait()?;
    }
    Ok(())
}

/// A cell's process and the file with its job.
struct Rank {
    process: Child,
    _job: tempfile::NamedTempFile,
}

/// Starts this process's rank of a cell. It hears of signals itself, being in the same process group.
fn start(launch: &Launch, text: &str) -> io::Result<Rank> {
    let started: Started = serde_json::from_str(text).map_err(io::Error::other)?;
    let file = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&file, &started.job).map_err(io::Error::other)?;
    let launch = launch.clone().at_store(started.port);
    let mut command = rank_command(file.path(), &launch)?;
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(Rank {
        process: command.spawn()?,
        _job: file,
    })
}

fn key(launch: &Launch, number: u64) -> String {
    format!("ssl-lottery/{}/cell/{number}", launch.restart)
}
