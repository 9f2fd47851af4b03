//! The name of a label space, as records and tables keep it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Over which classes a number was scored, without the list of them. Numbers of different spaces must not
/// be mixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LabelSpaceName {
    /// `full-1000`: every class of the training set.
    Full {
        /// Number of classes.
        classes: usize,
    },
    /// `subset-200@imagenet-r`: the class list of a data set.
    Subset {
        /// Number of classes in the list.
        classes: usize,
        /// The data set that the list belongs to.
        of: String,
    },
}

/// A text names no label space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a label space such as `full-1000` or `subset-200@imagenet-r`, found `{0}`")]
pub struct UnknownLabelSpace(String);

impl LabelSpaceName {
    /// Whether every class of the training set may be predicted.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether the classes are those that the data set itself declares.
    #[must_use]
    pub fn is_subset_of(&self, data_set: &str) -> bool {
        matches!(self, Self::Subset { of, .. } if of == data_set)
    }
}

impl fmt::Display for LabelSpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { classes } => write!(f, "full-{classes}"),
            Self::Subset { classes, of } => write!(f, "subset-{classes}@{of}"),
        }
    }
}

impl FromStr for LabelSpaceName {
    type Err = UnknownLabelSpace;

    fn from_str(text: &str) -> Result<Self, UnknownLabelSpace> {
        let parse = || {
            if let Some(classes) = text.strip_prefix("full-") {
                let classes = classes.parse().ok()?;
                return Some(Self::Full { classes });
            }
            let (classes, of) = text.strip_prefix("subset-")?.split_once('@')?;
            Some(Self::Subset {
                classes: classes.parse().ok()?,
                of: of.to_owned(),
            })
        };
        parse().ok_or_else(|| UnknownLabelSpace(text.to_owned()))
    }
}

impl TryFrom<String> for LabelSpaceName {
    type Error = UnknownLabelSpace;

    fn try_from(text: String) -> Result<Self, UnknownLabelSpace> {
        text.parse()
    }
}

impl From<LabelSpaceName> for String {
    fn from(name: LabelSpaceName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_space_names_are_read_and_written_in_one_form() {
        let full = LabelSpaceName::Full { classes: 1000 };
        let subset = LabelSpaceName::Subset {
            classes: 200,
            of: "a@b-1".to_owned(),
        };
        for (text, name) in [("full-1000", full), ("subset-200@a@b-1", subset)] {
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse(), Ok(name));
        }
        for text in ["", "full-", "full-x", "subset-200", "subset-x@a", "half-2"] {
            let refused = text.parse::<LabelSpaceName>();
            assert_eq!(refused, Err(UnknownLabelSpace(text.to_owned())));
        }
    }
}
