//! Children that are forked from this process instead of started anew (decision 0072).
//!
//! Starting the program costs a third of a second of processor time, nearly all of it for loading
//! libtorch. A forked child has libtorch loaded already and costs a few milliseconds. What it does
//! with a plugin stays in it, as with a child that was started.

#![expect(
    unsafe_code,
    reason = "processes are forked, watched and ended by system calls"
)]

use super::answer::{NoAnswer, ended_by};
use super::group;
use super::runner::Limits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest wait between two looks at the children.
const TICK: Duration = Duration::from_millis(20);
/// Bytes of standard error that are kept: its end.
const KEPT: usize = 16 << 10;
/// Exit code of a child whose work panicked.
const PANICKED: i32 = 101;

/// Whether this process has one thread only, and so may fork: another thread's locks would stay
/// locked in the child for ever. `false` where the system does not tell.
#[must_use]
pub fn may_fork() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

/// Does `work` on every job in a forked child, at most `at_once` at a time, and gives each answer to
/// `done` as it comes. A job that may take more than its limits is ended, with whatever it started.
/// Children have no input; their standard output is passed over, and of standard error the end is
/// kept for the message of a child that gave no answer. Of the limits, `stall` is not looked at.
///
/// The process must have one thread ([`may_fork`]), and libtorch must not have computed in it:
/// the threads that it computes with would be missing in the children.
///
/// # Errors
/// When this process has several threads, or the system gives no process or no private folder.
pub fn fork_each<J, T: Serialize + DeserializeOwned>(
    jobs: impl IntoIterator<Item = J>,
    at_once: usize,
    limits: impl Fn(&J) -> Limits,
    work: impl Fn(&J) -> T,
    mut done: impl FnMut(J, Result<T, NoAnswer>),
) -> io::Result<()> {
    let mut waiting = jobs.into_iter();
    let mut running: Vec<(J, Forked)> = Vec::new();
    loop {
        while running.len() < at_once.max(1) {
            let Some(job) = waiting.next() else { break };
            let child = Forked::start(limits(&job), || work(&job))?;
            running.push((job, child));
        }
        if running.is_empty() {
            return Ok(());
        }
        wait_for_news(running.iter().map(|(_, child)| child));
        let mut n = 0;
        while n < running.len() {
            match running[n].1.look() {
                None => n += 1,
                Some(end) => {
                    let (job, child) = running.remove(n);
                    done(job, end.and_then(|status| child.answer(status)));
                }
            }
        }
    }
}

/// Does `work` in a forked child and gives back its answer; as [`fork_each`] with one job.
///
/// # Errors
/// [`NoAnswer`].
pub fn fork_one<T: Serialize + DeserializeOwned>(
    limits: Limits,
    work: impl Fn() -> T,
) -> Result<T, NoAnswer> {
    let mut answer = None;
    fork_each(
        [()],
        1,
        |()| limits,
        |()| work(),
        |(), given| answer = Some(given),
    )?;
    answer.unwrap_or_else(|| Err(io::Error::other("no child was run").into()))
}

/// A forked child.
struct Forked {
    pid: i32,
    limits: Limits,
    started: Instant,
    /// Its standard error, until that is closed.
    errors: Option<File>,
    said: VecDeque<u8>,
    /// Where its answer is to be.
    folder: TempDir,
}

