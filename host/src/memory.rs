//! How this process asks the system for memory (decision 0062).
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the C library's allocator is set through C")
)]

/// Free bytes at the end of the heap from which they go back to the system: 1 GiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 1 << 30;

/// Keeps large blocks that were freed, for the next layer's output, instead of returning each to the system
/// and having it cleared page by page when it is asked for again: a fifth of a forward pass of ResNet-50 on
/// the CPU. Costs up to a gibibyte that is held though free.
///
/// To be called once, before anything large is allocated. Only the GNU C library on Linux is told; elsewhere
/// this does nothing.
pub fn keep_freed() {
    // SAFETY: `mallopt` changes two numbers of the allocator, both within the ranges it documents; it may be
    // called at any time and refuses what it does not know.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        // No block is mapped on its own, however large.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}
