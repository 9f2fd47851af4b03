//! How cells share the machine's cores.

use crate::config::Benchmark;
use crate::device::DeviceName;
use std::ffi::OsStr;
use std::process::Command;
use std::thread;

/// The cores that this process may use.
fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Threads that load a cell's images: what the benchmark asks for, or else a quarter of the cores, for on
/// a CPU the network has nearly all the work; with a GPU the loader has it, and gets them all.
pub(super) fn workers(bench: &Benchmark) -> usize {
    let usual = match bench.pretrain.device {
        DeviceName::Cpu => available() / 4,
        DeviceName::Cuda(_) => available(),
    };
    bench.pretrain.workers.unwrap_or(usual.max(1))
}

/// What to say when `cells` cells side by side compute with more threads than there are cores.
#[must_use]
pub fn crowded(bench: &Benchmark, cells: usize) -> Option<String> {
    crowd(
        available(),
        bench.run.parallel.min(cells),
        bench.pretrain.threads,
    )
}

/// How many of `cells` cells compute side by side without waiting for each other.
pub(super) fn side_by_side(bench: &Benchmark, cells: usize) -> usize {
    let fit = match bench.pretrain.device {
        DeviceName::Cpu => (available() / bench.pretrain.threads.max(1)).max(1),
        DeviceName::Cuda(_) => 1,
    };
    bench.run.parallel.min(cells).min(fit)
}

fn crowd(cores: usize, parallel: usize, threads: usize) -> Option<String> {
    let wanted = parallel * threads;
    (parallel > 1 && wanted > cores).then(|| {
        format!(
            "{parallel} cells at once with {threads} threads each compute with {wanted} threads on {cores} cores, \
             which is slower than one thread for each core; set pretrain.threads to {} or lower run.parallel",
            (cores / parallel).max(1)
        )
    })
}

/// Lets a cell's threads sleep soon when they wait for each other. By default those of GNU OpenMP
/// spin for milliseconds first; on a machine that has other work they spin in the time of the thread
/// that they wait for. If the user has set one of the variables, it is kept.
pub(super) fn wait_politely(command: &mut Command) {
    wait_politely_unless(command, |name| std::env::var_os(name).is_some());
}

const WAITING: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];

fn wait_politely_unless(command: &mut Command, is_set: impl Fn(&OsStr) -> bool) {
    if !WAITING.iter().any(|name| is_set(OsStr::new(name))) {
        command.env(WAITING[0], "1000");
    }
}

/// Tells a cell's plugin with how many threads this cell computes; one that computes in a process of its own, as
/// frameworks in Python do, cannot ask libtorch.
pub(super) fn tell_threads(command: &mut Command, threads: usize) {
    command.env("SSL_LOTTERY_THREADS", threads.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oversubscribed_cores_are_a_warning() {
        assert_eq!(crowd(2, 2, 1), None);
        assert_eq!(crowd(8, 1, 8), None);
        let note = crowd(8, 4, 8).unwrap_or_default();
        assert!(note.contains("32 threads on 8 cores"), "{note}");
        assert!(note.contains("pretrain.threads to 2 "), "{note}");
        let note = crowd(2, 3, 1).unwrap_or_default();
        assert!(note.contains("pretrain.threads to 1 "), "{note}");
    }

    #[test]
    fn openmp_wait_policy_of_the_environment_is_kept() {
        let set = |already: &str| {
            let mut command = Command::new("cell");
            wait_politely_unless(&mut command, |name| name == already);
            command.get_envs().count()
        };
        assert_eq!(set("GOMP_SPINCOUNT"), 0);
        assert_eq!(set("OMP_WAIT_POLICY"), 0);
        assert_eq!(set("OMP_NUM_THREADS"), 1);
    }

    #[test]
    fn a_cell_is_told_its_threads() {
        let mut command = Command::new("cell");
        tell_threads(&mut command, 3);
        let told: Vec<_> = command.get_envs().collect();
        assert_eq!(
            told,
            [(OsStr::new("SSL_LOTTERY_THREADS"), Some(OsStr::new("3")))]
        );
    }
}
