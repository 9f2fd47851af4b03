//! Certification from the command line.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

/// The fixture's library, which cargo builds beside the tests.
fn library() -> std::path::PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.with_file_name(format!(
        "libfixture_echo.{}",
        std::env::consts::DLL_EXTENSION
    ))
}

#[test]
fn a_certificate_without_a_check_says_that_it_is_worth_nothing() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    for arguments in [vec![], vec!["--golden", golden.to_str().unwrap()]] {
        let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
            .arg("conformance")
            .arg(library())
            .args(arguments)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("nothing is certified"), "{told}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("0 passed, 0 failed"));
    }
}
