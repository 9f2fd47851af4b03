//! The vote of the neighbours, for several `k` in one pass.

use serde::{Deserialize, Serialize};

use super::Neighbours;
use crate::evaluate::{EvaluateError, LabelSpace, Ranking, Result};

/// Settings of the weighted kNN.
///
/// # Source
/// DINO's evaluation (arXiv:2104.14294, appendix F.1): cosine similarity, weight `exp(sim/T)` with
/// `T = 0.07`, `k` in {10, 20, 100, 200}, of which 20 usually works best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Given")]
pub struct KnnProtocol {
    /// Numbers of neighbours, ascending; each is clipped to the size of the bank. Default 10, 20,
    /// 100 and 200.
    pub k: Vec<usize>,
    /// The one that stands for the framework in tables. Default 20, or the largest where 20 is not
    /// among them.
    pub headline_k: usize,
    /// Temperature `T` of the vote's weight, in [0.0015, 10⁶]: the weights overflow below, and are
    /// all the same above. Default 0.07.
    pub temperature: f64,
}

/// The settings as a file gives them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Given {
    k: Option<Vec<usize>>,
    headline_k: Option<usize>,
    temperature: Option<f64>,
}

impl From<Given> for KnnProtocol {
    fn from(given: Given) -> Self {
        let k = given.k.unwrap_or_else(|| vec![10, 20, 100, 200]);
        let usual = 20;
        let headline_k = given.headline_k.unwrap_or_else(|| match k.last() {
            Some(&largest) if !k.contains(&usual) => largest,
            _ => usual,
        });
        Self {
            k,
            headline_k,
            temperature: given.temperature.unwrap_or(0.07),
        }
    }
}

impl Default for KnnProtocol {
    fn default() -> Self {
        Given::default().into()
    }
}

impl KnnProtocol {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] with the first fault.
    pub fn validate(&self) -> Result<()> {
        let ascending = self.k.windows(2).all(|pair| pair[0] < pair[1]);
        if self.k.first().is_none_or(|&k| k == 0) || !ascending {
            return Err(EvaluateError::Setting {
                key: "knn.k",
                expected: "strictly ascending whole numbers >= 1",
                found: format!("{:?}", self.k),
            });
        }
        if !self.k.contains(&self.headline_k) {
            return Err(EvaluateError::Setting {
                key: "knn.headline_k",
                expected: "one of knn.k",
                found: self.headline_k.to_string(),
            });
        }
        if !(0.0015..=1e6).contains(&self.temperature) {
            return Err(EvaluateError::Setting {
                key: "knn.temperature",
                expected: "a number in [0.0015, 1e6]",
                found: self.temperature.to_string(),
            });
        }
        Ok(())
    }

    /// The largest `k`.
    #[must_use]
    pub fn largest_k(&self) -> usize {
        self.k.iter().copied().max().unwrap_or(0)
    }
}

