//! The host's side: opening a library, and ordinary Rust types over its C tables.

mod handle;
mod instance;
mod library;
mod refusal;
#[cfg(test)]
mod tests;

pub use instance::Instance;
pub use library::Plugin;
pub use refusal::Refusal;