impl Forked {
    fn start<T: Serialize>(limits: Limits, work: impl FnOnce() -> T) -> io::Result<Self> {
        if !may_fork() {
            return Err(io::Error::other(
                "expected a process with one thread to fork, found several",
            ));
        }
        let folder = tempfile::tempdir()?;
        let (errors, theirs) = pipe()?;
        // SAFETY: this process has one thread, so the child finds no lock held.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(errors);
                in_child(&theirs, limits, folder.path(), work)
            }
            pid => {
                // The child does the same: whoever comes first.
                group::lead_from_outside(pid);
                Ok(Self {
                    pid,
                    limits,
                    started: Instant::now(),
                    errors: Some(errors),
                    said: VecDeque::new(),
                    folder,
                })
            }
        }
    }

    /// How it ended, once it has.
    fn look(&mut self) -> Option<Result<ExitStatus, NoAnswer>> {
        self.listen();
        let late = self
            .limits
            .total
            .filter(|total| self.started.elapsed() > *total);
        if late.is_some() {
            group::kill_group(self.pid);
        }
        let mut status = 0;
        let flags = if late.is_some() { 0 } else { libc::WNOHANG };
        // SAFETY: `status` is a place for a number that lives through the call; the child is ours
        // and has not been waited for.
        match unsafe { libc::waitpid(self.pid, &raw mut status, flags) } {
            0 => return None,
            -1 => {
                let error = io::Error::last_os_error();
                return match error.kind() {
                    io::ErrorKind::Interrupted => None,
                    _ => Some(Err(error.into())),
                };
            }
            _ => {}
        }
        // What it has started and left behind.
        group::kill_group(self.pid);
        self.listen();
        Some(match late {
            Some(total) => Err(NoAnswer::TookTooLong {
                seconds: total.as_secs_f64(),
            }),
            None => Ok(ExitStatus::from_raw(status)),
        })
    }

    /// Takes what there is of standard error.
    fn listen(&mut self) {
        let mut part = [0; 4096];
        while let Some(pipe) = &mut self.errors {
            match pipe.read(&mut part) {
                Ok(0) => self.errors = None,
                Ok(length) => {
                    self.said.extend(&part[..length]);
                    let over = self.said.len().saturating_sub(KEPT);
                    self.said.drain(..over);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nothing is there now.
                Err(_) => return,
            }
        }
    }

    fn answer<T: DeserializeOwned>(mut self, status: ExitStatus) -> Result<T, NoAnswer> {
        match std::fs::read(self.folder.path().join(ANSWER)) {
            Ok(text) => serde_json::from_slice(&text).map_err(NoAnswer::Nonsense),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let said = String::from_utf8_lossy(self.said.make_contiguous()).into_owned();
                Err(NoAnswer::Ended {
                    end: ended_by(status),
                    said: said.lines().map(str::to_owned).collect(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }
}

const ANSWER: &str = "answer.json";

/// What the child does; it never returns from here.
fn in_child<T: Serialize>(
    errors: &File,
    limits: Limits,
    folder: &Path,
    work: impl FnOnce() -> T,
) -> ! {
    let own = std::process::id();
    settle(errors, limits);
    let code = catch_unwind(AssertUnwindSafe(|| {
        let answer = work();
        if std::process::id() != own {
            // A plugin forked in its turn: one answer is enough.
            return 0;
        }
        let whole = folder.join(ANSWER);
        let part = folder.join("part");
        serde_json::to_vec(&answer)
            .map_err(io::Error::other)
            .and_then(|text| std::fs::write(&part, text))
            .and_then(|()| std::fs::rename(&part, whole))
            .map_or(1, |()| 0)
    }))
    .unwrap_or(PANICKED);
    // SAFETY: ends the process without running what the parent has registered for its own end.
    unsafe { libc::_exit(code) }
}

/// A group of its own, bounded memory, no input, no output, and an end when its parent ends.
fn settle(errors: &File, limits: Limits) {
    group::lead_from_outside(0);
    let nothing = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .ok();
    // SAFETY: system calls on descriptors that are open, and on limits that live through the call.
    unsafe {
        if let Some(nothing) = &nothing {
            libc::dup2(nothing.as_raw_fd(), 0);
            libc::dup2(nothing.as_raw_fd(), 1);
        }
        libc::dup2(errors.as_raw_fd(), 2);
        let core = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const core);
        #[cfg(target_os = "linux")]
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    if let Some(bytes) = limits.memory {
        // A system without this limit bounds nothing.
        let _ = group::limit_memory_of(0, bytes);
    }
}

/// A pipe whose reading end never waits; neither end passes to a started program.
fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: a place for two descriptors, which are then owned by the files and by nobody else.
    let (read, write) = unsafe {
        if libc::pipe(ends.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        for end in ends {
            libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        libc::fcntl(ends[0], libc::F_SETFL, libc::O_NONBLOCK);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    };
    Ok((read, write))
}

/// Waits until a child says something or closes its standard error, as every child does at its end,
/// but no longer than a tick.
fn wait_for_news<'a>(children: impl Iterator<Item = &'a Forked>) {
    let mut pipes: Vec<libc::pollfd> = children
        .filter_map(|child| child.errors.as_ref())
        .map(|pipe| libc::pollfd {
            fd: pipe.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // SAFETY: the list lives through the call, and its length is its own.
    unsafe {
        libc::poll(
            pipes.as_mut_ptr(),
            pipes.len() as libc::nfds_t,
            TICK.as_millis() as i32,
        );
    }
}
