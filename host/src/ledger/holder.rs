//! Who works in a folder: for people, and to tell one run from another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;

/// Variables that name a scheduler's job, first those that name it best.
const JOBS: [&str; 4] = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"];

/// A process, by what people find it with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of its host; of its pod, in one.
    pub host: String,
    /// Its number on the host.
    pub pid: u32,
    /// The scheduler's job that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        static JOB: OnceLock<Option<String>> = OnceLock::new();
        Self {
            host: system_text("/proc/sys/kernel/hostname"),
            pid: std::process::id(),
            job: JOB
                .get_or_init(|| job(|name| std::env::var(name).ok()))
                .clone(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)?;
        match &self.job {
            Some(job) => write!(f, " (job {job})"),
            None => Ok(()),
        }
    }
}

/// The job's number; with the task's, as the scheduler prints it, in an array.
fn job(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let array = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    array
        .map(|(job, task)| format!("{job}_{task}"))
        .or_else(|| JOBS.iter().find_map(|name| variable(name)))
}

/// A line that the system keeps about itself; empty where it keeps none.
pub(super) fn system_text(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_an_array_is_named_as_the_scheduler_names_it() {
        let set = |names: &'static [(&str, &str)]| {
            job(move |name| {
                let found = names.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let array = &[
            ("SLURM_JOB_ID", "19"),
            ("SLURM_ARRAY_JOB_ID", "17"),
            ("SLURM_ARRAY_TASK_ID", "2"),
        ];
        assert_eq!(set(array).as_deref(), Some("17_2"));
        assert_eq!(set(&array[..1]).as_deref(), Some("19"));
        assert_eq!(set(&[]), None);
    }
}
