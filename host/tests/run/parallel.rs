//! As many cells at once as the benchmark says.

use crate::bench::{Place, record, wait_until};

#[test]
fn two_cells_at_once_run_at_the_same_time() {
    let place = Place::new();
    let mut run = place.start(&[
        "run.parallel=2",
        "seeds=[0, 1, 2]",
        "baselines=[]",
        "pretrain.recipe.epochs=100000",
    ]);
    let learning = || {
        let cells = place.cells("echo");
        let begun = |cell: &&std::path::PathBuf| cell.join("pretrain/metrics.jsonl").exists();
        let running = cells
            .iter()
            .filter(|cell| record(cell)["status"] == "running");
        running.filter(begun).count()
    };
    wait_until("two cells to learn", || learning() >= 2);
    assert_eq!(learning(), 2);
    run.kill().unwrap();
    run.wait().unwrap();
}
