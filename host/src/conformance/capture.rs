//! What code writes to the process's standard output and error.
#![expect(unsafe_code, reason = "descriptors are redirected by system calls")]

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsRawFd as _;

/// Bytes that are kept of each.
const KEPT: u64 = 64 << 10;

/// What `work` gives, and what was written to standard output and error meanwhile, by C's buffered
/// writers too.
///
/// # Errors
/// When the system gives no file for it.
pub fn captured<T>(work: impl FnOnce() -> T) -> io::Result<(T, String, String)> {
    let (out, error) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let redirected = (Redirected::to(1, &out)?, Redirected::to(2, &error)?);
    let given = work();
    // SAFETY: a null pointer means every writer of the C library.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    drop(redirected);
    Ok((given, text(out)?, text(error)?))
}

/// A descriptor that goes elsewhere until this is dropped.
struct Redirected {
    descriptor: i32,
    before: i32,
}

impl Redirected {
    fn to(descriptor: i32, file: &File) -> io::Result<Self> {
        // SAFETY: duplicates descriptors that are open.
        let before = unsafe { libc::dup(descriptor) };
        // SAFETY: as above.
        if before < 0 || unsafe { libc::dup2(file.as_raw_fd(), descriptor) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { descriptor, before })
    }
}

impl Drop for Redirected {
    fn drop(&mut self) {
        // SAFETY: puts back and closes what `to` has duplicated, once.
        unsafe {
            libc::dup2(self.before, self.descriptor);
            libc::close(self.before);
        }
    }
}

fn text(mut file: File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(KEPT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
