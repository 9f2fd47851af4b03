//! The host's side: opening a library in three checks, and ordinary Rust types over its tables.

mod instance;
mod library;
mod refusal;

pub use instance::Instance;
pub use library::Plugin;
pub use refusal::Refusal;
