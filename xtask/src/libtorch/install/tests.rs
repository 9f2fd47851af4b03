#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use crate::libtorch::fixtures::{Machine, truncate};

fn install_on(machine: &Machine, depth: Depth) -> Result<PathBuf, Error> {
    install(&machine.plan, &machine.cache(), &machine.path(), depth)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn installs_what_is_wanted_and_nothing_else() {
    let machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    assert_eq!(
        names(&dir),
        ["build-version", "include", "installed.txt", "lib"]
    );
    assert_eq!(
        names(&dir.join("lib")),
        ["libr.so.1", "libtorch.so", "libtorch_cpu.so"]
    );
    let linked = fs::read_to_string(dir.join("lib/libtorch.so")).unwrap();
    assert_eq!(linked, "the library");
    let lock = ".libtorch-2.9.0-cpu.lock";
    assert_eq!(names(&machine.cache()), [lock, "libtorch-2.9.0-cpu"]);
}

#[test]
fn a_second_time_does_nothing_even_without_python() {
    let machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    let empty = OsStr::new("");
    assert_eq!(
        install(&machine.plan, &machine.cache(), empty, Depth::Quick).unwrap(),
        dir
    );
    assert_eq!(
        install(&machine.plan, &machine.cache(), empty, Depth::Full).unwrap(),
        dir
    );
    assert_eq!(machine.calls().len(), 2);
}

#[test]
fn an_installation_that_was_cut_short_is_done_again() {
    let machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    fs::remove_file(dir.join("installed.txt")).unwrap();
    fs::remove_file(dir.join("include/torch/a.h")).unwrap();
    let leftover = machine
        .cache()
        .join(".libtorch-2.9.0-cpu.partial/lib/libtorch_cpu.so");
    fs::create_dir_all(leftover.parent().unwrap()).unwrap();
    fs::write(&leftover, "half").unwrap();
    assert_eq!(
        stamp::check(&machine.plan, &dir, Depth::Quick),
        Err(Damage::Unfinished)
    );
    install_on(&machine, Depth::Quick).unwrap();
    assert!(dir.join("include/torch/a.h").exists());
    assert_eq!(
        fs::read_to_string(dir.join("lib/libtorch_cpu.so")).unwrap(),
        "the library"
    );
}

#[test]
fn a_truncated_library_and_a_missing_header_are_noticed() {
    let machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    for damage in [
        (|dir: &Path| truncate(&dir.join("lib/libr.so.1"))) as fn(&Path),
        |dir| fs::remove_file(dir.join("include/torch/a.h")).unwrap(),
        |dir| fs::write(dir.join("include/torch/extra.h"), "").unwrap(),
        |dir| truncate_record(&dir.join("installed.txt")),
    ] {
        damage(&dir);
        assert!(stamp::check(&machine.plan, &dir, Depth::Quick).is_err());
        install_on(&machine, Depth::Quick).unwrap();
        assert_eq!(stamp::check(&machine.plan, &dir, Depth::Full), Ok(()));
    }
}

/// Cuts the last line off.
fn truncate_record(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let (start, _) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(path, start).unwrap();
}

#[test]
fn a_library_changed_in_place_is_noticed_by_its_hash() {
    let machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    fs::write(dir.join("lib/libtorch_cpu.so"), "the Library").unwrap();
    assert_eq!(stamp::check(&machine.plan, &dir, Depth::Quick), Ok(()));
    install_on(&machine, Depth::Full).unwrap();
    assert_eq!(
        fs::read_to_string(dir.join("lib/libtorch_cpu.so")).unwrap(),
        "the library"
    );
}

#[test]
fn other_pins_mean_another_installation() {
    let mut machine = Machine::new();
    let dir = install_on(&machine, Depth::Quick).unwrap();
    machine.plan.wheels.pop();
    assert_eq!(
        stamp::check(&machine.plan, &dir, Depth::Quick),
        Err(Damage::OtherWheels)
    );
}

#[test]
fn a_refused_wheel_leaves_nothing_installed() {
    let machine = Machine::new();
    truncate(&machine.served().join("r-2-x.whl"));
    assert!(matches!(
        install_on(&machine, Depth::Quick),
        Err(Error::Hash { .. })
    ));
    assert!(!machine.cache().join("libtorch-2.9.0-cpu").exists());
}

#[test]
fn a_wheel_that_lacks_a_library_is_refused() {
    let mut machine = Machine::new();
    machine.plan.required = &["lib/libmissing.so"];
    let error = install_on(&machine, Depth::Quick).unwrap_err();
    assert!(matches!(&error, Error::Incomplete { missing } if missing.ends_with("libmissing.so")));
}

#[test]
fn too_little_room_is_said_before_anything_is_fetched() {
    let mut machine = Machine::new();
    machine.plan.unpacked_bytes = 1 << 60;
    let error = install_on(&machine, Depth::Quick).unwrap_err();
    assert!(
        matches!(error, Error::DiskSpace { needed_mb, .. } if needed_mb > 1 << 40),
        "{error}"
    );
    assert!(machine.calls().is_empty());
}

#[test]
fn several_at_once_fetch_once() {
    let machine = Machine::new();
    let dirs: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| install_on(&machine, Depth::Quick).unwrap());
        let threads: Vec<_> = (0..4).map(|_| start()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(dirs.iter().all(|dir| *dir == dirs[0]));
    assert_eq!(machine.calls().len(), 2);
}
