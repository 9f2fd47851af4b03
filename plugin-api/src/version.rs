//! Version numbers and capabilities of the boundary.

/// Raised when an old plugin can no longer be loaded.
pub const ABI_MAJOR: u32 = 1;
/// Raised when something was added at the end of a table or struct.
pub const ABI_MINOR: u32 = 0;

/// The release of libtorch that host and plugins share; patches of it are interchangeable. A build for another one says
/// so in `SSL_LOTTERY_LIBTORCH`.
pub const LIBTORCH: &str = match option_env!("SSL_LOTTERY_LIBTORCH") {
    Some(release) => release,
    None => "2.9",
};

/// Whether a version of libtorch is of the release [`LIBTORCH`]. libtorch promises nothing between minor
/// releases; patches of one are interchangeable.
#[must_use]
pub fn is_same_libtorch(version: &str) -> bool {
    version
        .strip_prefix(LIBTORCH)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What this host can do beyond training on pooled features; a plugin names what it needs.
pub const CAPABILITIES: &[&str] = &[
    "feature-passes",
    "epoch-order",
    "stage-maps",
    "group-optimizers",
    "patch-views",
    "collectives",
];
