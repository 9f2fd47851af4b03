//! Fine-tuning: backbone and classifier trained together on all, a tenth or a hundredth of the labels.
//!
//! The rates come from the framework's recipe for that share of the labels, or from one for all; a
//! common factor on both is chosen on a part of the labelled images that is held out, then everything
//! is trained again on all of them.

mod protocol;
mod resume;
mod run;
mod subset;
mod train;

pub use protocol::{FinetuneProtocol, LabelFraction, fallback};
pub use run::{FinetuneResults, FinetuneRun};
pub use subset::{Subset, subset};
