//! The twelve and the example are certified; without a harness, whose threads would forbid forking (decision 0072).
//!
//! Their certificates lie in `docs/certificates`. `SSL_LOTTERY_WRITE_CERTIFICATES=1` writes them anew.

use ssl_host::conformance::{Certificate, Options, run_suite};
use ssl_tests::FRAMEWORKS;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The level that every change is certified at; the next takes minutes.
const LEVEL: u8 = 3;
const SEED: u64 = 1;

fn main() -> ExitCode {
    let mut faults = 0;
    for id in FRAMEWORKS {
        if let Err(fault) = certify(id) {
            eprintln!("FAILED {id}: {fault}");
            faults += 1;
        }
    }
    if let Err(fault) = certify_example() {
        eprintln!("FAILED examples/plugin: {fault}");
        faults += 1;
    }
    println!(
        "{} frameworks, {faults} not certified",
        FRAMEWORKS.len() + 1
    );
    if faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn library(id: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test has a path");
    exe.with_file_name(format!("libssl_{id}.so"))
}

/// The example that authors start from, which `ssl-lottery new` writes.
fn certify_example() -> Result<(), String> {
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugin/golden");
    let options = Options {
        level: LEVEL,
        seed: SEED,
        golden: Some(golden),
        ..Options::new(exe.with_file_name("libexample_align_uniform.so"))
    };
    let suite = run_suite(&options).map_err(|error| error.to_string())?;
    let certificate = Certificate::new(&suite.report, &suite.frameworks, LEVEL, SEED)
        .map_err(|error| error.to_string())?;
    if certificate.certified && suite.report.checks.iter().any(|it| it.id == "golden/step") {
        Ok(())
    } else {
        Err(format!(
            "{}missing: {:?}",
            suite.report.to_text(),
            certificate.missing
        ))
    }
}

fn certify(id: &str) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options {
        level: LEVEL,
        seed: SEED,
        jobs: cores,
        golden: Some(root.join("golden")),
        ..Options::new(library(id))
    };
    let suite = run_suite(&options).map_err(|error| error.to_string())?;
    let mut report = suite.report;
    // Golden files of the other frameworks say nothing about this one.
    report
        .checks
        .retain(|check| check.framework.is_empty() || check.framework == id);
    let certificate = Certificate::new(&report, &suite.frameworks, LEVEL, SEED)
        .map_err(|error| error.to_string())?;
    if !certificate.certified {
        return Err(format!(
            "{}missing: {:?}",
            report.to_text(),
            certificate.missing
        ));
    }
    let file = root.join(format!("../docs/certificates/{id}.json"));
    let published = std::fs::read(&file)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    if std::env::var_os("SSL_LOTTERY_WRITE_CERTIFICATES").is_some() {
        let text = serde_json::to_string_pretty(&certificate).map_err(|error| error.to_string())?;
        std::fs::write(&file, text + "\n").map_err(|error| error.to_string())?;
        return Ok(());
    }
    let published: Certificate = published
        .map_err(|error| format!("{}: expected a certificate, found: {error}", file.display()))?;
    // Another build has another digest, and another machine rounds other numbers in messages.
    let same = essence(published) == essence(certificate);
    if same {
        return Ok(());
    }
    Err(format!(
        "{} does not fit what was certified; write it anew with SSL_LOTTERY_WRITE_CERTIFICATES=1",
        file.display()
    ))
}

/// A certificate without what differs from build to build.
fn essence(mut certificate: Certificate) -> Certificate {
    certificate.sha256.clear();
    for line in &mut certificate.checks {
        line.message.clear();
    }
    certificate
}
