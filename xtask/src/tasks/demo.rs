//! `cargo xtask demo`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;

/// The demo's configuration.
const CONFIG: &str = "bench/demo.toml";

/// Builds the host and every plugin, then runs the demo benchmark on images that the program draws
/// itself. `rest` goes to `ssl-lottery run`; a first argument `BENCH.toml` replaces the demo's
/// configuration. Results go to `results/` and the benchmark's name, as the host does it; the exit
/// code is the host's.
pub fn demo(checkout: &Checkout, rest: &[String]) -> Result<ExitCode, Error> {
    libtorch::set_up(checkout, None, false)?;
    let mut packages = vec!["ssl-host".to_owned()];
    packages.extend(plugins(checkout.root())?);
    let mut build = cargo::cargo(checkout, &["build", "--release"]);
    build.args(packages.iter().flat_map(|name| ["--package", name]));
    cargo::succeed(&mut build)?;

    let program = checkout.target().join("release/ssl-lottery");
    let mut run = cargo::command(checkout, program);
    let (config, rest) = match rest {
        [first, rest @ ..] if first.ends_with(".toml") => (first.as_str(), rest),
        _ => (CONFIG, rest),
    };
    let status = cargo::status(run.args(["run", config]).args(rest))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Package names of the plugins in `plugins/`, sorted.
fn plugins(root: &Path) -> Result<Vec<String>, Error> {
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
