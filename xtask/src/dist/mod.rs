//! What is handed to people without Rust: `cargo xtask dist`.
//!
//! A wheel holds the Python package of plugin authors, the program with its plugins, the benchmark files, and what
//! licences ask for. One for CPUs brings libtorch with it; one for CUDA uses the torch of its environment.
//!
//! - [`content`]: which files, and where they go
//! - [`run_path`]: where programs look for libtorch once they are installed
//! - [`crates`], [`sbom`], [`licences`]: what is inside, and under which terms
//! - [`wheel`]: the file format

mod content;
mod crates;
mod licences;
mod run_path;
mod sbom;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;
use crate::tasks::plugins;
use wheel::Wheel;

/// Options of `dist`.
#[derive(Args)]
pub struct DistArgs {
    /// Which wheel: with libtorch for CPUs, or for the torch of the environment that it is installed in.
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    kind: Kind,
    /// Folder for the wheel.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
    /// Pack what `target/release` holds, without building.
    #[arg(long)]
    built: bool,
    /// How hard to compress, 1 to 9.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=9))]
    level: i32,
}

/// Which wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Self-contained, for CPUs.
    Cpu,
    /// Thin: depends on the torch that the program was built for, whose CUDA it uses.
    Cuda,
}

impl Kind {
    /// The local part of the version, which tells the wheels apart.
    const fn local(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// The run path of programs and plugins in the wheel.
    const fn run_path(self) -> &'static str {
        match self {
            Self::Cpu => "$ORIGIN",
            Self::Cuda => "$ORIGIN/../../torch/lib",
        }
    }
}

/// Builds the program and every plugin, and writes a wheel of them.
pub fn dist(checkout: &Checkout, args: &DistArgs) -> Result<ExitCode, Error> {
    if !args.built {
        libtorch::set_up(checkout, None, false)?;
        let mut packages = vec!["ssl-host".to_owned(), "ssl-python".to_owned()];
        packages.extend(plugins(checkout.root())?);
        let mut build = cargo::cargo(checkout, &["build", "--release"]);
        build.args(packages.iter().flat_map(|name| ["--package", name]));
        cargo::succeed(&mut build)?;
    }
    let path = write(checkout, args)?;
    println!("{}", path.display());
    println!("install it with `pip install {}`", path.display());
    Ok(ExitCode::SUCCESS)
}

fn write(checkout: &Checkout, args: &DistArgs) -> Result<PathBuf, Error> {
    let crates = crates::of_program(checkout)?;
    let version = env!("CARGO_PKG_VERSION");
    let out = checkout.root().join(&args.out);
    std::fs::create_dir_all(&out).map_err(Error::io("create", &out))?;
    let mut wheel = Wheel::create(
        &out,
        &format!("{version}+{}", args.kind.local()),
        args.level,
    )?;
    let libraries = match args.kind {
        Kind::Cpu => content::libtorch(checkout)?,
        Kind::Cuda => Vec::new(),
    };
    for file in content::package(checkout)? {
        wheel.add_file(&file.to, &file.from, false)?;
    }
    for file in content::built(checkout)? {
        let bytes = read(&file.from)?;
        let bytes = run_path::replace(bytes, args.kind.run_path(), &file.from)?;
        wheel.add(&file.to, &bytes, true)?;
    }
    for file in &libraries {
        wheel.add_file(&file.to, &file.from, true)?;
    }
    let torch = match args.kind {
        Kind::Cpu => wheel::Torch::OfAuthors,
        Kind::Cuda => wheel::Torch::Exactly(libtorch::VERSION),
    };
    wheel.add_metadata(&torch, &read_text(&checkout.root().join("README.md"))?)?;
    for (name, text) in licences::texts(checkout, &crates, !libraries.is_empty())? {
        wheel.add_info(&format!("licenses/{name}"), text.as_bytes())?;
    }
    let sbom = sbom::cyclonedx(version, &crates, &libraries, wheel.digests());
    wheel.add_info("sboms/ssl-lottery.cdx.json", sbom.as_bytes())?;
    wheel.finish()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(Error::io("read", path))
}

fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::io("read", path))
}
