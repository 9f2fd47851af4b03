//! Tests that cross crates.

/// The frameworks whose plugins this repository has.
pub const FRAMEWORKS: [&str; 12] = [
    "barlow",
    "byol",
    "deepcluster",
    "dino",
    "moco",
    "obow",
    "pcl",
    "sela",
    "simclr",
    "simsiam",
    "swav",
    "vicreg",
];
