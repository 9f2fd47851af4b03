//! Set-up of libtorch: `cargo xtask setup`.
//!
//! libtorch comes out of the `torch` wheel that pip offers, is kept once per user, and is linked
//! into the checkout as `.libtorch`; `.cargo/config.toml` sends builds and run paths there. A
//! libtorch that the user names in `LIBTORCH` is linked instead, and nothing is fetched.
//!
//! - [`wheels`]: which wheels, pinned by hash
//! - [`download`], [`verify`], [`unpack`]: from pip to a directory
//! - [`install`], [`stamp`]: at once or not at all, and how damage is noticed
//! - [`own`], [`link`]: the user's libtorch, the link in the checkout

mod download;
#[cfg(test)]
mod fixtures;
mod install;
mod link;
mod own;
mod stamp;
mod unpack;
mod verify;
mod wheels;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

pub use wheels::{Flavour, VERSION};

use crate::cargo;
use crate::error::Error;
use crate::paths::{self, Checkout};
use stamp::Depth;

/// Makes `.libtorch` lead to a working libtorch.
///
/// In this order: the user's `LIBTORCH`; a `.libtorch` that the user put there; the cache, filled
/// if need be with `flavour`, or with what suits this machine.
pub fn set_up(checkout: &Checkout, flavour: Option<Flavour>, verify: bool) -> Result<(), Error> {
    let link = checkout.libtorch();
    let bypass = env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some();
    if let Some(dir) = users_libtorch(&link) {
        own::accept(&dir, "LIBTORCH", bypass)?;
        return connect(checkout, &dir, "from LIBTORCH");
    }
    let cache = paths::cache_dir(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))?;
    let linked = managed(&link, &cache);
    if flavour.is_none() && linked.is_none() && link.exists() {
        own::accept(&link, ".libtorch", bypass)?;
        println!("libtorch ready: your own .libtorch");
        return Ok(());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let (os, arch) = (env::consts::OS, env::consts::ARCH);
        return Err(Error::Platform {
            os,
            arch,
            version: wheels::VERSION,
        });
    }
    let flavour = flavour.or(linked).unwrap_or_else(Flavour::of_this_machine);
    let depth = if verify { Depth::Full } else { Depth::Quick };
    let path = env::var_os("PATH").unwrap_or_default();
    let dir = install::install(&flavour.plan(), &cache, &path, depth)?;
    connect(checkout, &dir, flavour.name())
}

/// The version of the libtorch in a folder, if there is one that says it.
pub fn version_in(dir: &Path) -> Option<String> {
    own::inspect(dir)?.version
}

/// Links `dir` and has `torch-sys` built anew where the link led to a different kind before: its
/// build script watches the path, which stays the same.
fn connect(checkout: &Checkout, dir: &Path, what: &str) -> Result<(), Error> {
    let link = checkout.libtorch();
    let before = own::inspect(&link);
    if link::point(&link, dir)? && before != own::inspect(&link) {
        for profile in [
            &["clean", "-p", "torch-sys", "--release"][..],
            &["clean", "-p", "torch-sys"],
        ] {
            // Without a build there is nothing to clean, and cargo may say so.
            drop(cargo::status(
                cargo::cargo(checkout, profile).stderr(std::process::Stdio::null()),
            ));
        }
    }
    println!("libtorch ready: {what}, {}", dir.display());
    Ok(())
}

/// The directory that the user set `LIBTORCH` to. Cargo sets it too, to the checkout's link, for
/// every program that it runs; that one does not count.
fn users_libtorch(link: &Path) -> Option<PathBuf> {
    let dir = PathBuf::from(env::var_os("LIBTORCH").filter(|value| !value.is_empty())?);
    let same = dir == link || (dir.exists() && dir.canonicalize().ok() == link.canonicalize().ok());
    (!same).then(|| std::path::absolute(&dir).unwrap_or(dir))
}

/// The flavour that `link` leads to when an earlier set-up made it, of this version or another; the
/// directory itself may be gone.
fn managed(link: &Path, cache: &Path) -> Option<Flavour> {
    let target = fs::read_link(link).ok()?;
    let name = target
        .strip_prefix(cache)
        .ok()?
        .to_str()?
        .strip_prefix("libtorch-")?;
    let (_, flavour) = name.rsplit_once('-')?;
    [Flavour::Cpu, Flavour::Cuda]
        .into_iter()
        .find(|known| known.name() == flavour)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn only_links_that_setup_made_are_managed() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join(".libtorch");
        let cache = Path::new("/c/ssl-lottery");
        let leads_to = |target: &str| {
            link::point(&link, Path::new(target)).unwrap();
            managed(&link, cache)
        };
        assert_eq!(managed(&link, cache), None);
        assert_eq!(
            leads_to("/c/ssl-lottery/libtorch-2.9.0-cpu"),
            Some(Flavour::Cpu)
        );
        assert_eq!(
            leads_to("/c/ssl-lottery/libtorch-2.8.0-cuda"),
            Some(Flavour::Cuda)
        );
        assert_eq!(leads_to("/c/ssl-lottery/libtorch-2.9.0-mine"), None);
        assert_eq!(leads_to("/opt/libtorch-2.9.0-cpu"), None);
    }
}
