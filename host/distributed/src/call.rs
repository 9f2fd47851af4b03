//! What a rank is about to call, to be compared with what the others are.

use std::fmt;
use tch::{Kind, Tensor};

/// Dimensions that a call tells the others; more are counted, not told.
const DIMS: usize = 8;
/// Numbers that tell a call.
pub(crate) const LENGTH: usize = DIMS + 4;

/// Element types, by the number that tells them.
const KINDS: [Kind; 10] = [
    Kind::Uint8,
    Kind::Int8,
    Kind::Int16,
    Kind::Int,
    Kind::Int64,
    Kind::Half,
    Kind::Float,
    Kind::Double,
    Kind::Bool,
    Kind::BFloat16,
];

/// A collective's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i64)]
pub enum Operation {
    /// Sum over ranks.
    Sum = 1,
    /// Largest over ranks.
    Max = 2,
    /// All ranks' tensors.
    AllGather = 3,
    /// One rank's tensor.
    Broadcast = 4,
    /// The host's average of gradients and losses after a step.
    Gradients = 5,
    /// The host's question whether to go on.
    Agreement = 6,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::Sum,
        Self::Max,
        Self::AllGather,
        Self::Broadcast,
        Self::Gradients,
        Self::Agreement,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Sum => "a sum over ranks",
            Self::Max => "a maximum over ranks",
            Self::AllGather => "an all_gather",
            Self::Broadcast => "a broadcast",
            Self::Gradients => "the average of gradients after a step",
            Self::Agreement => "the end of a step",
        }
    }
}

/// A collective that a rank is about to call: what, and with which tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call([i64; LENGTH]);

impl Call {
    /// A collective on a tensor; `root` is the rank that a broadcast starts from, otherwise 0.
    #[must_use]
    pub fn on(operation: Operation, tensor: &Tensor, root: usize) -> Self {
        Self::of(operation, Some(tensor.kind()), &tensor.size(), root)
    }

    /// A collective of the host's own; `sizes` have to be the same on every rank.
    #[must_use]
    pub fn of_host(operation: Operation, sizes: &[i64]) -> Self {
        Self::of(operation, None, sizes, 0)
    }

    fn of(operation: Operation, kind: Option<Kind>, sizes: &[i64], root: usize) -> Self {
        let mut told = [0; LENGTH];
        told[0] = operation as i64;
        let number = |kind| KINDS.iter().position(|known| *known == kind);
        told[1] = kind.map_or(-1, |kind| number(kind).unwrap_or(KINDS.len()) as i64);
        told[2] = root as i64;
        told[3] = sizes.len() as i64;
        for (place, &size) in told[4..].iter_mut().zip(sizes) {
            *place = size;
        }
        Self(told)
    }

    pub(crate) fn from_told(told: &[i64]) -> Self {
        let mut own = [0; LENGTH];
        own.copy_from_slice(&told[..LENGTH]);
        Self(own)
    }

    pub(crate) const fn told(&self) -> &[i64; LENGTH] {
        &self.0
    }

    /// A number that differs where calls differ (FNV-1a), with a sign that may be turned.
    pub(crate) fn hash(&self) -> i64 {
        let bytes = self.0.iter().flat_map(|number| number.to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 1) as i64
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [operation, kind, root, dims, sizes @ ..] = &self.0;
        let known = Operation::ALL.iter().find(|it| **it as i64 == *operation);
        f.write_str(known.map_or("an unknown collective", |it| it.words()))?;
        let shown = (*dims as usize).min(DIMS);
        if shown > 0 {
            write!(f, " of shape {:?}", &sizes[..shown])?;
        }
        if let Some(kind) = usize::try_from(*kind).ok().and_then(|n| KINDS.get(n)) {
            write!(f, " of {kind:?}")?;
        }
        match *root {
            0 => Ok(()),
            root => write!(f, " from rank {root}"),
        }
    }
}
