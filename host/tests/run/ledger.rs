//! Nothing computed is computed twice, nothing computed is lost.

use crate::bench::{Place, record};
use std::fs;

#[test]
fn a_finished_benchmark_is_a_no_op_with_the_same_table() {
    let place = Place::new();
    let first = place.run(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(
        first.out.contains("knn") && first.out.contains("linear"),
        "{first:?}"
    );
    let cell = &place.cells("echo")[0];
    let before = fs::read(cell.join("cell.json")).unwrap();
    let again = place.run(&[]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.out, first.out);
    assert!(again.err.contains("2 of them done before"), "{again:?}");
    assert_eq!(fs::read(cell.join("cell.json")).unwrap(), before);

    let record = place.record("echo");
    assert_eq!(record["status"], "done");
    assert_eq!(record["attempts"], 1);
    assert_eq!(record["plugin"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(record["results"]["same_images"]["real"], "val");
    assert!(cell.join("predictions/val.parquet").exists());
    let scores = fs::read_to_string(place.path().join("out/scores.csv")).unwrap();
    // 2 cells, 2 sets, 2 protocols, and the header.
    assert_eq!(scores.lines().count(), 1 + 2 * 2 * 2, "{scores}");
}

#[test]
fn other_evaluation_settings_do_not_pretrain_again() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    let cell = place.cells("echo").remove(0);
    let metrics = || fs::read(cell.join("pretrain/metrics.jsonl")).unwrap();
    let (before, pretrained) = (record(&cell), metrics());
    let ended = place.run(&["evaluate.knn.k=[5,7]"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.cells("echo"), std::slice::from_ref(&cell));
    assert_eq!(metrics(), pretrained);
    let after = record(&cell);
    let count = |record: &serde_json::Value| {
        let report = &record["results"]["report"]["evaluations"];
        report.as_array().unwrap().len()
    };
    assert_eq!((count(&before), count(&after)), (4, 6));
}

#[test]
fn another_configuration_is_another_cell_and_the_old_one_stays() {
    let place = Place::new();
    assert_eq!(place.run(&[]).code, Some(0));
    assert_eq!(
        place
            .run(&["pretrain.recipe.lr=0.0005", "baselines=[]"])
            .code,
        Some(0)
    );
    assert_eq!(
        place.run(&["pretrain.threads=2", "baselines=[]"]).code,
        Some(0)
    );
    let cells = place.cells("echo");
    assert_eq!(cells.len(), 2, "{cells:?}");
    assert!(cells.iter().all(|cell| record(cell)["attempts"] == 1));
}

#[test]
fn a_failed_cell_is_tried_again() {
    let place = Place::new();
    let set = [
        "framework.echo.config.fault=step",
        "framework.echo.config.how=error",
        "baselines=[]",
    ];
    assert_eq!(place.run(&set).code, Some(70));
    assert_eq!(place.run(&set).code, Some(70));
    assert_eq!(place.record("echo")["attempts"], 2);
}

#[test]
fn in_process_gives_the_same_numbers() {
    let (apart, within) = (Place::new(), Place::new());
    assert_eq!(apart.run(&[]).code, Some(0));
    let ended = within.run_with(&["--in-process"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let results = |place: &Place| place.record("echo")["results"]["report"].clone();
    assert_eq!(results(&apart), results(&within));
}
