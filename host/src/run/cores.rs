//! How cells share the machine's cores.

use crate::config::Bench;
use std::ffi::OsStr;
use std::process::Command;
use std::thread;

/// Threads of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threads {
    /// That load images.
    pub(super) workers: usize,
    /// That libtorch computes with.
    pub(super) compute: usize,
}

/// The cores that this process may use.
fn available() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What the benchmark asks for, defaults filled in.
pub(super) fn threads(bench: &Bench) -> Threads {
    let usual = usual(available(), bench.pretrain.device != "cpu");
    Threads {
        workers: bench.pretrain.workers.unwrap_or(usual.workers),
        compute: bench.pretrain.threads.unwrap_or(usual.compute),
    }
}

/// One side does nearly all the work: on a CPU the network, on a GPU's host the loader. That side
/// gets a thread for each core, the other one for every fourth.
fn usual(cores: usize, gpu: bool) -> Threads {
    let (most, few) = (cores.max(1), (cores / 4).max(1));
    match gpu {
        false => Threads {
            workers: few,
            compute: most,
        },
        true => Threads {
            workers: most,
            compute: few,
        },
    }
}

/// What to say when `cells` cells side by side compute with more threads than there are cores.
#[must_use]
pub fn crowded(bench: &Bench, cells: usize) -> Option<String> {
    crowd(
        available(),
        bench.run.parallel.min(cells),
        threads(bench).compute,
    )
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
/// that they wait for. Whoever has set one of the variables keeps what was set.
pub(super) fn wait_politely(command: &mut Command) {
    wait_politely_unless(command, |name| std::env::var_os(name).is_some());
}

const WAITING: [&str; 2] = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"];

fn wait_politely_unless(command: &mut Command, is_set: impl Fn(&OsStr) -> bool) {
    if !WAITING.iter().any(|name| is_set(OsStr::new(name))) {
        command.env(WAITING[0], "1000");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_never_reach_twice_the_cores() {
        for cores in 1..=256 {
            for gpu in [false, true] {
                let Threads { workers, compute } = usual(cores, gpu);
                assert!(workers >= 1 && compute >= 1);
                assert!(workers.max(compute) == cores);
                assert!(cores < 2 || workers + compute < 2 * cores, "{cores}");
            }
        }
    }

    #[test]
    fn more_threads_than_cores_are_told() {
        assert_eq!(crowd(2, 2, 1), None);
        assert_eq!(crowd(8, 1, 8), None);
        let note = crowd(8, 4, 8).unwrap_or_default();
        assert!(note.contains("32 threads on 8 cores"), "{note}");
        assert!(note.contains("pretrain.threads to 2 "), "{note}");
        let note = crowd(2, 3, 1).unwrap_or_default();
        assert!(note.contains("pretrain.threads to 1 "), "{note}");
    }

    #[test]
    fn a_wait_policy_of_the_users_is_kept() {
        let set = |already: &str| {
            let mut command = Command::new("cell");
            wait_politely_unless(&mut command, |name| name == already);
            command.get_envs().count()
        };
        assert_eq!(set("GOMP_SPINCOUNT"), 0);
        assert_eq!(set("OMP_WAIT_POLICY"), 0);
        assert_eq!(set("OMP_NUM_THREADS"), 1);
    }
}
