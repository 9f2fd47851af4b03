//! The processes of a cell on this machine, started by `torchrun`'s contract.

use super::cancel::Cancel;
use crate::exit::Exit;
use crate::process::signal;
use ssl_distributed::{DistributedError, Launch, Store};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the others are given to end by themselves once one has: to find out who it was and to write it down.
const GRACE: Duration = Duration::from_secs(15);
/// Time between two looks.
const TICK: Duration = Duration::from_millis(20);
/// How long the store may take to start.
const LIMIT: Duration = Duration::from_secs(30);
/// Where the processes meet.
const HOST: &str = "127.0.0.1";

/// Starts as many processes `cell --job JOB` as ranks, and ends with the first one's exit code. Where one ends badly,
/// all end.
///
/// # Errors
/// When the ranks' store or a process cannot be started.
pub fn start_ranks(
    job: &Path,
    log: Option<&Path>,
    count: usize,
    cancel: &Cancel,
) -> io::Result<Exit> {
    let store = Store::serve(HOST, 0, LIMIT).map_err(failed)?;
    let mut ranks = Processes(Vec::new());
    for rank in 0..count {
        let launch = Launch {
            rank,
            world_size: count,
            local_rank: rank,
            address: HOST.to_owned(),
            port: store.port(),
            agent_store: true,
            restart: 0,
        };
        let mut command = rank_command(job, &launch)?;
        // Closing the first one's input asks all to stop; its output is the cell's.
        if rank == 0 {
            if let Some(log) = log {
                command.arg("--log").arg(log);
            }
            command.stdin(Stdio::piped());
        } else {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        ranks.0.push(command.spawn()?);
    }
    ranks.wait(cancel)
}

/// The command of a cell's rank.
pub(super) fn rank_command(job: &Path, launch: &Launch) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("cell").arg("--job").arg(job);
    command.envs(launch.variables());
    // libtorch's own words about a lost rank are many; the line that names it is ours.
    command.env("TORCH_CPP_LOG_LEVEL", "FATAL");
    Ok(command)
}

fn failed(error: DistributedError) -> io::Error {
    io::Error::other(error)
}

/// The ranks' processes, which end with this value.
struct Processes(Vec<Child>);

impl Processes {
    fn wait(&mut self, cancel: &Cancel) -> io::Result<Exit> {
        let mut ended: Vec<Option<ExitStatus>> = self.0.iter().map(|_| None).collect();
        let mut until = None;
        while ended.iter().any(Option::is_none) {
            if cancel.is_set() {
                self.0[0].stdin.take();
            }
            for (rank, child) in self.0.iter_mut().enumerate() {
                if ended[rank].is_some() {
                    continue;
                }
                ended[rank] = child.try_wait()?;
                // Without the first one nobody is told what the others do.
                if ended[rank].is_some_and(|status| rank == 0 || !status.success()) {
                    until.get_or_insert_with(|| Instant::now() + GRACE);
                }
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            thread::sleep(TICK);
        }
        let count = ended.len();
        for (rank, status) in ended.iter().enumerate() {
            if let Some((number, name)) = status.and_then(signal) {
                tracing::error!("rank {rank} of {count} was ended by signal {number} ({name})");
            }
        }
        Ok(exit(ended[0]))
    }
}

/// The first rank's exit code; one that was killed, or has to be, is a dead cell.
fn exit(first: Option<ExitStatus>) -> Exit {
    let code = first.and_then(|status| status.code());
    let known = [Exit::Done, Exit::BadInput, Exit::Interrupted];
    let known = known.into_iter().find(|exit| Some(*exit as i32) == code);
    known.unwrap_or(Exit::PluginFault)
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended is not there to be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
