//! The whole conformance suite at level 3.

use super::{Needs, Outcome, Part, library, root};
use ssl_host::conformance::{Certificate, Options, run_suite};
use std::time::Duration;

const LEVEL: u8 = 3;
const SEED: u64 = 1;
/// Each instance imports torch: seconds on a busy machine, many times in some checks.
const LIMIT: Duration = Duration::from_secs(900);

pub const TEMPLATE: Part = Part {
    name: "the_template_is_certified",
    frameworks: "ssl_nt_xent:NtXent",
    needs: Needs::Torch,
    run: template,
};

pub const LIGHTLY: Part = Part {
    name: "two_of_lightlys_frameworks_are_certified",
    frameworks: "lightly_frameworks:BYOL,lightly_frameworks:VICReg",
    needs: Needs::Lightly,
    run: lightly,
};

fn certify(golden: bool) -> Outcome {
    let options = Options {
        level: LEVEL,
        seed: SEED,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        limit: LIMIT,
        golden: golden.then(|| root().join("examples/plugin-python/golden")),
        ..Options::new(library("python"))
    };
    let suite = run_suite(&options).map_err(|error| error.to_string())?;
    let certificate = Certificate::new(&suite.report, &suite.frameworks, LEVEL, SEED)
        .map_err(|error| error.to_string())?;
    let has_golden = suite.report.checks.iter().any(|it| it.id == "golden/step");
    if certificate.certified && golden == has_golden {
        return Ok(());
    }
    Err(format!(
        "{}missing: {:?}",
        suite.report.to_text(),
        certificate.missing
    ))
}

fn template() -> Outcome {
    certify(true)
}

fn lightly() -> Outcome {
    certify(false)
}
