//! Every plugin against its golden vectors, through the loaded library and the boundary.

use safetensors::SafeTensors;
use ssl_host::conformance::{Options, Report, Status, record_golden, run_suite};
use std::path::{Path, PathBuf};

fn library(id: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.with_file_name(format!("libssl_{id}.so"))
}

fn certify(id: &str) -> Report {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let options = Options {
        golden: Some(golden),
        only: Some("^golden/".to_owned()),
        in_process: true,
        ..Options::new(library(id))
    };
    run_suite(&options).expect("the suite runs").report
}

/// All files of the framework succeed, and there are as many as expected: a file that is passed
/// over would otherwise go unnoticed.
fn expect(id: &str, files: usize) {
    let report = certify(id);
    assert_eq!(report.failed, 0, "{}", report.to_text());
    assert_eq!(report.passed, files, "{}", report.to_text());
    let own = report.checks.iter().filter(|check| check.framework == id);
    assert!(own.clone().count() == files && own.clone().all(|c| c.status == Status::Success));
}

macro_rules! golden {
    ($($id:ident: $files:expr),* $(,)?) => {
        $(#[test]
        fn $id() {
            expect(stringify!($id), $files);
        })*
    };
}

golden! {
    barlow: 2,
    byol: 2,
    deepcluster: 5,
    dino: 2,
    moco: 4,
    obow: 2,
    pcl: 4,
    sela: 5,
    simclr: 2,
    simsiam: 2,
    swav: 2,
    vicreg: 2,
}

/// What a plugin computes is what was recorded of it, and nothing else is.
#[test]
fn a_recorded_step_is_computed_again_and_a_changed_one_is_noticed() {
    for id in ["simclr", "pcl", "swav", "moco"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options {
            in_process: true,
            ..Options::new(library(id))
        };
        let files = record_golden(&options).expect("the step is recorded");
        let [(name, bytes)] = &files[..] else {
            panic!("expected one framework")
        };
        assert_eq!(name, id);
        let check = |bytes: &[u8]| {
            std::fs::write(folder.path().join("a.safetensors"), bytes).expect("a file is written");
            let options = Options {
                golden: Some(folder.path().to_owned()),
                only: Some("^golden/".to_owned()),
                ..options.clone()
            };
            run_suite(&options).expect("the suite runs").report
        };
        let report = check(bytes);
        assert_eq!(
            (report.passed, report.failed),
            (1, 0),
            "{}",
            report.to_text()
        );
        // The first feature, another one: loss and gradients follow.
        let (_, header) = SafeTensors::read_metadata(bytes).expect("a golden file");
        let offsets = header.info("online.0").expect("a feature").data_offsets;
        let start = bytes.len() - header.data_len() + offsets.0;
        let mut changed = bytes.clone();
        changed[start..start + 4].copy_from_slice(&3.0_f32.to_le_bytes());
        let report = check(&changed);
        assert_eq!(
            (report.passed, report.failed),
            (0, 1),
            "{}",
            report.to_text()
        );
    }
}
