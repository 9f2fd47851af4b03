//! `shapes`: a procedural data set with its six test sets in miniature. No files, no network.
//!
//! 32 × 32 RGB images of ten figures under nuisances (pose, colours, light, a bar in front, noise) that
//! make raw pixels a poor guide; most figures of a class wear its pattern. Everything is drawn from a
//! seed with arithmetic that is exact by IEEE 754 (`+ − × ÷ √` in `f32`), so the bytes are the same on
//! every machine.
//!
//! It is a functional default: it exercises the whole protocol in minutes. **No conclusion about
//! frameworks may be drawn from it.**
//!
//! | split | what |
//! |---|---|
//! | `train` | 5,000 images; one figure, sometimes a second one beside it |
//! | `val` | 1,000 more of the same; the label is the first figure |
//! | `real` | the images of `val`; every figure that is well visible counts, none where none is |
//! | `v2` | 500 drawn anew with shifted nuisances |
//! | `rendition` | 600 of six classes in other styles (poster, hatching, mosaic, outline) |
//! | `sketch` | 500 line drawings on white |
//! | `adversarial` | 300 of six classes that a fixed raw-pixel reference gets wrong |

mod adversarial;
mod drawing;
mod figure;
mod material;
mod math;
mod nuisance;
mod paint;
mod scene;
mod split;

pub use figure::{CLASSES, Figure};
pub use scene::SIDE;
pub use split::ShapesSplit;
