//! Recognises a libtorch that the user brought along.

use std::fs;
use std::path::{Path, PathBuf};

use super::wheels::VERSION;
use crate::error::Error;

/// What is known of a libtorch directory.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its version without a local part, e.g. `2.9.0`; `None` when it does not say.
    pub version: Option<String>,
    /// Whether it carries CUDA code.
    pub cuda: bool,
}

/// Looks at `dir`; `None` when it is no libtorch.
pub fn inspect(dir: &Path) -> Option<Found> {
    let lib = dir.join("lib");
    let whole = lib.join("libtorch_cpu.so").exists() && dir.join("include/torch").is_dir();
    whole.then(|| Found {
        version: version(dir),
        cuda: lib.join("libtorch_cuda.so").exists(),
    })
}

/// Accepts the libtorch in `dir` or says what is wrong with it; `origin` says who named it and
/// `bypass` that the user waived the version check.
///
/// # Errors
/// [`Error::NotLibtorch`], [`Error::Version`].
pub fn accept(dir: &Path, origin: &'static str, bypass: bool) -> Result<(), Error> {
    let path = PathBuf::from(dir);
    let Some(found) = inspect(dir) else {
        return Err(Error::NotLibtorch { path, origin });
    };
    match found.version {
        Some(found) if found != VERSION && !bypass => Err(Error::Version {
            expected: VERSION,
            found,
            path,
            origin,
        }),
        Some(found) if found != VERSION => {
            eprintln!(
                "warning: libtorch {found} in {} instead of {VERSION}",
                path.display()
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// From the file that libtorch archives carry, else from the header.
fn version(dir: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(dir.join("build-version")) {
        return text.trim().split('+').next().map(str::to_owned);
    }
    let header = dir.join("include/torch/csrc/api/include/torch/version.h");
    let text = fs::read_to_string(header).ok()?;
    let number = |part: &str| {
        let name = format!("TORCH_VERSION_{part}");
        let mut words = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.find_map(|words| match words[..] {
            ["#define", defined, value] if defined == name => value.parse::<u32>().ok(),
            _ => None,
        })
    };
    Some(format!(
        "{}.{}.{}",
        number("MAJOR")?,
        number("MINOR")?,
        number("PATCH")?
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn libtorch(version: (u32, u32, u32)) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let headers = dir.path().join("include/torch/csrc/api/include/torch");
        fs::create_dir_all(&headers).unwrap();
        fs::create_dir_all(dir.path().join("lib")).unwrap();
        fs::write(dir.path().join("lib/libtorch_cpu.so"), "").unwrap();
        let (major, minor, patch) = version;
        let text = format!(
            "/// major\n#define TORCH_VERSION_MAJOR {major}\n#define TORCH_VERSION_MINOR {minor}\n\
             #define TORCH_VERSION_PATCH {patch}\n#define TORCH_VERSION \"x\"\n"
        );
        fs::write(headers.join("version.h"), text).unwrap();
        dir
    }

    #[test]
    fn version_comes_from_the_header_or_the_build_version() {
        let dir = libtorch((2, 11, 1));
        assert_eq!(
            inspect(dir.path()).unwrap().version.as_deref(),
            Some("2.11.1")
        );
        fs::write(dir.path().join("build-version"), "2.9.0+cpu\n").unwrap();
        let expected = Found {
            version: Some("2.9.0".to_owned()),
            cuda: false,
        };
        assert_eq!(inspect(dir.path()), Some(expected));
    }

    #[test]
    fn another_version_is_refused_unless_waived() {
        let dir = libtorch((2, 11, 0));
        let error = accept(dir.path(), "LIBTORCH", false)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("expected libtorch 2.9.0, found 2.11.0 in "),
            "{error}"
        );
        assert!(error.contains("(from LIBTORCH)"), "{error}");
        assert!(accept(dir.path(), "LIBTORCH", true).is_ok());
        assert!(accept(libtorch((2, 9, 0)).path(), "LIBTORCH", false).is_ok());
    }

    #[test]
    fn a_directory_without_the_library_is_none() {
        let dir = libtorch((2, 9, 0));
        fs::remove_file(dir.path().join("lib/libtorch_cpu.so")).unwrap();
        let error = accept(dir.path(), "LIBTORCH", true).unwrap_err();
        assert!(matches!(error, Error::NotLibtorch { .. }), "{error}");
    }
}
