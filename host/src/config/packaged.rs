//! Benchmark files that come with an installed program.

use std::path::{Path, PathBuf};

/// The file that a relative path means beside the folder of this program: `bench/demo.toml` of an installed package.
/// `None` where there is none.
pub(super) fn beside_program(path: &Path) -> Option<PathBuf> {
    if path.is_absolute() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let file = program.parent()?.parent()?.join(path);
    file.is_file().then_some(file)
}
