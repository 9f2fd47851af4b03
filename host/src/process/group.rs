//! Process groups and limits of the system, which only C reaches.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "signals and limits are system calls")
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

/// Makes the command's process the leader of a group of its own, which ends when this process does. The
/// thread that starts it must live as long as the child: the system watches that.
pub(super) fn lead(command: &mut Command) {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        // SAFETY: what runs between fork and exec makes two system calls and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // The parent may have ended before the call.
                if u32::try_from(libc::getppid()) == Ok(parent) {
                    Ok(())
                } else {
                    Err(io::ErrorKind::BrokenPipe.into())
                }
            });
        }
    }
}

/// Whether the process is stopped (SIGSTOP, a debugger): it is silent, and lives. Elsewhere than on
/// Linux nobody tells.
pub(super) fn is_stopped(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    // The name in brackets may hold anything.
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| state.starts_with(['T', 't']))
}

/// Makes a process that was forked the leader of a group of its own: the process itself (0), or one
/// of its parent's children.
pub(super) fn lead_from_outside(pid: i32) {
    // SAFETY: takes two numbers and touches no memory. It fails where the other one of parent and
    // child was first, or the child has ended; both are as well.
    unsafe { libc::setpgid(pid, 0) };
}

/// Ends every process of the child's group; `true` if there was one. The child may have been waited
/// for: the system gives a group's number to nobody else while a process is in it.
pub(super) fn kill(child: &Child) -> bool {
    i32::try_from(child.id()).is_ok_and(kill_group)
}

/// Ends every process of the group that `leader` leads; `true` if there was one.
pub(super) fn kill_group(leader: i32) -> bool {
    // SAFETY: `kill` takes two numbers and touches no memory of this process. The group is a child's
    // own, so this process is not in it.
    unsafe { libc::kill(-leader, libc::SIGKILL) == 0 }
}

/// Bounds the memory that the child may ask for, in bytes. Elsewhere than on Linux nothing is
/// bounded.
pub(super) fn limit_memory(child: &Child, bytes: u64) -> io::Result<()> {
    limit_memory_of(i32::try_from(child.id()).map_err(io::Error::other)?, bytes)
}

/// As [`limit_memory`], of a process by its number; 0 is this one.
pub(super) fn limit_memory_of(pid: i32, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: bytes,
        };
        // SAFETY: `limit` is a whole `rlimit` that lives through the call, and no old limit is asked
        // for, which a null pointer says.
        let result = unsafe { libc::prlimit(pid, libc::RLIMIT_DATA, &limit, std::ptr::null_mut()) };
        if result != 0 {
            let error = io::Error::last_os_error();
            // A child that has ended already needs no limit.
            return match error.raw_os_error() {
                Some(libc::ESRCH) => Ok(()),
                _ => Err(error),
            };
        }
    }
    let _ = (pid, bytes);
    Ok(())
}
