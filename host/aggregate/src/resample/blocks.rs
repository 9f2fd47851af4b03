//! Data sets that are redrawn together because they share their images.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};

use super::multinomial::Multinomial;
use crate::{Cell, PairedOutcomes, Table};

/// Redraws some data sets for all frameworks at once.
pub(super) enum Block {
    /// Image by image, from outcomes.
    Images(Images),
    /// From counts alone.
    Counts(Counts),
}

/// Columns by the images that they share, in order of the first column.
pub(super) fn blocks(table: &Table, outcomes: &[Option<PairedOutcomes>]) -> Vec<Block> {
    let paired = |set: usize| {
        let own = outcomes.get(set).and_then(Option::as_ref);
        own.filter(|own| own.covers(table, set))
    };
    let mut blocks = Vec::new();
    let mut seen = vec![false; table.data_sets().len()];
    for first in 0..seen.len() {
        if seen[first] {
            continue;
        }
        let joins = |set: &usize| match (paired(first), paired(*set)) {
            _ if *set == first => true,
            (Some(a), Some(b)) => a.identities().is_some() && b.identities().is_some(),
            (a, b) => a.is_none() && b.is_none(),
        };
        let sets: Vec<usize> = table
            .same_images(first)
            .into_iter()
            .filter(|set| !seen[*set])
            .filter(joins)
            .collect();
        sets.iter().for_each(|&set| seen[set] = true);
        let paired: Option<Vec<_>> = sets.iter().map(|&set| paired(set)).collect();
        blocks.push(match paired {
            Some(paired) => Block::Images(Images::new(table, sets, &paired)),
            None => Block::Counts(Counts::new(table, sets)),
        });
    }
    blocks
}

impl Block {
    /// Columns of the table.
    pub(super) fn sets(&self) -> &[usize] {
        match self {
            Self::Images(images) => &images.sets,
            Self::Counts(counts) => &counts.sets,
        }
    }

    /// One draw: accuracies in percent, `[set of the block * rows + row]`; meaningless for a missing cell.
    pub(super) fn draw(&self, random: &mut ChaCha8Rng, percent: &mut [f64]) {
        match self {
            Self::Images(images) => images.draw(random, percent),
            Self::Counts(counts) => counts.draw(random, percent),
        }
    }
}

/// Joint outcomes of all frameworks on all images of a block.
pub(super) struct Images {
    sets: Vec<usize>,
    rows: usize,
    multinomial: Multinomial,
    patterns: usize,
    /// `[pattern][set * (rows + 1) + ...]`: whether the image is scored on the set, then each row's share right.
    values: Vec<f32>,
    /// Rows that are right always or never, redrawn by themselves with the images of their set.
    edges: Vec<(usize, Binomial, f64)>,
}

impl Images {
    fn new(table: &Table, sets: Vec<usize>, paired: &[&PairedOutcomes]) -> Self {
        let rows = table.frameworks().len();
        let width = sets.len() * (rows + 1);
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut images: Vec<Vec<f32>> = Vec::new();
        for (place, own) in paired.iter().enumerate() {
            let means: Vec<Option<Vec<f32>>> = (0..rows).map(|row| own.mean(row)).collect();
            for image in 0..own.images() {
                let identity = own.identities().map_or(image as u32, |all| all[image]);
                let at = *places.entry(identity).or_insert_with(|| {
                    images.push(vec![0.0; width]);
                    images.len() - 1
                });
                let values = &mut images[at][place * (rows + 1)..][..rows + 1];
                values[0] = 1.0;
                for (value, mean) in values[1..].iter_mut().zip(&means) {
                    *value = mean.as_ref().map_or(0.0, |mean| mean[image]);
                }
            }
        }
        let mut counts: HashMap<Vec<u32>, u32> = HashMap::new();
        for image in images {
            let pattern = image.into_iter().map(f32::to_bits).collect();
            *counts.entry(pattern).or_default() += 1;
        }
        let mut patterns: Vec<(Vec<u32>, u32)> = counts.into_iter().collect();
        patterns.sort_unstable();
        let counts: Vec<u32> = patterns.iter().map(|(_, count)| *count).collect();
        let values = patterns.iter().flat_map(|(pattern, _)| pattern);
        let mut edges = Vec::new();
        for (place, &set) in sets.iter().enumerate() {
            for (row, cell) in table.column(set).iter().enumerate() {
                if let Some(cell) = cell
                    && cell.is_at_edge()
                    && let Some(binomial) = binomial(cell)
                {
                    edges.push((place * rows + row, binomial, cell.n() as f64));
                }
            }
        }
        Self {
            rows,
            multinomial: Multinomial::new(&counts),
            patterns: counts.len(),
            values: values.copied().map(f32::from_bits).collect(),
            sets,
            edges,
        }
    }

    fn draw(&self, random: &mut ChaCha8Rng, percent: &mut [f64]) {
        let width = self.sets.len() * (self.rows + 1);
        let mut counts = vec![0; self.patterns];
        self.multinomial.draw(random, &mut counts);
        let mut sums = vec![0.0; width];
        for (values, &count) in self.values.chunks_exact(width).zip(&counts) {
            if count > 0 {
                let count = f64::from(count);
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += count * f64::from(value);
                }
            }
        }
        let drawn = sums.chunks_exact(self.rows + 1);
        for (percent, sums) in percent.chunks_exact_mut(self.rows).zip(drawn) {
            // A redraw of a few images may miss all that a small set scores.
            let scored = sums[0].max(1.0);
            for (percent, right) in percent.iter_mut().zip(&sums[1..]) {
                *percent = 100.0 * right / scored;
            }
        }
        for (place, binomial, n) in &self.edges {
            percent[*place] = 100.0 * binomial.sample(random) as f64 / n;
        }
    }
}

/// Frameworks drawn independently. Data sets of the same images move together as far as they can, since nothing says
/// how far they do; that makes aggregates spread most.
pub(super) struct Counts {
    sets: Vec<usize>,
    rows: usize,
    /// `[set * rows + row]`
    cells: Vec<Option<(Binomial, Cell)>>,
}

impl Counts {
    fn new(table: &Table, sets: Vec<usize>) -> Self {
        let cells = sets.iter().flat_map(|&set| table.column(set));
        Self {
            rows: table.frameworks().len(),
            cells: cells
                .map(|cell| cell.and_then(|cell| Some((binomial(&cell)?, cell))))
                .collect(),
            sets,
        }
    }

    fn draw(&self, random: &mut ChaCha8Rng, percent: &mut [f64]) {
        for row in 0..self.rows {
            let mut deviation = None;
            for place in 0..self.sets.len() {
                let at = place * self.rows + row;
                let Some((binomial, cell)) = &self.cells[at] else {
                    continue;
                };
                let (p, error) = (cell.inner_share(), cell.standard_error());
                let share = match deviation {
                    None => {
                        let share = binomial.sample(random) as f64 / cell.n() as f64;
                        deviation = Some((share - p) / error);
                        share
                    }
                    Some(deviation) => (p + deviation * error).clamp(0.0, 1.0),
                };
                percent[at] = 100.0 * share;
            }
        }
    }
}

fn binomial(cell: &Cell) -> Option<Binomial> {
    Binomial::new(cell.n(), cell.inner_share()).ok()
}
