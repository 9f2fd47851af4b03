//! Many files under one roof: a folder tree or a `tar` archive, listed once.
//!
//! What is kept is small (one string for all names, a few numbers per file), so that a million
//! files cost tens of megabytes.

mod disk;
mod index;
mod links;
mod listing;
mod passed;
mod regular;
mod set;
mod tar;
mod tree;

pub(crate) use listing::normal;
pub use regular::open_regular;
pub(crate) use set::FileSet;
pub(crate) use tree::{Entry, Tree};

/// Parses the headers of a `tar` archive in memory; for fuzzing.
///
/// # Errors
/// What is malformed.
pub fn list_tar(bytes: &[u8]) -> Result<Vec<String>, String> {
    tar::index(&mut std::io::Cursor::new(bytes))
        .map(|members| members.into_iter().map(|m| m.path).collect())
        .map_err(|e| e.to_string())
}
