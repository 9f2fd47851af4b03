//! A stratified split of the training samples.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::evaluate::{EvaluateError, Result};

/// Samples to train on and samples held out, both ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows held out.
    pub held_out: Vec<usize>,
}

/// Holds out a share of every class, drawn with `seed`.
///
/// Of a class with `n` samples `round(share·n)` are held out, at most `n − 1` so that every class
/// stays in training; where this leaves nothing at all, one sample of the largest class is.
///
/// # Errors
/// [`EvaluateError::TooFew`] when no class has two samples.
pub fn stratified(labels: &[u32], share: f64, seed: u64) -> Result<Split> {
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        members[label as usize].push(row);
    }
    let mut counts: Vec<usize> = members
        .iter()
        .map(|rows| {
            ((share * rows.len() as f64).round() as usize).min(rows.len().saturating_sub(1))
        })
        .collect();
    if counts.iter().all(|&count| count == 0) {
        let largest = (0..classes).rev().max_by_key(|&class| members[class].len());
        match largest {
            Some(class) if members[class].len() >= 2 => counts[class] = 1,
            _ => {
                return Err(EvaluateError::TooFew {
                    expected: 2,
                    found: usize::from(!labels.is_empty()),
                    set: "every class of the training set".to_owned(),
                });
            }
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut split = Split {
        train: Vec::new(),
        held_out: Vec::new(),
    };
    for (rows, count) in members.iter_mut().zip(counts) {
        rows.shuffle(&mut rng);
        split.held_out.extend(rows.drain(..count));
        split.train.append(rows);
    }
    split.train.sort_unstable();
    split.held_out.sort_unstable();
    Ok(split)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn stratified_split_keeps_class_fractions_and_all_samples() {
        let labels: Vec<u32> = (0..130)
            .map(|i| if i < 100 { 0 } else { 1 + i % 2 })
            .collect();
        let split = stratified(&labels, 0.1, 3).unwrap();
        let held = |class| {
            split
                .held_out
                .iter()
                .filter(|&&row| labels[row] == class)
                .count()
        };
        assert_eq!([held(0), held(1), held(2)], [10, 2, 2]);
        let mut all = [split.train.clone(), split.held_out.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..130).collect::<Vec<_>>());
    }

    #[test]
    fn stratified_split_is_determined_by_its_seed() {
        let labels = vec![0; 50];
        assert_eq!(
            stratified(&labels, 0.1, 1).unwrap(),
            stratified(&labels, 0.1, 1).unwrap()
        );
        assert_ne!(
            stratified(&labels, 0.1, 1).unwrap(),
            stratified(&labels, 0.1, 2).unwrap()
        );
    }

    #[test]
    fn stratified_split_of_tiny_sets_holds_out_one_sample() {
        let split = stratified(&[0, 1, 1, 0], 0.1, 0).unwrap();
        assert_eq!((split.train.len(), split.held_out.len()), (3, 1));
        assert!(stratified(&[0, 1, 2], 0.1, 0).is_err());
        assert!(stratified(&[], 0.1, 0).is_err());
    }
}
