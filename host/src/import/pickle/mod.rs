//! A pickle machine that can build data and nothing else.
//!
//! Instructions of protocols 0 to 5 that make numbers, strings, lists, tuples, dictionaries and
//! references to storages are carried out. A class or function is known by name or refused; the
//! known ones (`globals`) are carried out by this program, not imported from anywhere. Everything
//! else is refused by name. Work and memory are bounded by the length of the pickle and by
//! [`MAX_ITEMS`].

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
pub use machine::{Loaded, load};
pub use value::{Arena, MAX_ITEMS, StorageRef, TensorRef, Value};
