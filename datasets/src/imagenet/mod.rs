//! ImageNet-1k and the sets derived from it: classes, layouts, counts.
//!
//! A class's label is its place among the sorted WordNet ids. The class folders of ImageNet-V2 are
//! those labels as numbers; the numbers of the ILSVRC devkit (1 to 1000) are in another order and
//! are refused everywhere.

mod classes;
mod layout;
mod source;
mod split;

pub use classes::{adversarial, class_of, names, rendition, wnid};
pub use split::ImageNetSplit;
