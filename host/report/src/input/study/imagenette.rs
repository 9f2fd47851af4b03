//! Twelve frameworks on Imagenette, by the maintainers of stable-pretraining.

use super::Published;

/// Linear top-1 accuracy in percent, as printed.
const ACCURACIES: [(&str, &[&str]); 12] = [
    ("SwAV", &["89.7"]),
    ("LeJEPA", &["87.1"]),
    ("DINO", &["86.1"]),
    ("MoCov3", &["84.7"]),
    ("MAE", &["84.1"]),
    ("Barlow", &["83.0"]),
    ("NNCLR", &["80.2"]),
    ("VICReg", &["79.4"]),
    ("SimCLR", &["74.9"]),
    ("VICRegL", &["72.7"]),
    ("CMAE", &["72.2"]),
    ("MoCov2", &["70.8"]),
];

/// Images of Imagenette's validation set.
const IMAGES: u64 = 3925;

pub(super) fn published() -> Published {
    Published {
        title: "Imagenette, published results of stable-pretraining",
        data_sets: vec![("Imagenette", IMAGES, "full-10")],
        accuracies: &ACCURACIES,
        reported: &[],
        provenance: vec![
            (
                "study",
                "stable-pretraining, benchmarks/imagenet10/RESULTS.md",
            ),
            (
                "evaluation",
                "linear, top-1, percentages as printed with one decimal",
            ),
            (
                "image counts",
                "3,925 images of Imagenette's validation set",
            ),
        ],
        notes: &[
            "One number per framework is printed, without seeds and per-image outcomes: tests are unpaired, and nothing here \
             covers the variance of another pretraining run or another linear head.",
            "On one data set the averages are its accuracy and the mean rank is its rank; nothing can be said about other \
             data.",
        ],
    }
}