/// Lets the neighbours vote.
///
/// The score of a class is `Σ exp(sim/T)` over those of the `k` nearest that carry it, summed from
/// the nearest on in f64. Classes are ranked by score, equal ones by lowest class; a class that
/// nobody votes for has no rank, so that with `k = 1` the five best are the best one. Where nobody
/// votes for any class of a subset, nothing is predicted there. The size of the label space comes
/// from `spaces`, never from the labels that occur.
///
/// Returns one ranking per `k` of the protocol and space: `result[k][space]`.
#[must_use]
pub fn vote(
    neighbours: &Neighbours,
    bank_labels: &[u32],
    num_classes: usize,
    spaces: &[LabelSpace],
    protocol: &KnnProtocol,
) -> Vec<Vec<Ranking>> {
    let mut rankings: Vec<Vec<Ranking>> = protocol
        .k
        .iter()
        .map(|_| spaces.iter().map(Ranking::new).collect())
        .collect();
    let mut votes = vec![0.0_f64; num_classes];
    for query in 0..neighbours.len() {
        votes.fill(0.0);
        let mut voters = neighbours.get(query).iter();
        let mut heard = 0;
        for (rankings, &k) in rankings.iter_mut().zip(&protocol.k) {
            for &(similarity, row) in voters.by_ref().take(k - heard) {
                let class = bank_labels[row as usize] as usize;
                votes[class] += (f64::from(similarity) / protocol.temperature).exp();
            }
            heard = k;
            for (ranking, space) in rankings.iter_mut().zip(spaces) {
                // The weight of a vote is above 0 at every temperature allowed.
                ranking.push_where(space, &votes, |votes| votes > 0.0);
            }
        }
    }
    rankings
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tch::Tensor;

    use super::super::{Blocks, FeatureBank, nearest};
    use super::*;
    use crate::evaluate::{Labels, score};

    fn protocol(k: &[usize], temperature: f64) -> KnnProtocol {
        KnnProtocol {
            k: k.to_vec(),
            headline_k: k[0],
            temperature,
        }
    }

    fn bank(rows: &[[f32; 2]]) -> FeatureBank {
        let values = Tensor::from_slice(&rows.concat()).reshape([-1, 2]);
        FeatureBank::try_new("bank", &values).unwrap()
    }

    /// Unit vectors with cosines 1, 0.8, 0.8, 0.6, 0.6, 0 to the query (1, 0).
    const ROWS: [[f32; 2]; 6] = [
        [0.8, 0.6],
        [0.6, 0.8],
        [0.0, 1.0],
        [0.8, -0.6],
        [2.0, 0.0],
        [0.6, -0.8],
    ];
    const LABELS: [u32; 6] = [3, 1, 0, 1, 2, 3];

    #[test]
    fn knn_votes_and_ties_match_hand_computation() {
        let spaces = [
            LabelSpace::Full { classes: 6 },
            LabelSpace::Subset {
                of: "r".to_owned(),
                classes: vec![0, 3, 5],
            },
        ];
        let found = nearest(
            &bank(&ROWS),
            &bank(&[[1.0, 0.0]]),
            6,
            Blocks::on(tch::Device::Cpu),
        )
        .unwrap();
        let order: Vec<u32> = found.get(0).iter().map(|pair| pair.1).collect();
        assert_eq!(order, [4, 0, 3, 1, 5, 2], "ties go to the lower row");

        // T = 0.5: weights e^2 = 7.39, e^1.6 = 4.95 (twice), e^1.2 = 3.32 (twice), e^0 = 1.
        let result = vote(
            &found,
            &LABELS,
            6,
            &spaces,
            &protocol(&[1, 2, 4, 5, 6], 0.5),
        );
        let top = |k: usize, space: usize| result[k][space].get(0).to_vec();
        // Only class 2 has a vote, and the subset does not have it.
        assert_eq!(top(0, 0), [2]);
        assert!(top(0, 1).is_empty());
        assert_eq!(top(1, 0), [2, 3]);
        assert_eq!(top(1, 1), [3]);
        // k = 4: class 1 has 4.95 + 3.32 = 8.27, class 2 7.39, class 3 4.95.
        assert_eq!(top(2, 0), [1, 2, 3]);
        // k = 5: classes 1 and 3 are exactly equal, the lower wins.
        assert_eq!(top(3, 0), [1, 3, 2]);
        assert_eq!(top(4, 0), [1, 3, 2, 0]);
        assert_eq!(top(4, 1), [3, 0]);
    }

    #[test]
    fn knn_top5_with_k_1_is_the_top_1() {
        let spaces = [LabelSpace::Full { classes: 6 }];
        let queries = bank(&[[1.0, 0.0], [0.0, 1.0], [0.5, -0.9], [-0.3, 1.0]]);
        let found = nearest(&bank(&ROWS), &queries, 1, Blocks::on(tch::Device::Cpu)).unwrap();
        let rankings = vote(&found, &LABELS, 6, &spaces, &protocol(&[1], 1e6));
        let labels = Labels::single(&[2, 1, 1, 5], 6).unwrap();
        let score = score("set", &spaces[0], &labels, &rankings[0][0]).unwrap();
        assert_eq!((score.correct, score.correct_top5), (1, 1));
    }

    #[test]
    fn default_headline_k_is_one_of_k() {
        let headline = |text: &str| {
            let protocol: KnnProtocol = toml::from_str(text).unwrap();
            protocol.validate().map(|()| protocol.headline_k).ok()
        };
        assert_eq!(headline(""), Some(20));
        assert_eq!(headline("k = [5, 20, 50]"), Some(20));
        assert_eq!(headline("k = [10]"), Some(10));
        assert_eq!(headline("k = [5, 50]"), Some(50));
        assert_eq!(headline("k = [5, 50]\nheadline_k = 5"), Some(5));
        assert_eq!(headline("k = [5, 50]\nheadline_k = 20"), None);
        assert_eq!(headline("k = []"), None);
        assert!(toml::from_str::<KnnProtocol>("headline = 5").is_err());
    }

    #[test]
    fn knn_vote_is_unchanged_by_k_beyond_the_bank() {
        let space = [LabelSpace::Full { classes: 4 }];
        let found = nearest(
            &bank(&ROWS),
            &bank(&[[0.3, 0.9]]),
            200,
            Blocks::on(tch::Device::Cpu),
        )
        .unwrap();
        let result = vote(&found, &LABELS, 4, &space, &protocol(&[6, 10, 200], 0.07));
        assert_eq!(result[0], result[1]);
        assert_eq!(result[0], result[2]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert!(KnnProtocol::default().validate().is_ok());
        assert!(protocol(&[0, 1], 0.07).validate().is_err());
        assert!(protocol(&[20, 10], 0.07).validate().is_err());
        assert!(protocol(&[10], 0.0).validate().is_err());
        assert!(protocol(&[10], f64::NAN).validate().is_err());
    }
}
