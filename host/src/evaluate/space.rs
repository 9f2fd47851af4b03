//! Label spaces: over which classes the arg-max is taken, and the five best classes of a row.

use serde::{Deserialize, Serialize};

use super::{LabelSpaceName, Labels};

/// How many classes are ranked per sample.
pub const DEPTH: usize = 5;

/// The classes among which a prediction is chosen.
///
/// `R` and `A` are scored in both spaces from the same logits; val is also scored on the images and
/// logits of their classes ("clean"), so that a difference is not one of class difficulty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum LabelSpace {
    /// Every class of the label space.
    Full {
        /// Number of classes.
        classes: usize,
    },
    /// The frozen class list of a data set.
    Subset {
        /// The data set that the list belongs to.
        of: String,
        /// The classes, ascending.
        classes: Vec<u32>,
    },
}

impl LabelSpace {
    /// The stable name: `full-1000`, `subset-200@imagenet-r`.
    #[must_use]
    pub fn name(&self) -> LabelSpaceName {
        match self {
            Self::Full { classes } => LabelSpaceName::Full { classes: *classes },
            Self::Subset { of, classes } => LabelSpaceName::Subset {
                classes: classes.len(),
                of: of.clone(),
            },
        }
    }

    /// How many classes there are to choose from.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Full { classes } => *classes,
            Self::Subset { classes, .. } => classes.len(),
        }
    }

    /// Whether there is nothing to choose from.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a class belongs to the space.
    #[must_use]
    pub fn contains(&self, class: u32) -> bool {
        match self {
            Self::Full { classes } => (class as usize) < *classes,
            Self::Subset { classes, .. } => classes.binary_search(&class).is_ok(),
        }
    }

    /// The own spaces of a data set: full, and its subset where it declares one.
    #[must_use]
    pub fn of_labels(set: &str, labels: &Labels) -> Vec<Self> {
        let full = Self::Full {
            classes: labels.num_classes(),
        };
        let subset = labels.subset().map(|classes| Self::Subset {
            of: set.to_owned(),
            classes: classes.to_vec(),
        });
        std::iter::once(full).chain(subset).collect()
    }
}

/// The best classes of many samples, best first; equal scores go to the lower class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    depth: usize,
    classes: Vec<u32>,
    /// Where each sample's classes end.
    ends: Vec<usize>,
}

impl Ranking {
    /// An empty ranking for one space; its depth is [`DEPTH`] or the size of the space.
    #[must_use]
    pub fn new(space: &LabelSpace) -> Self {
        Self {
            depth: DEPTH.min(space.len()),
            classes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Ranks one more sample from its scores over the whole label space.
    pub fn push<T: Copy + PartialOrd>(&mut self, space: &LabelSpace, scores: &[T]) {
        self.push_where(space, scores, |_| true);
    }

    /// The same where only classes whose score is `eligible` have a rank; there may be fewer than
    /// [`DEPTH`] of them, or none.
    pub fn push_where<T: Copy + PartialOrd>(
        &mut self,
        space: &LabelSpace,
        scores: &[T],
        eligible: impl Fn(T) -> bool,
    ) {
        let mut best: [(u32, Option<T>); DEPTH] = [(0, None); DEPTH];
        let best = &mut best[..self.depth];
        let mut offer = |class: u32, score: T| {
            if !eligible(score) {
                return;
            }
            let beats = |slot: &(u32, Option<T>)| slot.1.is_none_or(|held| score > held);
            if let Some(place) = best.iter().position(beats) {
                best[place..].rotate_right(1);
                best[place] = (class, Some(score));
            }
        };
        match space {
            LabelSpace::Full { .. } => {
                for (class, &score) in scores.iter().enumerate() {
                    offer(class as u32, score);
                }
            }
            LabelSpace::Subset { classes, .. } => {
                for &class in classes {
                    offer(class, scores[class as usize]);
                }
            }
        }
        let filled = best.iter().filter(|slot| slot.1.is_some());
        self.classes.extend(filled.map(|slot| slot.0));
        self.ends.push(self.classes.len());
    }

    /// Appends the samples of another ranking over the same space.
    pub fn append(&mut self, other: &Self) {
        debug_assert_eq!(self.depth, other.depth);
        let before = self.classes.len();
        self.classes.extend_from_slice(&other.classes);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no sample was ranked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The classes of one sample, best first: [`DEPTH`] or as many as the space has, fewer where not
    /// all classes have a rank.
    ///
    /// # Panics
    /// When there is no such sample.
    #[must_use]
    pub fn get(&self, sample: usize) -> &[u32] {
        let begin = sample.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.classes[begin..self.ends[sample]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_go_to_the_lower_class() {
        let space = LabelSpace::Full { classes: 7 };
        let mut ranking = Ranking::new(&space);
        ranking.push(&space, &[1.0, 3.0, 0.0, 3.0, -1.0, 1.0, 3.0]);
        ranking.push(&space, &[0.0; 7]);
        assert_eq!(ranking.get(0), [1, 3, 6, 0, 5]);
        assert_eq!(ranking.get(1), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn ranking_keeps_samples_with_fewer_ranked_classes() {
        let space = LabelSpace::Full { classes: 6 };
        let mut ranking = Ranking::new(&space);
        let positive = |score: f64| score > 0.0;
        ranking.push_where(&space, &[0.0, 2.0, 0.0, 3.0, 0.0, 0.0], positive);
        ranking.push_where(&space, &[0.0; 6], positive);
        let mut whole = Ranking::new(&space);
        whole.push(&space, &[0.0; 6]);
        whole.append(&ranking);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole.get(0), [0, 1, 2, 3, 4]);
        assert_eq!(whole.get(1), [3, 1]);
        assert!(whole.get(2).is_empty());
    }

    #[test]
    fn a_subset_restricts_before_the_arg_max() {
        let space = LabelSpace::Subset {
            of: "r".to_owned(),
            classes: vec![1, 4, 5],
        };
        let mut ranking = Ranking::new(&space);
        ranking.push(&space, &[9.0, 0.5, 8.0, 7.0, 0.25, 2.0]);
        assert_eq!(ranking.get(0), [5, 1, 4]);
        assert_eq!(space.name().to_string(), "subset-3@r");
    }
}
