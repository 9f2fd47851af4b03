//! Where the pixels of batches lie: in ordinary memory, or where the consumer wants them.

use std::any::Any;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Gives the memory of view buffers, for instance page-locked memory from which a GPU copies fast.
pub trait Memory: Send + Sync {
    /// A region of so many values.
    fn region(&self, values: usize) -> Box<dyn Region>;
}

/// A region of memory.
pub trait Region: Send {
    /// Its values.
    fn values(&self) -> &[f32];
    /// Its values, to write them.
    fn values_mut(&mut self) -> &mut [f32];
    /// The region as what it is, for a consumer that knows its own.
    fn as_any(&self) -> &dyn Any;
}

impl Region for Vec<f32> {
    fn values(&self) -> &[f32] {
        self
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Ordinary memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ordinary;

impl Memory for Ordinary {
    fn region(&self, values: usize) -> Box<dyn Region> {
        Box::new(vec![0.0_f32; values])
    }
}

/// The pixels of a view buffer: the first so many values of a region.
pub struct Pixels {
    region: Box<dyn Region>,
    length: usize,
}

impl Pixels {
    /// The memory that the pixels lie at the start of.
    #[must_use]
    pub fn region(&self) -> &dyn Region {
        self.region.as_ref()
    }

    /// Makes room for so many values; new memory is only asked for when there is too little.
    pub(super) fn resize(&mut self, length: usize, memory: &dyn Memory) {
        if self.region.values().len() < length {
            self.region = memory.region(length);
        }
        self.length = length;
    }
}

impl Default for Pixels {
    fn default() -> Self {
        Self {
            region: Box::new(Vec::new()),
            length: 0,
        }
    }
}

impl Deref for Pixels {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.region.values()[..self.length]
    }
}

impl DerefMut for Pixels {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.region.values_mut()[..self.length]
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.length)
    }
}
