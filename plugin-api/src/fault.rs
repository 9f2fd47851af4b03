//! Errors as they cross the boundary: a stable number, a kind, one sentence.

use std::fmt;

/// What kind of thing went wrong. The numbers are stable for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum FaultKind {
    /// A configuration key: unknown, of a wrong type, out of range, or at odds with the run.
    Config = 1,
    /// A tensor of a wrong shape, type or device.
    Shape = 2,
    /// NaN or infinity.
    Numeric = 3,
    /// State or parameters that do not fit this framework and configuration.
    State = 4,
    /// Something this framework does not do.
    Unsupported = 5,
    /// A panic in the plugin, caught there.
    Panic = 6,
    /// A fault of the plugin's own.
    Internal = 7,
    /// The host asked to stop.
    Cancelled = 8,
    /// A collective failed.
    Collective = 9,
    /// A number this host does not know.
    Unknown = 0,
}

impl FaultKind {
    /// Every kind that a plugin may give.
    pub const ALL: [Self; 9] = [
        Self::Config,
        Self::Shape,
        Self::Numeric,
        Self::State,
        Self::Unsupported,
        Self::Panic,
        Self::Internal,
        Self::Cancelled,
        Self::Collective,
    ];

    pub(crate) fn from_code(code: i32) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| *kind as i32 == code)
            .unwrap_or(Self::Unknown)
    }

    /// The kind in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Shape => "shape",
            Self::Numeric => "numeric",
            Self::State => "state",
            Self::Unsupported => "unsupported",
            Self::Panic => "panic",
            Self::Internal => "internal",
            Self::Cancelled => "cancelled",
            Self::Collective => "collective",
            Self::Unknown => "unknown",
        }
    }
}

/// An error of a plugin or of a host service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// One sentence: expected, found, where.
    pub message: String,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
        }
    }

    /// A configuration fault.
    pub fn config(message: impl fmt::Display) -> Self {
        Self::new(FaultKind::Config, message)
    }

    /// A shape fault.
    pub fn shape(message: impl fmt::Display) -> Self {
        Self::new(FaultKind::Shape, message)
    }

    /// A state fault.
    pub fn state(message: impl fmt::Display) -> Self {
        Self::new(FaultKind::State, message)
    }

    /// Something this framework does not do.
    pub fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(FaultKind::Unsupported, message)
    }

    /// A fault of the plugin's own.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(FaultKind::Internal, message)
    }
}
