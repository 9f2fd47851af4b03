//! Which Python: `SSL_LOTTERY_PYTHON`, else that of the active environment, else `python3`.

use ssl_plugin_api::Fault;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The interpreter, by its path; nothing where no one named one and none is installed.
pub fn find() -> Result<Option<PathBuf>, Fault> {
    find_with(|name| env::var_os(name))
}

fn find_with(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<PathBuf>, Fault> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let path = set("PATH").unwrap_or_default();
    if let Some(named) = set("SSL_LOTTERY_PYTHON") {
        return match program(&named, &path) {
            Some(found) => Ok(Some(found)),
            None => Err(Fault::config(format!(
                "SSL_LOTTERY_PYTHON: expected a Python interpreter, found no program {}; set it to the path of a \
                 python that has torch and ssl_lottery, or unset it",
                named.to_string_lossy()
            ))),
        };
    }
    for environment in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(folder) = set(environment) {
            let found = Path::new(&folder).join("bin/python");
            if is_program(&found) {
                return Ok(Some(found));
            }
        }
    }
    Ok(program(OsStr::new("python3"), &path))
}

/// A program by its path, or by its name in one of the folders.
fn program(name: &OsStr, folders: &OsStr) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.components().count() > 1 {
        return is_program(named).then(|| std::path::absolute(named).ok())?;
    }
    env::split_paths(folders)
        .map(|folder| folder.join(named))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// `LD_LIBRARY_PATH` without the folders of a libtorch, which would come before the interpreter's own; nothing where
/// it may stay as it is.
pub fn library_path() -> Option<OsString> {
    let given = env::var_os("LD_LIBRARY_PATH")?;
    let (torch, others): (Vec<_>, Vec<_>) =
        env::split_paths(&given).partition(|folder| folder.join("libtorch.so").exists());
    if torch.is_empty() {
        return None;
    }
    env::join_paths(others).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn program_in(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_named_one_comes_first_then_the_active_environment_then_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let named = program_in(folder.path(), "named/python3.9");
        let active = program_in(folder.path(), "venv/bin/python");
        let installed = program_in(folder.path(), "bin/python3");
        let all = [
            ("SSL_LOTTERY_PYTHON", named.clone()),
            ("VIRTUAL_ENV", folder.path().join("venv")),
            ("PATH", folder.path().join("bin")),
        ];
        for (left_out, expected) in [(0, &named), (1, &active), (2, &installed)] {
            let variables = &all[left_out..];
            let look = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone().into_os_string())
            };
            assert_eq!(find_with(look).unwrap().as_ref(), Some(expected));
        }
        assert_eq!(find_with(|_| None).unwrap(), None);
    }

    #[test]
    fn a_named_interpreter_that_is_not_there_is_an_error() {
        let look = |name: &str| (name == "SSL_LOTTERY_PYTHON").then(|| "/no/python".into());
        let fault = find_with(look).unwrap_err();
        assert!(fault.message.contains("found no program /no/python"));
    }
}
