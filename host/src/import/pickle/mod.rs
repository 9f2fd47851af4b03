//! A pickle machine that can build data and nothing else.
//!
//! Instructions of protocols 0 to 5 that make numbers, strings, lists, tuples, dictionaries and
//! references to storages are carried out. The few classes and functions that a state dict needs
//! (`globals`) are carried out by this program, not imported from anywhere. Every other one is a
//! name, and calling it gives an empty object of that name, which fails only where a tensor is
//! wanted; a name that only an attack needs is refused. Work and memory are bounded by the length of
//! the pickle and by [`MAX_ITEMS`].

mod call;
mod error;
mod globals;
mod input;
mod machine;
mod opcode;
mod stack;
#[cfg(test)]
mod tests;
mod value;

pub use error::PickleError;
pub use globals::{Element, Known};
pub use input::Input;
pub(super) use input::printable;
pub use machine::{Loaded, load};
pub use value::{Arena, MAX_ITEMS, Object, StorageRef, TensorRef, Value};
