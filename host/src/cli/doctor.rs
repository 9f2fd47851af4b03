//! `doctor`: checks this installation, and names the fix for each fault.

use super::exit::{Exit, Failure};
use super::plugins::{Format, look};
use crate::device::DeviceName;
use crate::libtorch::{self, CudaPart};
use crate::plugins;
use crate::process::MemoryBound;
use crate::terminal::outln;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// Check libtorch, devices, plugin directories and data, and name the fix for each fault
#[derive(Args, Debug)]
pub struct Doctor {
    /// A further directory with plugins (repeatable)
    #[arg(long, value_name = "DIR", value_parser = super::folder)]
    plugin_dir: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One line of the report.
#[derive(Serialize)]
struct Finding {
    /// Whether what is needed is there; what only could be better has a fix all the same.
    ok: bool,
    what: &'static str,
    text: String,
    fix: Option<&'static str>,
}

impl Doctor {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let mut findings = vec![check_libtorch(), check_devices(), check_memory()];
        findings.extend(self.check_plugin_directories());
        findings.extend(self.check_plugins());
        findings.push(check_data());
        match self.format {
            Format::Json => outln!("{:#}", serde_json::json!(findings)),
            Format::Text => findings.iter().for_each(Finding::print),
        }
        let failed = findings.iter().any(|finding| !finding.ok);
        Ok(if failed {
            Exit::ChecksFailed
        } else {
            Exit::Done
        })
    }

    /// How many frameworks there are, and every file that was refused.
    fn check_plugins(&self) -> Vec<Finding> {
        let registry = look(&self.plugin_dir, plugins::LIMIT);
        let directories = plugins::directories(&self.plugin_dir);
        let found = Finding {
            ok: true,
            what: "plugins",
            text: format!("{} frameworks", registry.candidates.len()),
            fix: None,
        };
        let refused = registry
            .refused
            .into_iter()
            // Directories have a finding of their own.
            .filter(|refused| directories.iter().all(|it| it.path != refused.path))
            .map(|refused| Finding {
                ok: false,
                what: "plugins",
                text: format!("refused {}", refused.reason),
                fix: Some("build the plugin anew for this version, or remove the file"),
            });
        std::iter::once(found).chain(refused).collect()
    }

    fn check_plugin_directories(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = plugins::directories(&self.plugin_dir)
            .into_iter()
            .map(|directory| {
                let readable = std::fs::read_dir(&directory.path).is_ok();
                Finding {
                    ok: readable,
                    what: "plugins",
                    text: format!("{} ({})", directory.path.display(), directory.origin),
                    fix: (!readable).then_some("make the directory, or take it off the list"),
                }
            })
            .collect();
        if findings.is_empty() {
            findings.push(Finding {
                ok: false,
                what: "plugins",
                text: "no directory to look in".to_owned(),
                fix: Some("give one with --plugin-dir or SSL_LOTTERY_PLUGINS"),
            });
        }
        findings
    }
}

impl Finding {
    fn print(&self) {
        let mark = match (self.ok, self.fix) {
            (true, None) => "ok  ",
            (true, Some(_)) => "warn",
            (false, _) => "FAIL",
        };
        outln!("{mark} {:<8} {}", self.what, self.text);
        if let Some(fix) = self.fix {
            outln!("     {:<8} fix: {fix}", "");
        }
    }
}

fn check_libtorch() -> Finding {
    let (ok, text, fix) = match (libtorch::check(), libtorch::loaded()) {
        (Err(wrong), _) => (false, wrong.to_string(), Some(libtorch::FIX)),
        (Ok(()), Some(found)) => {
            let place = found.path.display();
            match found.version {
                Some(version) => (true, format!("{version} ({place})"), None),
                None => (
                    true,
                    format!("unknown version ({place})"),
                    Some(libtorch::FIX),
                ),
            }
        }
        (Ok(()), None) => {
            let text = "linked; this platform does not report its file";
            (true, text.to_owned(), None)
        }
    };
    Finding {
        ok,
        what: "libtorch",
        text,
        fix,
    }
}

fn check_devices() -> Finding {
    let gpus = tch::Cuda::device_count();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = match (libtorch::cuda_part(), gpus) {
        (CudaPart::Refused(why), _) => {
            format!("cpu ({cores} cores); libtorch's CUDA part cannot be loaded: {why}")
        }
        (_, 0) => format!("cpu ({cores} cores); no CUDA device is visible to libtorch"),
        (_, n) => {
            let [first, last] = [0, n - 1].map(|n| DeviceName::Cuda(n as u16));
            format!("cpu ({cores} cores), {first} to {last}")
        }
    };
    let refused = matches!(libtorch::cuda_part(), CudaPart::Refused(_));
    Finding {
        ok: true,
        what: "devices",
        text,
        fix: refused.then_some(
            "install CUDA's libraries of the release that this libtorch was built for, or set LD_LIBRARY_PATH to theirs",
        ),
    }
}

fn check_memory() -> Finding {
    let text = match MemoryBound::here() {
        bound @ MemoryBound::ControlGroup => {
            format!("`run.memory` bounds a cell and all that it starts together, by {bound}")
        }
        bound @ MemoryBound::RlimitData => format!(
            "`run.memory` bounds each process of a cell on its own, by {bound}; no control group (v2) with the memory controller can be made here"
        ),
    };
    Finding {
        ok: true,
        what: "memory",
        text,
        fix: None,
    }
}

fn check_data() -> Finding {
    let what = "data";
    match std::env::var_os("SSL_LOTTERY_DATA").map(PathBuf::from) {
        None => Finding {
            ok: true,
            what,
            text: "SSL_LOTTERY_DATA is not set; only benchmarks on `shapes` or absolute paths work"
                .to_owned(),
            fix: None,
        },
        Some(path) => {
            let there = path.is_dir();
            Finding {
                ok: there,
                what,
                text: format!("SSL_LOTTERY_DATA={}", path.display()),
                fix: (!there).then_some("point SSL_LOTTERY_DATA at a directory that exists"),
            }
        }
    }
}
