//! Accuracies of every framework on redrawn test sets and in redrawn runs.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StudentT};

use super::blocks::{Block, blocks};
use crate::{PairedOutcomes, Table};

/// Draws per unit of work, each with its own random stream.
const CHUNK: usize = 125;

/// How the images of a data set were redrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// The same redrawn images for all frameworks, from per-image outcomes.
    PairedImages,
    /// Independently per framework, from the counts alone.
    IndependentBinomial,
}

impl Resampling {
    /// Key in machine-readable reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::PairedImages => "paired_images",
            Self::IndependentBinomial => "independent_binomial",
        }
    }
}

/// Accuracies on redrawn test sets, and how far redrawn runs are from the observed mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Number of draws.
    pub draws: usize,
    /// How each data set was redrawn.
    pub resampling: Vec<Resampling>,
    frameworks: usize,
    /// `[data set][draw * frameworks + framework]`
    percent: Vec<Vec<f64>>,
    /// `[draw * frameworks + framework]`
    runs: Vec<f64>,
}

impl Draws {
    /// Accuracy in percent of every framework in one draw of a data set's images, runs as observed; meaningless for a
    /// missing cell.
    #[must_use]
    pub fn percent(&self, data_set: usize, draw: usize) -> &[f64] {
        &self.percent[data_set][draw * self.frameworks..][..self.frameworks]
    }

    /// Deviation of every framework's redrawn runs, in standard errors of its mean over runs; 0 for a single run.
    ///
    /// Student's t with one degree of freedom less than there are runs: drawing three seeds from three with replacement
    /// would give intervals that miss the truth in every fifth case.
    #[must_use]
    pub fn runs(&self, draw: usize) -> &[f64] {
        &self.runs[draw * self.frameworks..][..self.frameworks]
    }
}

/// Redraws all images and runs `draws` times, on all cores; the same seed gives the same draws on any number of them.
///
/// A data set with outcomes for all its cells is redrawn image by image for all frameworks together, with the data
/// sets that share its images; the others framework by framework from a binomial distribution.
#[must_use]
pub fn draw(table: &Table, outcomes: &[Option<PairedOutcomes>], draws: usize, seed: u64) -> Draws {
    let frameworks = table.frameworks().len();
    let blocks = blocks(table, outcomes);
    let chunks = draws.div_ceil(CHUNK);
    let percent: Vec<Mutex<Vec<f64>>> = (0..table.data_sets().len())
        .map(|_| Mutex::new(vec![0.0; draws * frameworks]))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let unit = next.fetch_add(1, Ordering::Relaxed);
            let (place, chunk) = (unit / chunks, unit % chunks);
            let Some(block) = blocks.get(place) else {
                return;
            };
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(unit as u64);
            let count = CHUNK.min(draws - chunk * CHUNK);
            let drawn = draw_chunk(block, count, frameworks, &mut random);
            let start = chunk * CHUNK * frameworks;
            for (&set, drawn) in block.sets().iter().zip(drawn) {
                let mut all = percent[set]
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                all[start..start + drawn.len()].copy_from_slice(&drawn);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut resampling = vec![Resampling::IndependentBinomial; table.data_sets().len()];
    for block in &blocks {
        if let Block::Images(_) = block {
            (block.sets().iter()).for_each(|&set| resampling[set] = Resampling::PairedImages);
        }
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(u64::MAX);
    Draws {
        draws,
        resampling,
        frameworks,
        percent: percent
            .into_iter()
            .map(|all| {
                all.into_inner()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
            })
            .collect(),
        runs: draw_runs(table, draws, &mut random),
    }
}

fn draw_runs(table: &Table, draws: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    let student = |row: usize| StudentT::new(table.runs(row).units().checked_sub(1)? as f64).ok();
    let students: Vec<Option<StudentT<f64>>> = (0..table.frameworks().len()).map(student).collect();
    let mut runs = Vec::with_capacity(draws * students.len());
    for _ in 0..draws {
        runs.extend(students.iter().map(|student| {
            student
                .as_ref()
                .map_or(0.0, |student| student.sample(random))
        }));
    }
    runs
}

/// `[set of the block][draw * frameworks + framework]`
fn draw_chunk(
    block: &Block,
    draws: usize,
    frameworks: usize,
    random: &mut ChaCha8Rng,
) -> Vec<Vec<f64>> {
    let mut all = vec![Vec::with_capacity(draws * frameworks); block.sets().len()];
    let mut percent = vec![0.0; block.sets().len() * frameworks];
    for _ in 0..draws {
        block.draw(random, &mut percent);
        for (all, percent) in all.iter_mut().zip(percent.chunks_exact(frameworks)) {
            all.extend_from_slice(percent);
        }
    }
    all
}
