//! From rankings to counts and prediction files.

use std::path::Path;

use super::{TestSet, VariantRanking};
use crate::evaluate::predictions::{self, Part};
use crate::evaluate::record::TestSetScore;
use crate::evaluate::{FeatureSet, LabelSpace, Result, score};

/// The label spaces of a test set; the reference set gets those of the others' subsets as well.
pub fn spaces(test: &TestSet<'_>, tests: &[TestSet<'_>]) -> Vec<LabelSpace> {
    let mut spaces = LabelSpace::of_labels(test.set.id(), test.set.labels());
    if test.reference {
        for other in tests {
            if other.set.id() != test.set.id()
                && let Some(classes) = other.set.labels().subset()
            {
                spaces.push(LabelSpace::Subset {
                    of: other.set.id().to_owned(),
                    classes: classes.to_vec(),
                });
            }
        }
    }
    spaces
}

/// Scores all variants of one test set and writes its predictions, whose digest comes back too.
pub(super) fn finish(
    set: &FeatureSet,
    spaces: &[LabelSpace],
    variant_rankings: Vec<VariantRanking>,
    folder: Option<&Path>,
) -> Result<(Vec<TestSetScore>, Option<String>)> {
    let mut evaluations = Vec::new();
    let mut parts = Vec::new();
    for variant_ranking in variant_rankings {
        for (space, ranking) in spaces.iter().zip(variant_ranking.rankings) {
            let score = score(set.id(), space, set.labels(), &ranking)?;
            evaluations.push(TestSetScore {
                protocol: variant_ranking.protocol.clone(),
                dataset: set.id().to_owned(),
                label_space: space.name(),
                variant: variant_ranking.variant.clone(),
                headline: variant_ranking.headline,
                correct: score.correct,
                n: score.n,
                correct_top5: score.correct_top5,
                excluded: score.excluded,
                per_class: score.per_class.clone(),
            });
            if folder.is_some() {
                parts.push(Part {
                    protocol: variant_ranking.protocol.id.clone(),
                    variant: variant_ranking.variant.to_string(),
                    label_space: space.name().to_string(),
                    ranking,
                    score,
                });
            }
        }
    }
    let digest = folder
        .map(|folder| {
            let path = folder.join(format!("{}.parquet", set.id()));
            predictions::write(&path, set, &parts)
        })
        .transpose()?;
    Ok((evaluations, digest))
}
