//! The examples as templates.

use super::name::{NameError, Names};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// The language of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Rust, with the kit.
    Rust,
    /// C++17, on libtorch.
    Cpp,
    /// C11, without any library.
    C,
    /// Python, on PyTorch, in a process of its own.
    Python,
}

/// An example, whole.
struct Template {
    /// Its framework's id.
    id: &'static str,
    /// Its framework's name.
    name: &'static str,
    /// What stands before the id in its library's name. A library named like a plugin would be found as
    /// one beside the program.
    library: &'static str,
    /// Whether it needs the header beside it.
    header: bool,
    files: &'static [(&'static str, &'static [u8])],
}

/// The files of an example.
macro_rules! example {
    ($folder:literal, $($file:literal),+ $(,)?) => {
        &[$((
            $file,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/", $folder, "/", $file)),
        )),+]
    };
}

const HEADER: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../plugin-api/include/ssl_lottery.h"
));

const RUST: Template = Template {
    id: "align-uniform",
    name: "AlignUniform",
    library: "example",
    header: false,
    files: example!(
        "plugin",
        ".cargo/config.toml",
        ".github/workflows/conformance.yml",
        ".gitignore",
        "Cargo.toml",
        "README.md",
        "bench/toy.toml",
        "golden/make.py",
        "golden/step.safetensors",
        "src/lib.rs",
        "tests/properties.rs",
    ),
};

const CPP: Template = Template {
    id: "simsiam-cpp",
    name: "SimSiam in C++",
    library: "ssl",
    header: true,
    files: example!(
        "plugin-cpp",
        ".github/workflows/conformance.yml",
        ".gitignore",
        "Makefile",
        "README.md",
        "bench/toy.toml",
        "golden/make.py",
        "golden/step.safetensors",
        "src/plugin.cpp",
    ),
};

const C: Template = Template {
    id: "align",
    name: "Align",
    library: "ssl",
    header: true,
    files: example!(
        "plugin-c",
        ".github/workflows/conformance.yml",
        ".gitignore",
        "Makefile",
        "README.md",
        "bench/toy.toml",
        "golden/make.py",
        "golden/step.safetensors",
        "src/plugin.c",
    ),
};

const PYTHON: Template = Template {
    id: "nt-xent",
    name: "NtXent",
    library: "ssl",
    header: false,
    files: example!(
        "plugin-python",
        ".github/workflows/conformance.yml",
        ".gitignore",
        "Makefile",
        "README.md",
        "bench/toy.toml",
        "golden/make.py",
        "golden/step.safetensors",
        "pyproject.toml",
        "ssl_nt_xent.py",
    ),
};

impl Language {
    /// The language in a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Cpp => "C++",
            Self::C => "C",
            Self::Python => "Python",
        }
    }

    /// The commands that build, certify and try a new project.
    #[must_use]
    pub const fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &[
                "cargo test --release",
                "cargo build --release",
                "ssl-lottery conformance target/release/libssl_*.so --golden golden",
                "ssl-lottery run bench/toy.toml --plugin-dir target/release",
            ],
            Self::Cpp | Self::C | Self::Python => &["make", "make conformance", "make toy"],
        }
    }

    /// Whether a project is built against libtorch.
    #[must_use]
    pub const fn needs_libtorch(self) -> bool {
        matches!(self, Self::Rust | Self::Cpp)
    }

    const fn template(self) -> &'static Template {
        match self {
            Self::Rust => &RUST,
            Self::Cpp => &CPP,
            Self::C => &C,
            Self::Python => &PYTHON,
        }
    }
}

/// Keeps a manifest out of a workspace that its folder may lie in.
const OWN_WORKSPACE: &str = "\n[workspace]\n";

/// The files of a new project and their contents, by path in the project. `kit` is the folder of the
/// crate `ssl-plugin-kit`; without one it comes from the registry, and so does the package `ssl_lottery`, which lies
/// beside it.
///
/// # Errors
/// When the id is none.
pub fn files(
    id: &str,
    language: Language,
    kit: Option<&Path>,
) -> Result<Vec<(PathBuf, Vec<u8>)>, NameError> {
    let template = language.template();
    let names = Names::new(id, |name| template.uses(name))?;
    let mut files: Vec<(PathBuf, Vec<u8>)> = template
        .files
        .iter()
        .map(|(path, bytes)| {
            let bytes = match std::str::from_utf8(bytes) {
                Ok(text) if !path.ends_with(".safetensors") => {
                    template.text(text, &names, kit).into_bytes()
                }
                _ => golden(bytes, &names.id),
            };
            (PathBuf::from(template.text(path, &names, None)), bytes)
        })
        .collect();
    for (path, bytes) in &mut files {
        if path == Path::new("Cargo.toml") {
            bytes.extend_from_slice(OWN_WORKSPACE.as_bytes());
        }
    }
    if template.header {
        files.push(("include/ssl_lottery.h".into(), HEADER.to_vec()));
    }
    Ok(files)
}

impl Template {
    /// Whether a word stands in one of the files.
    fn uses(&self, word: &str) -> bool {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        self.files.iter().any(|(_, bytes)| {
            std::str::from_utf8(bytes)
                .is_ok_and(|text| text.split(|c| !is_part(c)).any(|found| found == word))
        })
    }

    /// A text of the example, with the new project's names and places.
    fn text(&self, text: &str, names: &Names, kit: Option<&Path>) -> String {
        let snake = self.id.replace('-', "_");
        let package = kit.and_then(Path::parent).map_or_else(
            || PACKAGE.to_owned(),
            |api| api.join("python").display().to_string(),
        );
        let kit = kit.map_or_else(|| format!("\"{VERSION}\""), kit_at);
        let changes: [(&str, &str); 9] = [
            (KIT, &kit),
            ("../../plugin-api/python", &package),
            ("../../plugin-api/include", "include"),
            ("../../.libtorch", ".libtorch"),
            ("../../target/release/ssl-lottery", "ssl-lottery"),
            (
                &format!("{}_{snake}", self.library),
                &format!("ssl_{}", names.snake),
            ),
            (
                &format!("{}-{}", self.library, self.id),
                &format!("ssl-{}", names.id),
            ),
            (self.id, &names.id),
            (self.name, &names.pascal),
        ];
        changes
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// The version of the kit that a new project asks for.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The package of frameworks in Python, as its registry knows it.
const PACKAGE: &str = "ssl-lottery";

/// The kit in the example's manifest.
const KIT: &str = r#"{ version = "0.1", path = "../../plugin-api/kit" }"#;

/// The kit in a new manifest: this version, from a folder of this machine while there is one.
fn kit_at(path: &Path) -> String {
    format!(
        "{{ version = \"{VERSION}\", path = {:?} }}",
        path.display().to_string()
    )
}

/// A golden file for another framework: the same tensors.
fn golden(bytes: &[u8], id: &str) -> Vec<u8> {
    let rewritten = || {
        let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
        let mut metadata = header.metadata().clone()?;
        metadata.insert("framework".to_owned(), id.to_owned());
        let tensors = SafeTensors::deserialize(bytes).ok()?;
        safetensors::serialize(tensors.iter(), Some(metadata)).ok()
    };
    // The examples' own files can be read, as a test shows.
    rewritten().unwrap_or_else(|| bytes.to_vec())
}
