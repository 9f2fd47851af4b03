//! One process with the author's Python: started, asked, ended.

#![expect(
    unsafe_code,
    reason = "a child is prepared between fork and exec, and sent a signal"
)]

use crate::memory::{Memory, anonymous};
use crate::{death, frame, interpreter, services};
use serde_json::{Value, json};
use ssl_plugin_api::{Fault, FaultKind, SharedServices};
use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What runs before the package is known to be there.
const BOOT: &str = include_str!("boot.py");
/// The messages' version, as the package's `_worker.PROTOCOL`.
const PROTOCOL: u64 = 1;
/// How long a call may take unless the user says otherwise.
const LIMIT: Duration = Duration::from_secs(600);
/// How long a worker may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// A process with an interpreter in it.
pub struct Worker {
    python: PathBuf,
    child: Child,
    socket: UnixStream,
    /// Shared memory.
    pub memory: Memory,
    crash: File,
    /// Its closing ends the worker: the system sends the signal, whatever the worker is doing.
    _life: OwnedFd,
    /// The process that started it; a fork of that one has no part in the worker.
    owner: u32,
    limit: Limit,
    /// What is wrong with it for good.
    broken: Option<Fault>,
}

/// What an interpreter says before anything is imported.
pub struct Declared {
    /// Frameworks: `module:Class`, and who says so.
    pub frameworks: Vec<(String, String)>,
    /// Where it looks for modules.
    pub paths: Vec<PathBuf>,
}

/// How long a call may take.
#[derive(Clone, Copy)]
pub struct Limit {
    /// Nothing for no limit.
    time: Option<Duration>,
    /// What to do where it is too short.
    advice: &'static str,
}

impl Limit {
    /// This limit, or `most` where that is shorter and no variable can make it longer.
    pub fn at_most(self, most: Duration, advice: &'static str) -> Self {
        match self.time {
            Some(time) if time <= most => self,
            _ => Self {
                time: Some(most),
                advice,
            },
        }
    }
}

/// `SSL_LOTTERY_PYTHON_LIMIT`, in seconds; 0 for none.
pub fn limit() -> Result<Limit, Fault> {
    let of = |time| Limit {
        time,
        advice: "set SSL_LOTTERY_PYTHON_LIMIT to more seconds, or to 0 for no limit",
    };
    let Ok(text) = std::env::var("SSL_LOTTERY_PYTHON_LIMIT") else {
        return Ok(of(Some(LIMIT)));
    };
    match text.trim().parse::<f64>() {
        Ok(0.0) => Ok(of(None)),
        Ok(seconds) if seconds > 0.0 && seconds < 1e9 => {
            Ok(of(Some(Duration::from_secs_f64(seconds))))
        }
        _ => Err(Fault::config(format!(
            "SSL_LOTTERY_PYTHON_LIMIT: expected seconds for a call, 0 for no limit, found {text:?}"
        ))),
    }
}

impl Worker {
    /// Starts an interpreter and hears what it has; torch is not imported yet.
    pub fn start(python: &Path, limit: Limit) -> Result<(Self, Declared), Fault> {
        let failed = |error: io::Error| Fault::internal(format!("{}: {error}", python.display()));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let (life_in_worker, life) = io::pipe().map_err(failed)?;
        let memory = Memory::new()?;
        let crash = anonymous(c"ssl-lottery-crash").map_err(failed)?;
        let passed = [
            &theirs.as_raw_fd(),
            &memory.file().as_raw_fd(),
            &crash.as_raw_fd(),
        ];
        let mut command = Command::new(python);
        command.arg("-c").arg(BOOT);
        command.args(passed.map(ToString::to_string));
        command.arg(std::process::id().to_string());
        command.stdin(Stdio::null());
        // Standard output belongs to the host's results: what an author prints goes to standard error.
        command.stdout(io::stderr());
        if let Some(path) = interpreter::library_path() {
            command.env("LD_LIBRARY_PATH", path);
        }
        let passed = passed.map(|fd| *fd);
        let life_fd = life_in_worker.as_raw_fd();
        // SAFETY: the first two calls take nothing; `prepare` makes system calls only.
        unsafe {
            let is_main_thread = libc::gettid() == libc::getpid();
            command.pre_exec(move || prepare(&passed, life_fd, is_main_thread));
        }
        let child = command.spawn().map_err(failed)?;
        let mut worker = Self {
            python: python.to_owned(),
            child,
            socket: ours,
            memory,
            crash,
            _life: life.into(),
            owner: std::process::id(),
            limit,
            broken: None,
        };
        drop((theirs, life_in_worker));
        let said = worker.hear("start")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |name: &str| said[name].as_array().cloned().unwrap_or_default();
        let frameworks = list("declared");
        let frameworks = frameworks
            .iter()
            .filter_map(|it| Some((text(&it[0])?, text(&it[1])?)));
        let declared = Declared {
            frameworks: frameworks.collect(),
            paths: list("paths")
                .iter()
                .filter_map(text)
                .map(PathBuf::from)
                .collect(),
        };
        Ok((worker, declared))
    }

    /// Waits until package and torch are imported.
    pub fn ready(&mut self) -> Result<(), Fault> {
        let said = self.hear("import")?;
        if said["protocol"] == PROTOCOL {
            return Ok(());
        }
        Err(Fault::internal(format!(
            "expected a package ssl_lottery with messages of version {PROTOCOL} in {}, found version {}: install the \
             package of this host's version",
            self.python.display(),
            said["protocol"]
        )))
    }

