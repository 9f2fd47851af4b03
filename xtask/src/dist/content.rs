//! Which files a wheel or an archive holds, and where they go.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::paths::Checkout;
use crate::tasks::plugins;

/// The package with the program in it. It is not the package of plugin authors, which needs torch to be imported.
const PROGRAM: &str = "ssl_lottery_program";

/// A file of the checkout and its place in the wheel.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub from: PathBuf,
    /// Where it goes, with `/`.
    pub to: String,
}

/// Python's side and the benchmark files.
pub fn package(checkout: &Checkout) -> Result<Vec<Entry>, Error> {
    let python = checkout.root().join("plugin-api/python");
    let mut entries = Vec::new();
    for package in ["ssl_lottery", PROGRAM] {
        let wanted = |name: &str| name.ends_with(".py") || name == "py.typed";
        entries.extend(folder(&python.join(package), package, wanted)?);
    }
    let bench = format!("{PROGRAM}/bench");
    entries.extend(folder(&checkout.root().join("bench"), &bench, |name| {
        name.ends_with(".toml")
    })?);
    Ok(entries)
}

/// The program and every plugin, as cargo has built them in a folder.
pub fn built(checkout: &Checkout, release: &Path) -> Result<Vec<Entry>, Error> {
    let mut names = vec!["ssl-lottery".to_owned(), "libssl_python.so".to_owned()];
    for package in plugins(checkout.root())? {
        names.push(format!("lib{}.so", package.replace('-', "_")));
    }
    let mut entries = Vec::new();
    for name in names {
        let from = release.join(&name);
        if !from.is_file() {
            return Err(Error::NotBuilt(from));
        }
        entries.push(in_lib(from, &name));
    }
    Ok(entries)
}

/// The libraries of libtorch, each under the name that others look for.
pub fn libtorch(checkout: &Checkout) -> Result<Vec<Entry>, Error> {
    let lib = checkout.libtorch().join("lib");
    let mut entries = folder(&lib, &format!("{PROGRAM}/lib"), |name| name.contains(".so"))?;
    // A link to a library is the same library again, and nothing here asks for it by that name.
    entries.retain(|entry| !entry.from.is_symlink());
    let has = |name: &str| entries.iter().any(|entry| entry.from.ends_with(name));
    if !has("libtorch_cpu.so") || has("libtorch_cuda.so") {
        return Err(Error::NotForCpus(lib));
    }
    Ok(entries)
}

/// A place in the wheel as a place in an archive, which has no package around the program.
pub fn without_package(to: &str) -> &str {
    to.strip_prefix(PROGRAM)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(to)
}

fn in_lib(from: PathBuf, name: &str) -> Entry {
    Entry {
        from,
        to: format!("{PROGRAM}/lib/{name}"),
    }
}

/// The files of a folder with such names, sorted.
fn folder(dir: &Path, to: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if wanted(&name) {
            entries.push(Entry {
                from: entry.path(),
                to: format!("{to}/{name}"),
            });
        }
    }
    entries.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(entries)
}
