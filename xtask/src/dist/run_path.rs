//! Where an installed program looks for libtorch.
//!
//! `.cargo/config.toml` gives every program a run path that leads through the checkout. In a wheel it is written over,
//! in place: the new one is shorter, and a string ends at its first zero byte.

use std::path::Path;

use crate::error::Error;

/// The run path that cargo's configuration asks for.
const BUILT: &str = "$ORIGIN:$ORIGIN/../../.libtorch/lib:$ORIGIN/../../../.libtorch/lib";

/// What tells rustc of that run path, for builds with flags of their own.
pub fn flags() -> String {
    format!("-Clink-arg=-Wl,-rpath,{BUILT}")
}

/// The bytes of a program or library with another run path.
///
/// # Errors
/// [`Error::RunPath`] where the run path is not there exactly once.
pub fn replace(mut bytes: Vec<u8>, with: &str, file: &Path) -> Result<Vec<u8>, Error> {
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], BUILT.as_bytes()) {
        places.push(from + at);
        from += at + BUILT.len();
    }
    let [at] = places[..] else {
        return Err(Error::RunPath {
            path: file.to_owned(),
            found: places.len(),
        });
    };
    let place = &mut bytes[at..at + BUILT.len()];
    place.fill(0);
    place[..with.len()].copy_from_slice(with.as_bytes());
    Ok(bytes)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = part[0];
    let mut from = 0;
    loop {
        from += bytes[from..].iter().position(|&byte| byte == first)?;
        if bytes[from..].starts_with(part) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn run_path_is_cargos_and_is_written_over_in_place() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = std::fs::read_to_string(root.join(".cargo/config.toml")).unwrap();
        assert!(config.contains(&format!("-rpath,{BUILT}\"")), "{config}");
        let file = |parts: &[&str]| parts.concat().into_bytes();
        let replaced = replace(file(&["$O\0", BUILT, "\0end"]), "$ORIGIN", root.as_path()).unwrap();
        let zeros = "\0".repeat(BUILT.len() - "$ORIGIN".len());
        assert_eq!(replaced, file(&["$O\0$ORIGIN", &zeros, "\0end"]));
        for times in [0, 2] {
            let bytes = file(&vec![BUILT; times]);
            assert!(matches!(
                replace(bytes, "$ORIGIN", root.as_path()),
                Err(Error::RunPath { found, .. }) if found == times
            ));
        }
    }
}
