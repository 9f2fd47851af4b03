//! What is handed to people without Rust: `cargo xtask dist`.
//!
//! A wheel holds the Python package of plugin authors, the program with its plugins, the benchmark files, and what
//! licences ask for. One for CPUs brings libtorch with it; one for CUDA uses the torch of its environment. An archive
//! is for machines with another release of torch.
//!
//! - [`content`]: which files, and where they go
//! - [`run_path`]: where programs look for libtorch once they are installed
//! - [`crates`], [`sbom`], [`licences`]: what is inside, and under which terms
//! - [`wheel`]: the file format
//! - [`archive`], [`torch`]: the archive, and the torch that it is built for

mod archive;
mod content;
mod crates;
mod licences;
mod run_path;
mod sbom;
mod torch;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::cargo;
use crate::error::Error;
use crate::libtorch;
use crate::paths::Checkout;
use crate::tasks::plugins;
use archive::Archive;
use wheel::Wheel;

/// Options of `dist`.
#[derive(Args)]
pub struct DistArgs {
    /// Which wheel: with libtorch for CPUs, or for the torch of the environment that it is installed in.
    #[arg(long, value_enum, default_value_t = Kind::Cpu)]
    kind: Kind,
    /// Instead of a wheel, an archive for machines that have this release of torch, 2.11 for instance.
    #[arg(long, value_name = "RELEASE", conflicts_with = "kind", value_parser = release)]
    torch: Option<String>,
    /// The folder `torch` of that release, as pip installs it [default: that of SSL_LOTTERY_PYTHON, else python3].
    #[arg(long, value_name = "DIR", requires = "torch", conflicts_with = "built")]
    from: Option<PathBuf>,
    /// Folder for the wheel or archive.
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

/// A release as `major.minor`, with or without a patch.
fn release(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if (2..=3).contains(&parts.len()) && parts.iter().all(is_number) {
        return Ok(parts[..2].join("."));
    }
    Err("expected a release such as 2.11".to_owned())
}

/// Builds the program and every plugin, and writes a wheel or an archive of them.
pub fn dist(checkout: &Checkout, args: &DistArgs) -> Result<ExitCode, Error> {
    if let Some(release) = &args.torch {
        let path = pack(checkout, args, release)?;
        println!("{}", path.display());
        println!("unpack it, and run the program `ssl-lottery` in it");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.built {
        libtorch::set_up(checkout, None, false)?;
        let mut build = cargo::cargo(checkout, &["build", "--release"]);
        let packages = packages(checkout)?;
        build.args(packages.iter().flat_map(|name| ["--package", name]));
        cargo::succeed(&mut build)?;
    }
    let path = write(checkout, args)?;
    println!("{}", path.display());
    println!("install it with `pip install {}`", path.display());
    Ok(ExitCode::SUCCESS)
}

/// What is built: the program and every plugin.
fn packages(checkout: &Checkout) -> Result<Vec<String>, Error> {
    let mut packages = vec!["ssl-host".to_owned(), "ssl-python".to_owned()];
    packages.extend(plugins(checkout.root())?);
    Ok(packages)
}

/// The archive for a release of torch.
fn pack(checkout: &Checkout, args: &DistArgs, release: &str) -> Result<PathBuf, Error> {
    let built = if args.built {
        let own = checkout.libtorch();
        match libtorch::version_in(&own) {
            Some(version) if torch::is_of(&version, release) => checkout.target().join("release"),
            found => {
                return Err(Error::OtherTorch {
                    expected: release.to_owned(),
                    found,
                    path: own,
                });
            }
        }
    } else {
        let from = args.from.as_deref();
        torch::build(checkout, release, from, &packages(checkout)?)?
    };
    let crates = crates::of_program(checkout)?;
    let out = out(checkout, args)?;
    let version = env!("CARGO_PKG_VERSION");
    let mut archive = Archive::create(&out, version, release, args.level)?;
    archive.fill(checkout, &built, release, &crates)?;
    archive.finish()
}

/// The folder that is written into.
fn out(checkout: &Checkout, args: &DistArgs) -> Result<PathBuf, Error> {
    let out = checkout.root().join(&args.out);
    std::fs::create_dir_all(&out).map_err(Error::io("create", &out))?;
    Ok(out)
}

fn write(checkout: &Checkout, args: &DistArgs) -> Result<PathBuf, Error> {
    let crates = crates::of_program(checkout)?;
    let version = env!("CARGO_PKG_VERSION");
    let out = out(checkout, args)?;
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
    for file in content::built(checkout, &checkout.target().join("release"))? {
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
