//! What a reader may choose.

/// What a reader may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Data set that the others are compared with; `val` if `None`.
    pub reference: Option<String>,
    /// Further pools to aggregate over, each a list of data sets.
    pub pools: Vec<Vec<String>>,
    /// Level of the tests, in (0, 1).
    pub alpha: f64,
    /// Bootstrap draws, at least 1.
    pub draws: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Points within which two frameworks count as practically equivalent.
    pub rope: f64,
    /// Points from the published accuracy within which a row counts as verified.
    pub verify: f64,
}

impl Default for Options {
    /// `val`, no further pool, level 0.05, 2,000 draws, seed 0, 1 point for both.
    fn default() -> Self {
        Self {
            reference: None,
            pools: Vec::new(),
            alpha: 0.05,
            draws: 2000,
            seed: 0,
            rope: 1.0,
            verify: 1.0,
        }
    }
}
