//! The golden files of SimCLR, BYOL and SwAV.

use super::{Needs, Outcome, Part, library, root};
use ssl_host::conformance::{Options, Status, run_suite};

pub const GOLDEN: Part = Part {
    name: "golden_files_of_three_frameworks",
    frameworks: "golden_frameworks:SimCLR,golden_frameworks:BYOL,golden_frameworks:SwAV",
    needs: Needs::Torch,
    run: golden,
};

fn golden() -> Outcome {
    let options = Options {
        golden: Some(root().join("tests/golden")),
        only: Some("^golden/".to_owned()),
        in_process: true,
        ..Options::new(library("python"))
    };
    let report = run_suite(&options)
        .map_err(|error| error.to_string())?
        .report;
    for id in ["simclr", "byol", "swav"] {
        let own = report.checks.iter().filter(|check| check.framework == id);
        let passed = own.filter(|check| check.status == Status::Success).count();
        if passed != 2 {
            return Err(format!(
                "expected both files of {id} to succeed, found {passed}:\n{}",
                report.to_text()
            ));
        }
    }
    if report.failed > 0 {
        return Err(report.to_text());
    }
    Ok(())
}
