//! Twelve frameworks on ImageNet and five variants (arXiv 2501.15431).

use super::{Published, Reported};

/// Data sets of the 2024 study: name, published images, class labels the prediction was taken from.
const DATA_SETS: [(&str, u64, &str); 6] = [
    ("Val", 50_000, "full-1000"),
    ("ReaL", 50_000, "full-1000"),
    ("V2", 10_000, "full-1000"),
    ("R", 30_000, "full-1000"),
    ("Sketch", 50_889, "full-1000"),
    ("A", 7_500, "full-1000"),
];

/// Images of ReaL that have a label at all, which are the ones scored.
const REAL_SCORED: u64 = 46_837;

/// Linear-evaluation top-1 accuracy in percent, as printed.
const ACCURACIES: [(&str, &[&str]); 12] = [
    ("DINO", &["75.1", "81.4", "61.4", "18.9", "19.2", "2.3"]),
    ("Swav", &["75.0", "81.3", "61.3", "18.7", "19.3", "2.4"]),
    ("MoCo", &["74.4", "81.3", "61.1", "24.4", "26.1", "1.8"]),
    ("Barlow", &["73.2", "80.0", "59.6", "20.2", "21.6", "1.5"]),
    ("VicReg", &["73.2", "79.7", "59.8", "20.0", "21.1", "1.6"]),
    ("BYOL", &["73.1", "80.1", "59.7", "20.6", "21.4", "1.6"]),
    ("OBoW", &["72.8", "79.4", "59.8", "18.9", "19.7", "3.3"]),
    ("DeepC", &["70.0", "77.5", "56.7", "19.0", "19.6", "1.4"]),
    ("SimSiam", &["67.8", "74.8", "54.3", "17.9", "18.4", "1.2"]),
    ("SimCLR", &["67.5", "74.7", "52.8", "15.1", "15.2", "1.1"]),
    ("PCL", &["66.8", "74.2", "53.3", "18.0", "19.0", "1.3"]),
    ("SeLa", &["66.5", "74.0", "53.4", "16.8", "17.4", "1.2"]),
];

/// The backbone that each row's accuracy on Val fits best, and what its authors report of it. The plugins' descriptions
/// say the same, which a test compares.
const REPORTED: [Reported; 12] = [
    ("DINO", "800ep", 75.3, "arXiv:2104.14294"),
    (
        "Swav",
        "800ep-2x224+6x96",
        75.3,
        "facebookresearch/swav README",
    ),
    ("MoCo", "1000ep", 74.6, "facebookresearch/moco-v3 README"),
    ("Barlow", "1000ep", 73.2, "arXiv:2103.03230"),
    ("VicReg", "1000ep", 73.2, "arXiv:2105.04906"),
    ("BYOL", "1000ep", 74.3, "arXiv:2006.07733"),
    ("OBoW", "200ep", 73.8, "arXiv:2012.11552"),
    ("DeepC", "400ep-2x224", 70.2, "facebookresearch/swav README"),
    ("SimSiam", "100ep", 68.1, "arXiv:2011.10566"),
    ("SimCLR", "1000ep", 69.3, "arXiv:2002.05709"),
    ("PCL", "v2-200ep", 67.6, "salesforce/PCL README"),
    ("SeLa", "400ep-2x224", 67.2, "facebookresearch/swav README"),
];

/// With `strict` counts ReaL weighs by the images it scores.
pub(super) fn published(strict: bool) -> Published {
    let data_sets = DATA_SETS.map(|(name, n, label_space)| {
        let n = if strict && name == "ReaL" {
            REAL_SCORED
        } else {
            n
        };
        (name, n, label_space)
    });
    Published {
        title: "Self-supervised benchmark lottery on ImageNet",
        data_sets: data_sets.to_vec(),
        accuracies: &ACCURACIES,
        reported: &REPORTED,
        provenance: vec![
            (
                "study",
                "Ozbulak, Anzaku, Kang, De Neve, Vankerschaver, IJCNN 2024, arXiv 2501.15431",
            ),
            (
                "evaluation",
                "linear, top-1, percentages as printed with one decimal",
            ),
            (
                "image counts",
                if strict {
                    "ReaL by its 46,837 scored images"
                } else {
                    "as published"
                },
            ),
            (
                "label space",
                "all 1000 classes on every set, inferred for R and A from the numbers",
            ),
        ],
        notes: &[
            "The study prints no seeds and no per-image outcomes: tests are unpaired, and nothing here covers the variance of \
             another pretraining run or another linear head.",
            "Budget is confounded with framework: the accuracies fit public checkpoints of 100 to 1000 epochs, with and \
             without multi-crop.",
        ],
    }
}
