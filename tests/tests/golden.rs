//! Every plugin against its golden vectors, through the loaded library and the boundary.

use ssl_host::conformance::{Options, Report, Status, run_suite};
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
