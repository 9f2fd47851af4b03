//! The arguments that name a benchmark, its results and its plugins.

use super::exit::Failure;
use crate::config::{Benchmark, Document};
use clap::Args;
use std::path::{Path, PathBuf};

/// A benchmark, where its results are, and with which plugins it is carried out.
#[derive(Args, Debug)]
pub(super) struct BenchArgs {
    /// The benchmark file
    #[arg(value_name = "BENCH.toml")]
    pub bench: PathBuf,
    /// Folder for the results [default: results/ and the benchmark file's name]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Override a key of the benchmark: dotted, with a value in TOML (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A further directory with plugins (repeatable)
    #[arg(long, value_name = "DIR", value_parser = super::folder)]
    pub plugin_dir: Vec<PathBuf>,
}

impl BenchArgs {
    /// The benchmark with its overrides.
    pub(super) fn load(&self) -> Result<(Benchmark, Document), Failure> {
        Ok(Benchmark::load(&self.bench, &self.set)?)
    }

    /// `results/demo` for `bench/demo.toml`, unless a folder is given.
    pub(super) fn out(&self) -> PathBuf {
        let out = self.out.clone().unwrap_or_else(|| {
            Path::new("results").join(self.bench.file_stem().unwrap_or_default())
        });
        // A plugin may change the folder that relative paths start from.
        std::path::absolute(&out).unwrap_or(out)
    }
}
