//! `new`: a plugin project that builds, trains and is certified as it is written.

use super::exit::{Exit, Failure};
use crate::libtorch;
use crate::scaffold::{Language, files};
use crate::terminal::outln;
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};

/// Write a plugin project of your own: it builds, trains and passes conformance as it is
#[derive(Args, Debug)]
pub struct New {
    /// The framework's id: lower-case letters, digits and hyphens
    id: String,
    /// The language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// The folder to make [default: ssl-ID]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The folder of the crate ssl-plugin-kit, for Rust and Python [default: that of the checkout which
    /// this program lies in, else the registry's]
    #[arg(long, value_name = "DIR")]
    kit: Option<PathBuf>,
}

impl New {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let dir = self
            .dir
            .clone()
            .unwrap_or_else(|| PathBuf::from(format!("ssl-{}", self.id)));
        let kit = self.kit.clone().or_else(kit_of_this_checkout);
        if let Some(kit) = &self.kit
            && !kit.join("Cargo.toml").is_file()
        {
            return Err(Failure::message(
                Exit::BadInput,
                format!(
                    "--kit {}: expected the folder of the crate ssl-plugin-kit, found no Cargo.toml",
                    kit.display()
                ),
                "name plugin-api/kit of a checkout of ssl-lottery, or leave --kit out",
            ));
        }
        let kit = kit.map(|kit| std::path::absolute(&kit).unwrap_or(kit));
        let files = files(&self.id, self.lang, kit.as_deref()).map_err(|error| {
            Failure::with_help(
                Exit::BadInput,
                error,
                "for instance `ssl-lottery new my-idea`",
            )
        })?;
        write(&dir, &files).map_err(|error| cannot_write(&dir, &error))?;
        if self.lang.needs_libtorch() {
            link_libtorch(&dir).map_err(|error| cannot_write(&dir, &error))?;
        }
        outln!(
            "{}: a plugin in {}, {} files. Next:",
            dir.display(),
            self.lang.name(),
            files.len()
        );
        outln!("    cd {}", dir.display());
        for command in self.lang.commands() {
            outln!("    {command}");
        }
        outln!("README.md says what is where.");
        Ok(Exit::Done)
    }
}

fn cannot_write(dir: &Path, error: &io::Error) -> Failure {
    Failure::message(
        Exit::BadInput,
        format!(
            "{}: expected a folder that can be made, found: {error}",
            dir.display()
        ),
        "choose another folder with --dir",
    )
}

/// Writes the files into a folder that is new or empty.
fn write(dir: &Path, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        return Err(io::Error::other("it is not empty"));
    }
    for (path, bytes) in files {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

/// Links the libtorch of this program into the project, so that the plugin is built for it.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps))]
fn link_libtorch(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(found) = libtorch::loaded()
        && let Some(root) = found.path.parent().and_then(Path::parent)
    {
        let root = root.canonicalize()?;
        return std::os::unix::fs::symlink(root, dir.join(".libtorch"));
    }
    outln!("libtorch was not found; set LIBTORCH when you build");
    Ok(())
}

/// `plugin-api/kit` beside one of the folders that this program lies in.
fn kit_of_this_checkout() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program
        .ancestors()
        .map(|folder| folder.join("plugin-api/kit"))
        .find(|kit| kit.join("Cargo.toml").is_file())
}
