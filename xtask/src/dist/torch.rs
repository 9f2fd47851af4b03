//! The torch that an archive is built for, as pip has installed it.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;

/// Where Python's torch lies; nothing is imported.
const FIND: &str = "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
/// The libraries that programs for CPUs are linked with. Where the others lie beside these, `torch-sys` would link CUDA
/// too, which the program opens by itself where it is.
const LINKED: [&str; 2] = ["libtorch_cpu.so", "libc10.so"];

/// Builds the packages for this release of torch into a target folder of its own, and gives back the folder of programs.
///
/// # Errors
/// No torch of that release in `from` or in the environment's Python; a build that fails.
pub fn build(
    checkout: &Checkout,
    release: &str,
    from: Option<&Path>,
    packages: &[String],
) -> Result<PathBuf, Error> {
    let torch = from.map_or_else(of_python, |path| Ok(path.to_owned()))?;
    let found = libtorch::version_in(&torch).filter(|it| is_of(it, release));
    if found.is_none() {
        return Err(Error::OtherTorch {
            expected: release.to_owned(),
            found: libtorch::version_in(&torch),
            path: torch,
        });
    }
    let target = checkout.target().join(format!("torch-{release}"));
    let view = target.join("libtorch");
    link(&torch, &view)?;
    let mut build = cargo::cargo(checkout, &["build", "--release", "--target-dir"]);
    build.arg(&target);
    build.args(packages.iter().flat_map(|name| ["--package", name]));
    build
        .env("LIBTORCH", &view)
        .env("LIBTORCH_BYPASS_VERSION_CHECK", "1")
        .env("SSL_LOTTERY_LIBTORCH", release)
        // What libtorch needs of CUDA is found when the program starts.
        .env(
            "RUSTFLAGS",
            super::run_path::flags() + " -Clink-arg=-Wl,--allow-shlib-undefined",
        );
    cargo::succeed(&mut build)?;
    Ok(target.join("release"))
}

/// Whether a version is of a release: `2.11` has the version 2.11.1, and not 2.1.
pub fn is_of(version: &str, release: &str) -> bool {
    let rest = version.strip_prefix(release);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
}

/// The folder of torch that `python3` has.
fn of_python() -> Result<PathBuf, Error> {
    let python = env::var_os("SSL_LOTTERY_PYTHON").unwrap_or_else(|| "python3".into());
    let output = Command::new(&python).args(["-c", FIND]).output();
    let output = output.map_err(|source| Error::Start {
        program: python.to_string_lossy().into_owned(),
        source,
    })?;
    Ok(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim(),
    ))
}

/// A libtorch of links: torch's headers, and the libraries that are linked.
fn link(torch: &Path, view: &Path) -> Result<(), Error> {
    if view.exists() {
        fs::remove_dir_all(view).map_err(Error::io("remove", view))?;
    }
    let lib = view.join("lib");
    fs::create_dir_all(&lib).map_err(Error::io("create", &lib))?;
    let link = |from: PathBuf, to: PathBuf| {
        let from = std::path::absolute(&from).unwrap_or(from);
        symlink(from, &to).map_err(Error::io("link", &to))
    };
    link(torch.join("include"), view.join("include"))?;
    for name in LINKED {
        link(torch.join("lib").join(name), lib.join(name))?;
    }
    link(torch.join("lib/libtorch_cpu.so"), lib.join("libtorch.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_told_apart() {
        for (version, release, is) in [
            ("2.11.0", "2.11", true),
            ("2.11.0", "2.11.0", true),
            ("2.11", "2.1", false),
            ("2.9.0", "2.11", false),
        ] {
            assert_eq!(is_of(version, release), is, "{version} {release}");
        }
    }
}
