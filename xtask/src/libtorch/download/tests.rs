#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use crate::libtorch::fixtures::{Machine, truncate};

fn fetch_first(machine: &Machine) -> Result<PathBuf, Error> {
    Pip::find(&machine.path())
        .unwrap()
        .fetch(&machine.plan.wheels[0], &machine.cache())
}

#[test]
fn a_path_without_python_says_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let error = Pip::find(empty.path().as_os_str()).unwrap_err().to_string();
    assert!(
        error.starts_with("found no python3, python, pip3 or pip on PATH"),
        "{error}"
    );
    assert!(
        error.contains("python3-pip") && error.contains("LIBTORCH"),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn a_python_without_pip_is_named() {
    let machine = Machine::new();
    machine.program(
        "python3",
        "#!/bin/sh\necho No module named pip >&2\nexit 1\n",
    );
    let error = Pip::find(&machine.path()).unwrap_err();
    let Error::NoPip { python, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(Path::new(&machine.path()).join("python3"), *python);
    assert!(error.to_string().contains("-m ensurepip"), "{error}");
}

#[test]
fn a_pip_of_its_own_serves_where_python_has_none() {
    let machine = Machine::new();
    machine.program("python3", "#!/bin/sh\nexit 1\n");
    machine.program("pip3", "#!/bin/sh\nexit 0\n");
    let pip = Pip::find(&machine.path()).unwrap();
    assert!(pip.program.ends_with("pip3") && pip.arguments.is_empty());
}

#[test]
fn a_whole_wheel_is_fetched_once() {
    let machine = Machine::new();
    let path = fetch_first(&machine).unwrap();
    assert_eq!(path, machine.cache().join("torch-1-x.whl"));
    fetch_first(&machine).unwrap();
    assert_eq!(machine.calls(), ["torch-1-x.whl"]);
}

#[test]
fn a_truncated_wheel_left_behind_is_fetched_again() {
    let machine = Machine::new();
    truncate(&fetch_first(&machine).unwrap());
    let path = fetch_first(&machine).unwrap();
    assert_eq!(machine.calls().len(), 2);
    assert_eq!(path.metadata().unwrap().len(), machine.plan.wheels[0].bytes);
}

#[test]
fn a_wheel_that_comes_damaged_is_asked_for_once_more() {
    let machine = Machine::new();
    let served = machine.served().display().to_string();
    machine.pip_does(&format!(
        "mkdir -p \"$dest\"\n\
         if [ $calls = 1 ]; then echo junk > \"$dest/$file\"; else cp {served}/$file \"$dest\"; fi"
    ));
    fetch_first(&machine).unwrap();
    assert_eq!(machine.calls().len(), 2);
}

#[test]
fn a_wheel_with_another_hash_is_refused_and_not_kept() {
    let machine = Machine::new();
    truncate(&machine.served().join("torch-1-x.whl"));
    let error = fetch_first(&machine).unwrap_err();
    let Error::Hash {
        expected, found, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(expected, machine.plan.wheels[0].sha256);
    assert_ne!(found, expected);
    assert!(error.to_string().starts_with("expected sha256 "), "{error}");
    assert_eq!(machine.calls().len(), 2);
    assert_eq!(
        fs::read_dir(machine.cache()).unwrap().count(),
        1,
        "only pip's log"
    );
}

#[test]
fn failures_of_pip_are_told_apart() {
    let machine = Machine::new();
    let failing = |output: &str| {
        machine.pip_does(&format!("echo '{output}' >&2\nexit 1"));
        fetch_first(&machine).unwrap_err()
    };
    let error = failing(
        "WARNING: Retrying: NewConnectionError: Network is unreachable\n\
         ERROR: Could not find a version\nERROR: No matching distribution found for torch==1",
    );
    assert!(matches!(&error, Error::Network { detail, .. } if detail == "NewConnectionError"));
    assert!(error.to_string().contains("check the network"), "{error}");

    let error = failing("ERROR: No matching distribution found for torch==1");
    assert!(matches!(&error, Error::NoSuchWheel { .. }), "{error}");

    let error =
        failing("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n  Expected a\n   Got        b");
    assert!(
        matches!(&error, Error::Hash { found, .. } if found == "b"),
        "{error}"
    );

    let error = failing("ERROR: [Errno 28] No space left on device");
    assert!(matches!(&error, Error::DiskFull { .. }), "{error}");

    let error = failing("ERROR: something odd");
    assert!(
        matches!(&error, Error::Pip { detail, .. } if detail == "something odd"),
        "{error}"
    );
}
