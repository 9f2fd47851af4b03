//! What a check is, and the list of all of them.

use super::subject::{Library, Subject};
use super::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// What a check is about.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Opening the library.
    Load,
    /// What a framework says about itself.
    Describe,
    /// Values of its keys.
    Configuration,
    /// Order of calls, threads, memory.
    LifeCycle,
    /// Loss and gradients.
    Mathematics,
    /// Parameters and state, saved and loaded.
    State,
    /// Several ranks.
    Ranks,
    /// Whether a backbone learns.
    Learning,
}

impl Group {
    /// All groups, in the order in which their checks run.
    pub const ALL: [Self; 8] = [
        Self::Load,
        Self::Describe,
        Self::Configuration,
        Self::LifeCycle,
        Self::Mathematics,
        Self::State,
        Self::Ranks,
        Self::Learning,
    ];

    /// The group's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Describe => "describe",
            Self::Configuration => "configuration",
            Self::LifeCycle => "life-cycle",
            Self::Mathematics => "mathematics",
            Self::State => "state",
            Self::Ranks => "ranks",
            Self::Learning => "learning",
        }
    }
}

/// What a check runs on.
#[derive(Clone, Copy)]
pub enum Run {
    /// The library as a whole, which is not open yet.
    Library(fn(&Library) -> Verdict),
    /// One framework of it.
    Framework(fn(&Subject) -> Verdict),
}

/// One check.
pub struct Definition {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// From 1, what every plugin must do to be opened, to 4, what takes long.
    pub level: u8,
    /// One sentence: what holds.
    pub says: &'static str,
    /// Why it matters, in a sentence or two.
    pub why: &'static str,
    /// How to mend a failure.
    pub mend: &'static str,
    /// The check itself.
    pub run: Run,
}

inventory::collect!(Definition);

/// The highest level.
pub const HIGHEST: u8 = 4;

/// Every check: by group, then level, then id.
#[must_use]
pub fn definitions() -> Vec<&'static Definition> {
    let mut all: Vec<&Definition> = inventory::iter::<Definition>.into_iter().collect();
    all.sort_by_key(|check| (check.group, check.level, check.id));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_and_unique_and_texts_are_sentences() {
        let all = definitions();
        let mut ids: Vec<_> = all.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all.len());
        for check in &all {
            let letters = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(check.id.chars().all(letters), "{}", check.id);
            assert!((1..=HIGHEST).contains(&check.level), "{}", check.id);
            for text in [check.says, check.why, check.mend] {
                let whole = text.ends_with('.') && !text.contains('\n') && !text.contains("  ");
                assert!(whole, "{}: {text:?}", check.id);
            }
        }
        for group in Group::ALL {
            assert!(all.iter().any(|check| check.group == group), "{group:?}");
        }
    }
}
