//! The plugins of the workspace.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// Package names of the plugins in `plugins/`, sorted.
pub fn plugins(root: &Path) -> Result<Vec<String>, Error> {
    let dir = root.join("plugins");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
        let manifest = entry
            .map_err(Error::io("list", &dir))?
            .path()
            .join("Cargo.toml");
        if manifest.is_file() {
            let text = fs::read_to_string(&manifest).map_err(Error::io("read", &manifest))?;
            names.extend(package_name(&text));
        }
    }
    names.sort();
    Ok(names)
}

/// The first `name = "…"` of a manifest, which is its package's.
fn package_name(manifest: &str) -> Option<String> {
    let value = |line: &str| {
        let rest = line.strip_prefix("name")?.trim_start().strip_prefix('=')?;
        Some(rest.trim().trim_matches('"').to_owned())
    };
    manifest.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn plugins_are_found_by_their_manifests() {
        let root = tempfile::tempdir().unwrap();
        for (dir, name) in [("swav", "ssl-swav"), ("byol", "ssl-byol")] {
            let dir = root.path().join("plugins").join(dir);
            fs::create_dir_all(&dir).unwrap();
            let text = format!("[package]\nname = \"{name}\"\n\n[lib]\nname = \"other\"\n");
            fs::write(dir.join("Cargo.toml"), text).unwrap();
        }
        fs::create_dir_all(root.path().join("plugins/notes")).unwrap();
        assert_eq!(plugins(root.path()).unwrap(), ["ssl-byol", "ssl-swav"]);
    }
}
