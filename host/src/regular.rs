//! Whole files that may come from anybody: a pipe in the place of a file would be waited for without end, and a
//! device has no end.

use ssl_datasets::files::open_regular;
use std::io::{self, Read as _};
use std::path::Path;

/// As [`std::fs::read`], of regular files alone.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`std::fs::read_to_string`], of regular files alone.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_regular(path)?.read_to_string(&mut text)?;
    Ok(text)
}
