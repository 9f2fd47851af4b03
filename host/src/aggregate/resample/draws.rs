//! Accuracies of every framework on redrawn test sets.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};

use super::multinomial::Multinomial;
use crate::aggregate::{PairedOutcomes, Table};

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

/// Correct counts on redrawn test sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Number of draws.
    pub draws: usize,
    /// How each data set was redrawn.
    pub resampling: Vec<Resampling>,
    frameworks: usize,
    /// `[data set][draw * frameworks + framework]`
    counts: Vec<Vec<u32>>,
}

impl Draws {
    /// Correct images of every framework in one draw of a data set; meaningless for a missing cell.
    #[must_use]
    pub fn counts(&self, data_set: usize, draw: usize) -> &[u32] {
        &self.counts[data_set][draw * self.frameworks..][..self.frameworks]
    }
}

enum Sampler<'a> {
    Paired(Multinomial, &'a [usize]),
    Independent(Vec<Option<Binomial>>),
}

/// Redraws every data set `draws` times, on all cores; the same seed gives the same draws on any number of them.
///
/// A data set with outcomes for all its cells is redrawn image by image for all frameworks together, the others
/// framework by framework from a binomial distribution.
#[must_use]
pub fn draw(table: &Table, outcomes: &[Option<PairedOutcomes>], draws: usize, seed: u64) -> Draws {
    let frameworks = table.frameworks().len();
    let samplers: Vec<Sampler<'_>> = (0..table.data_sets().len())
        .map(|set| match outcomes.get(set).and_then(Option::as_ref) {
            Some(paired) if paired.covers(table, set) => Sampler::Paired(
                Multinomial::new(&paired.patterns(), paired.rows().len()),
                paired.rows(),
            ),
            _ => Sampler::Independent(binomials(table, set)),
        })
        .collect();
    let chunks = draws.div_ceil(CHUNK);
    let counts: Vec<Mutex<Vec<u32>>> = samplers
        .iter()
        .map(|_| Mutex::new(vec![0; draws * frameworks]))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || loop {
        let unit = next.fetch_add(1, Ordering::Relaxed);
        let (set, chunk) = (unit / chunks, unit % chunks);
        let Some(sampler) = samplers.get(set) else {
            return;
        };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(unit as u64);
        let count = CHUNK.min(draws - chunk * CHUNK);
        let drawn = draw_chunk(sampler, count, frameworks, &mut random);
        let start = chunk * CHUNK * frameworks;
        let mut all = counts[set]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all[start..start + drawn.len()].copy_from_slice(&drawn);
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let resampling = samplers.iter().map(|sampler| match sampler {
        Sampler::Paired(..) => Resampling::PairedImages,
        Sampler::Independent(_) => Resampling::IndependentBinomial,
    });
    let counts = counts.into_iter().map(|all| {
        all.into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    });
    Draws {
        draws,
        resampling: resampling.collect(),
        frameworks,
        counts: counts.collect(),
    }
}

fn binomials(table: &Table, set: usize) -> Vec<Option<Binomial>> {
    let binomial = |cell: Option<crate::aggregate::Cell>| {
        cell.and_then(|cell| Binomial::new(cell.n(), cell.share()).ok())
    };
    table.column(set).into_iter().map(binomial).collect()
}

fn draw_chunk(
    sampler: &Sampler<'_>,
    draws: usize,
    frameworks: usize,
    random: &mut ChaCha8Rng,
) -> Vec<u32> {
    let mut all = vec![0; draws * frameworks];
    for counts in all.chunks_exact_mut(frameworks) {
        match sampler {
            Sampler::Paired(multinomial, rows) => {
                let mut joint = vec![0; rows.len()];
                multinomial.draw(random, &mut joint);
                for (&row, count) in rows.iter().zip(joint) {
                    counts[row] = count;
                }
            }
            Sampler::Independent(binomials) => {
                for (count, binomial) in counts.iter_mut().zip(binomials) {
                    let drawn = binomial
                        .as_ref()
                        .map_or(0, |binomial| binomial.sample(random));
                    *count = u32::try_from(drawn).unwrap_or(u32::MAX);
                }
            }
        }
    }
    all
}