    /// Whether this very process started it.
    pub fn is_own(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Whether it can be asked more.
    pub const fn is_whole(&self) -> bool {
        self.broken.is_none()
    }

    /// Asks for `op`, serves what the framework asks of the host meanwhile, and gives the answer.
    pub fn ask(
        &mut self,
        op: &str,
        mut request: Value,
        host: Option<&SharedServices>,
    ) -> Result<Value, Fault> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone());
        }
        request["op"] = json!(op);
        self.tell(op, &request)?;
        loop {
            let said = self.hear(op)?;
            let Some(call) = said["call"].as_str() else {
                return Ok(said);
            };
            let answer = services::serve(call, &said, &mut self.memory, host);
            let answer = answer.unwrap_or_else(
                |fault| json!({ "fault": { "kind": fault.kind.name(), "text": fault.message } }),
            );
            self.tell(op, &answer)?;
        }
    }

    fn tell(&mut self, op: &str, message: &Value) -> Result<(), Fault> {
        let sent = self
            .socket
            .set_write_timeout(self.limit.time)
            .and_then(|()| frame::write(&mut self.socket, message));
        sent.map_err(|error| self.lost(op, &error))
    }

    /// The next message; a fault of the worker's is one here.
    fn hear(&mut self, op: &str) -> Result<Value, Fault> {
        let mut socket = Patient {
            socket: &self.socket,
            until: self.limit.time.map(|limit| Instant::now() + limit),
        };
        let said = match frame::read(&mut socket) {
            Ok(Some(said)) => said,
            Ok(None) => return Err(self.lost(op, &io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(self.lost(op, &error)),
        };
        self.memory.hear(&said);
        let fault = &said["fault"];
        if let Some(text) = fault["text"].as_str() {
            let kind = FaultKind::ALL
                .into_iter()
                .find(|kind| fault["kind"] == kind.name());
            return Err(Fault::new(kind.unwrap_or(FaultKind::Internal), text));
        }
        Ok(said)
    }

    /// What to say when the worker does not answer. It is ended, and every later call says the same.
    fn lost(&mut self, op: &str, error: &io::Error) -> Fault {
        let late = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        );
        let garbled = error.kind() == io::ErrorKind::InvalidData;
        if late {
            // Python's fault handler writes down where it is, and the process ends.
            self.signal(libc::SIGABRT);
        }
        let status = self.end(if late || !garbled {
            GRACE
        } else {
            Duration::ZERO
        });
        let place = death::place(&mut self.crash);
        let worker = format!("the worker process ({})", self.python.display());
        let message = if late {
            let Limit { time, advice } = self.limit;
            let seconds = time.unwrap_or_default().as_secs_f64();
            format!(
                "{op}: expected an answer of {worker} within {seconds} s, found none{place}; {advice}"
            )
        } else if garbled {
            format!("{op}: {error}, from {worker}")
        } else {
            let end = status.map_or_else(|error| format!("is lost ({error})"), death::words);
            format!("{op}: {worker} {end}{place}")
        };
        let fault = Fault::new(FaultKind::Panic, message);
        self.broken = Some(fault.clone());
        fault
    }

    fn signal(&self, signal: i32) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // SAFETY: takes two numbers. The child has not been waited for, so its number is still its own.
            unsafe { libc::kill(pid, signal) };
        }
    }

    /// Waits for the worker's end, and brings it about where it takes longer than `grace`.
    fn end(&mut self, grace: Duration) -> io::Result<std::process::ExitStatus> {
        let _closed = self.socket.shutdown(Shutdown::Both);
        let until = Instant::now() + grace;
        let mut pause = Duration::from_micros(200);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_own() {
            let _status = self.end(GRACE);
        }
    }
}

/// Between fork and exec: what is passed stays open, and the worker's end is tied to the host's in two ways. The
/// signal on the parent's death is sent when the *thread* that forked ends, so it is asked for only from the main
/// thread, which ends with its process. The pipe has no such limit; but a fork of the host that holds it, too, would
/// keep it open.
///
/// A worker that is ended leaves no picture of its memory on disk.
fn prepare(passed: &[RawFd], life: RawFd, is_main_thread: bool) -> io::Result<()> {
    let done = |result: i32| match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    };
    // SAFETY: system calls on numbers and on descriptors that are open here.
    unsafe {
        for fd in passed.iter().chain([&life]) {
            done(libc::fcntl(*fd, libc::F_SETFD, 0))?;
        }
        done(libc::fcntl(life, libc::F_SETOWN, libc::getpid()))?;
        done(libc::fcntl(life, F_SETSIG, libc::SIGKILL))?;
        let flags = libc::fcntl(life, libc::F_GETFL);
        done(libc::fcntl(life, libc::F_SETFL, flags | libc::O_ASYNC))?;
        if is_main_thread {
            done(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        }
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        done(libc::setrlimit(libc::RLIMIT_CORE, &raw const none))?;
    }
    Ok(())
}

/// Which signal a descriptor sends; not among the names of the crate `libc`.
const F_SETSIG: i32 = 10;

/// A socket that is read until a point in time.
struct Patient<'a> {
    socket: &'a UnixStream,
    until: Option<Instant>,
}

impl io::Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(left)?;
        io::Read::read(&mut self.socket, into)
    }
}
