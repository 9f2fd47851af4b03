//! Whether the order on the reference holds on the other data sets.

use super::{coefficient, compared, interval_of};
use crate::analysis::Analysis;
use ssl_aggregate::PairTest;

/// The question in words, and a sentence for each other data set. Empty without a reference and without pairs.
pub(crate) fn carried(analysis: &Analysis) -> Option<(String, Vec<String>)> {
    let reference = analysis.reference?;
    let name = analysis.data_set(reference);
    let lines: Vec<String> = compared(analysis)
        .filter(|(_, against)| against.flips.pairs > 0)
        .map(|(set, against)| {
            let counts = Counts::of(analysis, reference, set);
            let spearman = against.correlations.spearman;
            let correlation = spearman.value.map_or_else(String::new, |value| {
                let ends = spearman.interval.map_or_else(String::new, |ends| format!(" {}", interval_of(ends)));
                format!(" Spearman's correlation of the two orders is {}{ends}.", coefficient(value))
            });
            format!(
                "{}{}: of {} pairs {} are in the reversed order. Of the {} that {name} tells apart, it tells {} apart in the \
                 same order and {} in the reversed one; {} it does not tell apart.{correlation}",
                analysis.data_set(set),
                if shares_images(analysis, reference, set) { format!(" (the images of {name})") } else { String::new() },
                against.flips.pairs,
                against.flips.all.len(),
                counts.told_apart,
                counts.same,
                against.flips.after_holm.len(),
                counts.told_apart - counts.same - against.flips.after_holm.len(),
            )
        })
        .collect();
    let title = format!("Does the order on {name} carry over?");
    (!lines.is_empty()).then_some((title, lines))
}

fn shares_images(analysis: &Analysis, reference: usize, set: usize) -> bool {
    analysis.table().same_images(reference).contains(&set)
}

/// Pairs that differ after Holm's correction over the pairs of each set.
struct Counts {
    /// On the reference, where the other set has both rows too.
    told_apart: usize,
    /// Of these, on the other set with the same one ahead.
    same: usize,
}

impl Counts {
    fn of(analysis: &Analysis, reference: usize, set: usize) -> Self {
        let (before, after) = (&analysis.tests[reference], &analysis.tests[set]);
        let pairs = before.pairs.iter().filter(|pair| pair.holm < before.alpha);
        let both = pairs.filter_map(|pair| Some((pair, after.pair(pair.first, pair.second)?)));
        let both: Vec<(&PairTest, &PairTest)> = both.collect();
        let same = both.iter().filter(|(pair, there)| {
            there.holm < after.alpha && (pair.difference > 0.0) == (there.difference > 0.0)
        });
        Self {
            told_apart: both.len(),
            same: same.count(),
        }
    }
}
