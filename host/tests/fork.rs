//! Children forked from a process with libtorch: without a harness, whose threads would forbid it.
#![expect(clippy::unwrap_used, reason = "tests")]

use ssl_host::process::{Limits, NoAnswer, fork_each, fork_one, may_fork};
use std::time::{Duration, Instant};

const LONG: Limits = Limits {
    stall: None,
    total: Some(Duration::from_secs(120)),
    memory: None,
};

fn main() {
    tests::answers_come_back_and_libtorch_computes_in_each_child();
    tests::an_end_without_an_answer_is_told_with_the_last_words();
    tests::a_child_that_takes_too_long_ends_with_what_it_started();
    tests::memory_is_bounded();
    tests::a_twin_of_the_child_answers_nothing();
    tests::a_process_with_threads_does_not_fork();
}

mod tests {
    use super::*;

    pub(super) fn answers_come_back_and_libtorch_computes_in_each_child() {
        assert!(may_fork(), "libtorch has not started threads");
        let mut answers = Vec::new();
        let sum = |n: &i64| {
            // Large enough for libtorch to compute with all its threads.
            let ones = tch::Tensor::ones([1000, 1000], tch::kind::FLOAT_CPU);
            println!("noise");
            *n + ones.matmul(&ones).mean(tch::Kind::Float).int64_value(&[])
        };
        let done = |n: i64, answer: Result<i64, NoAnswer>| answers.push((n, answer.unwrap()));
        fork_each(0..6, 2, |_| LONG, sum, done).unwrap();
        answers.sort_unstable();
        assert_eq!(answers, (0..6).map(|n| (n, n + 1000)).collect::<Vec<_>>());
    }

    pub(super) fn an_end_without_an_answer_is_told_with_the_last_words() {
        let told = |work: fn()| fork_one(LONG, work).unwrap_err().to_string();
        let panicked = told(|| panic!("of old age"));
        assert!(
            panicked.contains("exit code 101 before it answered"),
            "{panicked}"
        );
        let exited = told(|| {
            eprintln!("goodbye");
            std::process::exit(0)
        });
        assert!(
            exited.ends_with("exit code 0 before it answered: goodbye"),
            "{exited}"
        );
        let aborted = told(|| std::process::abort());
        assert!(aborted.contains("signal 6 (SIGABRT)"), "{aborted}");
    }

    pub(super) fn a_child_that_takes_too_long_ends_with_what_it_started() {
        let short = Limits {
            total: Some(Duration::from_millis(300)),
            ..LONG
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let begun = Instant::now();
        let error = fork_one(short, || {
            let mut grandchild = std::process::Command::new("sleep")
                .arg("600")
                .spawn()
                .unwrap();
            std::fs::write(&path, grandchild.id().to_string()).unwrap();
            let _ended = grandchild.wait();
        });
        assert!(
            matches!(error, Err(NoAnswer::TookTooLong { .. })),
            "{error:?}"
        );
        let pid = std::fs::read_to_string(file.path()).unwrap();
        let gone = || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.contains(") Z"),
            Err(_) => true,
        };
        while !gone() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(gone(), "process {pid} is still there");
    }

    pub(super) fn memory_is_bounded() {
        let small = Limits {
            memory: Some(2 << 30),
            ..LONG
        };
        // Seen by nobody, the memory would not be asked for.
        let filled = |bytes: usize| move || std::hint::black_box(vec![1_u8; bytes]).len();
        let error = fork_one(small, filled(8 << 30)).unwrap_err();
        assert!(matches!(error, NoAnswer::Ended { .. }), "{error}");
        assert_eq!(fork_one(small, filled(8 << 20)).unwrap(), 8 << 20);
    }

    #[expect(unsafe_code, reason = "what a plugin may do")]
    pub(super) fn a_twin_of_the_child_answers_nothing() {
        let answer = fork_one(LONG, || {
            // SAFETY: both go on from here as one process of one thread would; the child waits for
            // its twin and then ends without an answer of its own.
            unsafe {
                let twin = libc::fork();
                if twin != 0 {
                    libc::waitpid(twin, std::ptr::null_mut(), 0);
                    libc::_exit(0);
                }
            }
        });
        let error = answer.expect_err("the answer of the twin").to_string();
        assert!(error.contains("before it answered"), "{error}");
    }

    pub(super) fn a_process_with_threads_does_not_fork() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || wait.recv());
        assert!(!may_fork());
        let error = fork_one(LONG, || 1).unwrap_err().to_string();
        assert!(error.contains("one thread"), "{error}");
        drop(go);
        let _ = thread.join();
    }
}
