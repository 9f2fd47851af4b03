//! A part of a benchmark's cells, for runs that divide them among machines.

use super::planned::{Elsewhere, PlannedCell};
use std::fmt;
use std::str::FromStr;

/// Shard `index` of `count`: each `count`-th cell of the plan, from number `index` on, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

/// Why something is no shard; one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It is not of the form I/N.
    #[error("expected I/N with I in 0..N, such as 0/4, found `{0}`")]
    Form(String),
    /// A variable of the environment is no number.
    #[error("expected a whole number in {name}, found `{found}`")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: String,
    },
    /// The tasks of an array are not numbered in even steps.
    #[error(
        "expected an array whose tasks are numbered in even steps, found task {task} of {count} from {min} by {step}; \
         pass --shard I/N, or --shard 0/1 for all cells"
    )]
    Array {
        /// This task.
        task: usize,
        /// Number of tasks.
        count: usize,
        /// The first task.
        min: usize,
        /// From one task to the next.
        step: usize,
    },
}

impl Shard {
    /// The shard that a scheduler's variables name: `SLURM_ARRAY_TASK_ID` with `SLURM_ARRAY_TASK_COUNT` (and
    /// `_MIN`, `_STEP`), or `JOB_COMPLETION_INDEX` with `JOB_COMPLETIONS`. `None` without them.
    ///
    /// # Errors
    /// [`ShardError`].
    pub fn of_environment() -> Result<Option<Self>, ShardError> {
        Self::of_variables(|name| std::env::var(name).ok())
    }

    fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ShardError> {
        let number = |name: &'static str| -> Result<Option<usize>, ShardError> {
            let parse = |found: String| match found.parse() {
                Ok(number) => Ok(number),
                Err(_) => Err(ShardError::Variable { name, found }),
            };
            variable(name).map(parse).transpose()
        };
        let task = number("SLURM_ARRAY_TASK_ID")?.zip(number("SLURM_ARRAY_TASK_COUNT")?);
        let Some((task, count)) = task else {
            let pod = number("JOB_COMPLETION_INDEX")?.zip(number("JOB_COMPLETIONS")?);
            return pod
                .map(|(index, count)| Self::try_new(index, count))
                .transpose();
        };
        let min = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
        let uneven = ShardError::Array {
            task,
            count,
            min,
            step,
        };
        let offset = task.checked_sub(min).filter(|offset| offset % step == 0);
        let index = offset.map(|offset| offset / step);
        match index.filter(|index| *index < count) {
            Some(index) => Ok(Some(Self { index, count })),
            None => Err(uneven),
        }
    }

    fn try_new(index: usize, count: usize) -> Result<Self, ShardError> {
        if index < count {
            Ok(Self { index, count })
        } else {
            Err(ShardError::Form(format!("{index}/{count}")))
        }
    }

    /// Leaves the cells of other shards to others.
    pub fn mark(self, cells: &mut [PlannedCell]) {
        let others = (cells.iter_mut().enumerate()).filter(|(place, _)| !self.has(*place));
        for (_, cell) in others {
            cell.elsewhere = Some(Elsewhere::Shard);
        }
    }

    const fn has(self, place: usize) -> bool {
        place % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/');
        let numbers =
            parts.and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        numbers
            .and_then(|(index, count)| Self::try_new(index, count).ok())
            .ok_or_else(|| ShardError::Form(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<String>, ShardError> {
        let found = Shard::of_variables(|name| {
            let entry = variables.iter().find(|(known, _)| *known == name);
            entry.map(|(_, value)| (*value).to_owned())
        });
        found.map(|shard| shard.map(|shard| shard.to_string()))
    }

    #[test]
    fn shards_divide_the_cells() {
        for count in 1..6 {
            let shards = (0..count).map(|index| Shard::try_new(index, count).unwrap());
            let shards: Vec<Shard> = shards.collect();
            for place in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.has(place)).count(), 1);
            }
        }
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        for wrong in ["3/3", "0/0", "-1/3", "1", "1/", "a/b", "1/3/4", ""] {
            let refused = wrong.parse::<Shard>().unwrap_err().to_string();
            assert!(
                refused.contains(wrong) && !refused.contains('\n'),
                "{refused}"
            );
        }
    }

    #[test]
    fn schedulers_name_shards_by_their_variables() {
        assert_eq!(of(&[]), Ok(None));
        // An array of one's own, without a count, and an ordinary job divide nothing.
        assert_eq!(of(&[("SLURM_ARRAY_TASK_ID", "1")]), Ok(None));
        let array = |task, count, min, step| {
            of(&[
                ("SLURM_ARRAY_TASK_ID", task),
                ("SLURM_ARRAY_TASK_COUNT", count),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_STEP", step),
            ])
        };
        assert_eq!(array("3", "4", "0", "1"), Ok(Some("3/4".to_owned())));
        assert_eq!(array("3", "3", "1", "1"), Ok(Some("2/3".to_owned())));
        assert_eq!(array("14", "3", "10", "4"), Ok(Some("1/3".to_owned())));
        for uneven in [array("7", "3", "1", "1"), array("3", "4", "0", "2")] {
            assert!(
                matches!(uneven, Err(ShardError::Array { .. })),
                "{uneven:?}"
            );
        }
        assert!(matches!(
            array("x", "3", "1", "1"),
            Err(ShardError::Variable { .. })
        ));
        let pod = |index| of(&[("JOB_COMPLETION_INDEX", index), ("JOB_COMPLETIONS", "2")]);
        assert_eq!(pod("1"), Ok(Some("1/2".to_owned())));
        assert!(pod("2").is_err());
    }
}
