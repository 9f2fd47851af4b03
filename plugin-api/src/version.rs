//! Version numbers and capabilities of the boundary.

/// Raised when an old plugin can no longer be loaded.
pub const ABI_MAJOR: u32 = 1;
/// Raised when something was added at the end of a prefix type.
pub const ABI_MINOR: u32 = 0;
/// First bytes of every plugin's tag.
pub const MAGIC: [u8; 16] = *b"ssl-lottery-abi\0";

/// What this host can do beyond training on pooled features; a plugin names what it needs.
pub const CAPABILITIES: &[&str] = &[
    "feature-passes",
    "epoch-order",
    "stage-maps",
    "group-optimizers",
    "patch-views",
    "collectives",
];

/// The symbol `SSL_LOTTERY_ABI` of a plugin: read before anything of it runs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbiTag {
    /// [`MAGIC`].
    pub magic: [u8; 16],
    /// [`ABI_MAJOR`] of the API the plugin was built with.
    pub major: u32,
    /// [`ABI_MINOR`] of it.
    pub minor: u32,
}

impl AbiTag {
    /// The tag of this build.
    pub const CURRENT: Self = Self {
        magic: MAGIC,
        major: ABI_MAJOR,
        minor: ABI_MINOR,
    };
}

const _: () = assert!(size_of::<AbiTag>() == 24 && align_of::<AbiTag>() == 4);
