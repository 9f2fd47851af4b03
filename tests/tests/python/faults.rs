//! Mistakes of authors: each one clear line, and no process is left.

use super::driven::{python, start, step};
use super::{Needs, Outcome, Part, says};
use serde_json::json;
use ssl_plugin_api::{Fault, FaultKind};
use std::time::{Duration, Instant};

const FRAMEWORK: &str = "mistaken:Mistaken";

pub const MISTAKES: Part = Part {
    name: "exceptions_are_one_line_with_the_authors_place",
    frameworks: FRAMEWORK,
    needs: Needs::Torch,
    run: mistakes,
};

pub const CRASHES: Part = Part {
    name: "a_worker_that_dies_is_named_with_its_signal",
    frameworks: FRAMEWORK,
    needs: Needs::Torch,
    run: crashes,
};

pub const HANGS: Part = Part {
    name: "a_worker_that_hangs_is_ended_at_the_limit",
    frameworks: FRAMEWORK,
    needs: Needs::Torch,
    run: hangs,
};

/// `mistaken.py:LINE` of the line with this mark.
pub fn place(mark: &str) -> String {
    let source = include_str!("../../python/mistaken.py");
    let line = source
        .lines()
        .position(|line| line.ends_with(&format!("  # {mark}")));
    format!(
        "mistaken.py:{}",
        line.expect("the fixture has the mark") + 1
    )
}

/// The fault of the second of two steps; of the first call that fails.
pub fn fault(mistake: &str) -> Result<Fault, String> {
    let plugin = python()?;
    let mut instance = match start(&plugin, "mistaken", &json!({ "mistake": mistake })) {
        Ok(instance) => instance,
        Err(fault) => return Ok(fault),
    };
    match step(&mut instance, 0) {
        Ok(output) => Err(format!(
            "{mistake}: expected a fault, found a loss of {}",
            output.loss
        )),
        Err(fault) => Ok(fault),
    }
}

fn mistakes() -> Outcome {
    let raises = place("raises");
    let shapes = place("shapes");
    for (mistake, kind, words) in [
        (
            "raises",
            FaultKind::Internal,
            vec!["KeyError", "lost", &raises, "in loss"],
        ),
        (
            "shapes",
            FaultKind::Internal,
            vec!["RuntimeError", "mat1 and mat2", &shapes],
        ),
        (
            "nan",
            FaultKind::Numeric,
            vec!["expected a finite loss, found nan"],
        ),
        (
            "build",
            FaultKind::Internal,
            vec!["RuntimeError: no luck; in building", "in build"],
        ),
        (
            "dtype",
            FaultKind::Shape,
            vec!["parameter `head.weight`: expected float32, found torch.float64"],
        ),
        (
            "config",
            FaultKind::Config,
            vec!["`mistake`: expected another one, found config"],
        ),
        (
            "not-a-loss",
            FaultKind::Shape,
            vec!["expected a tensor with one element, found a tensor of shape [16, 4]"],
        ),
        ("nonsense", FaultKind::Config, vec!["`mistake`", "one of"]),
    ] {
        let found = fault(mistake)?;
        says(&found.message, &words)?;
        if found.kind != kind {
            return Err(format!(
                "{mistake}: expected a fault of kind {kind:?}, found {found:?}"
            ));
        }
    }
    no_child()
}

fn crashes() -> Outcome {
    let segfault = place("segfault");
    for (mistake, words) in [
        (
            "segfault",
            vec![
                "step: the worker process",
                "signal 11 (SIGSEGV",
                &segfault,
                "(loss)",
            ],
        ),
        (
            "exit",
            vec!["step: the worker process", "ended with exit code 3"],
        ),
    ] {
        let plugin = python()?;
        let words_of = |fault: Fault| fault.to_string();
        let config = json!({ "mistake": mistake });
        let mut instance = start(&plugin, "mistaken", &config).map_err(words_of)?;
        for _ in 0..2 {
            // The second call says the same as the first.
            let found = step(&mut instance, 0).err().ok_or("expected a fault")?;
            says(&found.message, &words)?;
            if found.kind != FaultKind::Panic {
                return Err(format!("{mistake}: expected a panic, found {found:?}"));
            }
        }
    }
    // Others are not touched.
    let plugin = python()?;
    let mut sound = start(&plugin, "mistaken", &json!({})).map_err(|fault| fault.to_string())?;
    step(&mut sound, 0).map_err(|fault| fault.to_string())?;
    drop(sound);
    no_child()
}

fn hangs() -> Outcome {
    if std::env::var_os("SSL_LOTTERY_PYTHON_LIMIT").is_none() {
        // Long enough to import torch on a busy machine.
        return super::again("SSL_LOTTERY_PYTHON_LIMIT", "40");
    }
    for mistake in ["hangs", "busy"] {
        let started = Instant::now();
        let found = fault(mistake)?;
        let place = place(mistake);
        let place = place.rsplit_once(':').map_or("", |(file, _)| file);
        says(
            &found.message,
            &[
                "step: expected an answer",
                "within 40 s",
                place,
                "SSL_LOTTERY_PYTHON_LIMIT",
            ],
        )?;
        if started.elapsed() > Duration::from_secs(400) {
            return Err(format!("{mistake}: expected it to be ended at the limit"));
        }
    }
    no_child()
}

/// A fault if this process has a child.
#[expect(unsafe_code, reason = "children are asked for by a system call")]
pub fn no_child() -> Outcome {
    // SAFETY: asks for any child, waits for none and takes no status.
    let child = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    if child == -1 {
        return Ok(());
    }
    Err("expected no child of this process, found one".to_owned())
}
