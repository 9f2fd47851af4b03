//! The tasks of a Slurm array share a ledger, and come back when their node dies or their time is over.

use crate::bench::{Place, record};
use std::path::Path;
use std::process::Command;

/// Passed over, with a line that says why, where Slurm is not installed.
#[test]
fn tasks_of_a_slurm_array_lose_nothing() {
    let place = Place::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/slurm/test.sh");
    let set = ["baselines=[]", "seeds=[0, 1]", "pretrain.recipe.epochs=200"];
    let ended = Command::new(script)
        .current_dir(place.path())
        .arg(env!("CARGO_BIN_EXE_ssl-lottery"))
        .args(["bench.toml", "out", "--plugin-dir"])
        .arg(place.path().join("plugins"))
        .args(set.iter().flat_map(|assignment| ["--set", assignment]))
        .output()
        .unwrap();
    if ended.status.code() == Some(77) {
        println!("{}", String::from_utf8_lossy(&ended.stdout));
        return;
    }
    assert!(ended.status.success(), "{ended:?}");
    let cells = place.cells("echo");
    assert_eq!(cells.len(), 2);
    for cell in &cells {
        let record = record(cell);
        assert_eq!(
            (&record["status"], &record["attempts"]),
            (&"done".into(), &2.into())
        );
    }
    // Killed and warned or not, the bytes are those of a run that nobody disturbed.
    let straight = Place::new();
    assert_eq!(straight.run(&set).code, Some(0));
    for (cell, other) in cells.iter().zip(straight.cells("echo")) {
        let results = |cell: &Path| record(cell)["results"]["report"].clone();
        assert_eq!(results(cell), results(&other));
    }
}
