//! Scoring: integer counts from ranked classes and valid labels.

use serde::{Deserialize, Serialize};

use super::{EvaluateError, LabelSpace, Labels, Ranking, Result};

/// How one sample came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleOutcome {
    /// Whether the best class is valid.
    pub top1: bool,
    /// Whether one of the five best is.
    pub top5: bool,
}

/// Right answers within one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The class.
    pub class: u32,
    /// Samples that have the class among their valid labels and were predicted correctly.
    pub correct: u64,
    /// Samples that have the class among their valid labels.
    pub n: u64,
}

/// Counts over a data set in one label space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Samples whose best class is valid.
    pub correct: u64,
    /// Samples with a valid label among the five best.
    pub correct_top5: u64,
    /// Samples scored.
    pub n: u64,
    /// Samples left out because no label of theirs is valid in this space.
    pub excluded: u64,
    /// Counts by class, for the classes that occur; a sample with several valid labels is counted
    /// under each.
    pub per_class: Vec<ClassCount>,
    /// One per sample, `None` where it is left out.
    pub outcomes: Vec<Option<SampleOutcome>>,
}

/// Scores a ranking.
///
/// A sample is correct when its best class is among its valid labels. Labels outside the space do
/// not count; a sample without a valid label in the space is left out of numerator and denominator
/// (ReaL's empty lists; images of other classes when val is restricted to a subset).
///
/// # Errors
/// [`EvaluateError::Count`] when ranking and labels have different lengths.
pub fn score(set: &str, space: &LabelSpace, labels: &Labels, ranking: &Ranking) -> Result<Score> {
    if ranking.len() != labels.len() {
        return Err(EvaluateError::Count {
            what: "ranked samples",
            expected: labels.len(),
            found: ranking.len(),
            set: set.to_owned(),
        });
    }
    let mut classes = vec![ClassCount::default(); labels.num_classes()];
    let mut score = Score {
        correct: 0,
        correct_top5: 0,
        n: 0,
        excluded: 0,
        per_class: Vec::new(),
        outcomes: Vec::with_capacity(labels.len()),
    };
    for sample in 0..labels.len() {
        let valid: Vec<u32> = labels
            .get(sample)
            .iter()
            .copied()
            .filter(|&label| space.contains(label))
            .collect();
        if valid.is_empty() {
            score.excluded += 1;
            score.outcomes.push(None);
            continue;
        }
        let ranked = ranking.get(sample);
        let hit = |class: &u32| valid.binary_search(class).is_ok();
        let outcome = SampleOutcome {
            top1: ranked.first().is_some_and(hit),
            top5: ranked.iter().any(hit),
        };
        score.n += 1;
        score.correct += u64::from(outcome.top1);
        score.correct_top5 += u64::from(outcome.top5);
        for &label in &valid {
            let count = &mut classes[label as usize];
            count.class = label;
            count.n += 1;
            count.correct += u64::from(outcome.top1);
        }
        score.outcomes.push(Some(outcome));
    }
    score.per_class = classes.into_iter().filter(|count| count.n > 0).collect();
    Ok(score)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ranking(space: &LabelSpace, rows: &[&[f32]]) -> Ranking {
        let mut ranking = Ranking::new(space);
        for row in rows {
            ranking.push(space, row);
        }
        ranking
    }

    /// Four samples over eight classes; the set only has classes 1, 3, 6.
    const LOGITS: [&[f32]; 4] = [
        &[0.9, 0.5, 0.0, 0.1, 0.0, 0.0, 0.2, 0.0], // full: 0, subset: 1
        &[0.0, 0.1, 0.0, 0.7, 0.0, 0.0, 0.2, 0.0], // full: 3, subset: 3
        &[0.0, 0.3, 0.8, 0.2, 0.0, 0.0, 0.1, 0.4], // full: 2, subset: 1
        &[0.5, 0.1, 0.6, 0.2, 0.7, 0.8, 0.0, 0.4], // full: 5, subset: 3; 6 is last
    ];

    #[test]
    fn full_and_subset_label_spaces_score_the_same_logits_differently() {
        let labels = Labels::single(&[1, 3, 6, 6], 8)
            .unwrap()
            .with_subset(vec![1, 3, 6])
            .unwrap();
        let spaces = LabelSpace::of_labels("r", &labels);
        let full = score("r", &spaces[0], &labels, &ranking(&spaces[0], &LOGITS)).unwrap();
        assert_eq!((full.correct, full.n, full.excluded), (1, 4, 0));
        // Sample 2 ranks 2, 7, 1, 3, 6; sample 3 ranks 5, 4, 2, 0, 7.
        assert_eq!(full.correct_top5, 3);
        let subset = score("r", &spaces[1], &labels, &ranking(&spaces[1], &LOGITS)).unwrap();
        assert_eq!((subset.correct, subset.n), (2, 4));
        assert_eq!(subset.correct_top5, 4);
        assert_eq!(
            subset.per_class,
            [(1, 1, 1), (3, 1, 1), (6, 0, 2)].map(|(class, correct, n)| ClassCount {
                class,
                correct,
                n
            })
        );
    }

    #[test]
    fn samples_without_valid_labels_are_excluded_from_the_score() {
        let rows = [vec![0, 4], vec![], vec![1], vec![5, 6]];
        let labels = Labels::from_rows(rows, 8).unwrap();
        let space = LabelSpace::Full { classes: 8 };
        let real = score("real", &space, &labels, &ranking(&space, &LOGITS)).unwrap();
        assert_eq!((real.correct, real.n, real.excluded), (2, 3, 1));
        assert_eq!(real.correct_top5, 3);
        assert_eq!(real.outcomes[1], None);
        // The sample with two labels counts under both.
        let class = |c: u32| real.per_class.iter().find(|p| p.class == c).unwrap();
        assert_eq!((class(0).correct, class(0).n), (1, 1));
        assert_eq!((class(4).correct, class(4).n), (1, 1));
        assert_eq!((class(1).correct, class(1).n), (0, 1));
    }

    #[test]
    fn val_in_a_class_subset_keeps_only_its_images() {
        let val = Labels::single(&[1, 2, 5, 3], 8).unwrap();
        let space = LabelSpace::Subset {
            of: "r".to_owned(),
            classes: vec![1, 3, 6],
        };
        let clean = score("val", &space, &val, &ranking(&space, &LOGITS)).unwrap();
        assert_eq!((clean.correct, clean.n, clean.excluded), (2, 2, 2));
    }

    #[test]
    fn score_refuses_a_ranking_of_another_length() {
        let labels = Labels::single(&[1, 2], 8).unwrap();
        let space = LabelSpace::Full { classes: 8 };
        let short = ranking(&space, &LOGITS[..1]);
        assert!(matches!(
            score("val", &space, &labels, &short),
            Err(EvaluateError::Count {
                expected: 2,
                found: 1,
                ..
            })
        ));
    }
}
