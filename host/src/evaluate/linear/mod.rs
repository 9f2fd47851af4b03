//! Linear classification on frozen features: many learning rates trained at once as one wide head
//! ([`train`]), the rate chosen on held-out training samples ([`select`]), then the final heads
//! ([`Selection`]); or one head by a framework's own recipe ([`train_recipe`]).

mod head;
mod paper;
mod protocol;
mod samples;
mod select;
mod split;
mod train;

pub use head::{Heads, Hyper};
pub(in crate::evaluate) use paper::training;
pub use paper::{PaperProtocol, train_recipe};
pub use protocol::{LinearProtocol, Schedule};
pub use samples::Samples;
pub use select::{GridPoint, HeldOut, Selection, select};
pub use split::{Split, stratified};
pub use train::train;
