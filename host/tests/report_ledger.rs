//! Reports from a ledger with per-image predictions.
#![expect(clippy::unwrap_used, reason = "tests")]

mod simulated;

use std::path::Path;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulated::{enter_head, images as drawn_images, report, write_predictions};
use ssl_host::evaluate::record::ProtocolRef;
use ssl_host::ledger::{CellDir, Holder, Ledger, Status};

/// Writes a ledger in which framework `f` is right on an image if a number shared by all frameworks is below its skill.
///
/// The ledger stays open: a child process of another test may still hold the lock of one that was closed.
fn write_ledger(root: &Path, frameworks: usize, sets: &[&str], images: usize) -> Ledger {
    let ledger = Ledger::open(root).unwrap();
    let mut cells: Vec<_> = (0..frameworks)
        .map(|f| {
            ledger
                .cell(&format!("f{f:02}"), 0, &json!({"framework": f}))
                .unwrap()
        })
        .collect();
    for (place, set) in sets.iter().enumerate() {
        let mut random = ChaCha8Rng::seed_from_u64(place as u64);
        let ids = (0..images)
            .map(|image| format!("n{:04}/image_{image:07}.jpg", image % 1000))
            .collect();
        let set = drawn_images(set, ids);
        let hard: Vec<f64> = (0..images).map(|_| random.random()).collect();
        for (f, (dir, record)) in cells.iter_mut().enumerate() {
            let skill = 0.5 + 0.01 * f as f64;
            // Mostly the shared difficulty, a little of its own.
            let right = hard
                .iter()
                .map(|hard| 0.9 * hard + 0.1 * random.random::<f64>() < skill);
            let part = enter_head(record, &set, 0, right);
            let digest = write_predictions(dir, &set, &[part]);
            let digests = &mut record.results.report.predictions;
            digests.insert(set.id().to_owned(), digest);
        }
    }
    for (dir, record) in &mut cells {
        record.begin(&Holder::current());
        record.end(Status::Done, None);
        dir.write(record).unwrap();
    }
    ledger
}

/// The notes of a report whose tests are unpaired.
fn unpaired(root: &Path) -> String {
    let found = report(root, &["--draws", "100"]);
    assert_eq!(found["pairs"]["val"][0]["method"], "two_proportion_z");
    found["notes"].to_string()
}

#[test]
fn predictions_of_a_ledger_give_paired_tests_and_redraws() {
    let folder = tempfile::tempdir().unwrap();
    write_ledger(folder.path(), 3, &["val", "v2"], 2000);
    let found = report(folder.path(), &["--draws", "300"]);
    assert_eq!(found["frameworks"], json!(["f00", "f01", "f02"]));
    assert_eq!(found["reference"], "val");
    for pair in found["pairs"]["val"].as_array().unwrap() {
        assert_eq!(pair["method"], "mcnemar_exact");
        let correct = |name: &Value| {
            found["accuracy"]["val"][name.as_str().unwrap()]["correct"]
                .as_i64()
                .unwrap()
        };
        let net = pair["only_first"].as_i64().unwrap() - pair["only_second"].as_i64().unwrap();
        assert_eq!(net, correct(&pair["first"]) - correct(&pair["second"]));
    }
    assert_eq!(
        found["bootstrap"]["data_sets"]["v2"]["resampling"],
        "paired_images"
    );
    assert!(found["provenance"].to_string().contains("config "));
}

#[test]
fn cells_that_were_judged_with_other_settings_are_left_out_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = write_ledger(folder.path(), 5, &["val", "v2"], 300);
    let judge_otherwise = |f: usize, finished: u64| {
        let (dir, mut record) = ledger
            .cell(&format!("f{f:02}"), 0, &json!({ "framework": f }))
            .unwrap();
        let evaluations = record.results.report.evaluations.iter_mut();
        evaluations.for_each(|it| it.protocol = ProtocolRef::new("linear-shared-cached", &2));
        record.finished_unix_s = Some(finished);
        dir.write(&record).unwrap();
        dir
    };
    let dir = judge_otherwise(1, u64::MAX);
    let found = report(folder.path(), &["--draws", "100"]);
    assert_eq!(found["frameworks"], json!(["f00", "f02", "f03", "f04"]));
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("other settings") && notes.contains(&dir.name()),
        "{notes}"
    );

    std::fs::remove_dir_all(
        ledger
            .cell("f00", 0, &json!({"framework": 0}))
            .unwrap()
            .0
            .path(),
    )
    .unwrap();
    judge_otherwise(3, 1);
    let found = report(folder.path(), &["--draws", "100"]);
    assert_eq!(
        found["frameworks"],
        json!(["f01", "f03"]),
        "two against two: the last decides"
    );
}

#[test]
fn report_without_predictions_uses_counts_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write_ledger(folder.path(), 2, &["val", "v2"], 300);
    let cells = std::fs::read_dir(folder.path().join("cells")).unwrap();
    let cell = cells.map(|entry| entry.unwrap().path()).min().unwrap();
    std::fs::remove_file(cell.join("predictions/v2.parquet")).unwrap();
    let found = report(folder.path(), &["--draws", "100"]);
    assert_eq!(found["pairs"]["val"][0]["method"], "mcnemar_exact");
    assert_eq!(found["pairs"]["v2"][0]["method"], "two_proportion_z");
    assert!(
        found["notes"]
            .to_string()
            .contains("Predictions on v2 are missing")
    );
}

#[test]
fn predictions_of_another_digest_cost_the_pairs_of_their_set() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = write_ledger(folder.path(), 2, &["val"], 300);
    let [first, second] = [0, 1].map(|f| {
        let cell = ledger.cell(&format!("f{f:02}"), 0, &json!({ "framework": f }));
        cell.unwrap()
    });
    let file = |dir: &CellDir| dir.file("predictions/val.parquet");
    let own = std::fs::read(file(&first.0)).unwrap();
    let redo = format!("run --redo {}", first.0.name());
    let named = |message: &str| message.contains(&redo) && message.contains("val.parquet");

    std::fs::copy(file(&second.0), file(&first.0)).unwrap();
    let message = unpaired(folder.path());
    assert!(
        named(&message) && message.contains("found another file"),
        "{message}"
    );

    // A bit at many places of the file: pages, headers, metadata.
    for at in (0..own.len()).step_by(own.len() / 12) {
        let mut damaged = own.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(file(&first.0), damaged).unwrap();
        let message = unpaired(folder.path());
        assert!(named(&message), "byte {at}: {message}");
    }

    // An older record knows no digest; its counts are compared.
    let mut record = first.1;
    record.results.report.predictions.clear();
    first.0.write(&record).unwrap();
    std::fs::write(file(&first.0), &own).unwrap();
    report(folder.path(), &["--draws", "100"]);
    std::fs::copy(file(&second.0), file(&first.0)).unwrap();
    let message = unpaired(folder.path());
    assert!(
        named(&message) && message.contains("right as in its record"),
        "{message}"
    );
}

#[test]
fn a_damaged_record_costs_its_own_row_in_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = write_ledger(folder.path(), 3, &["val"], 300);
    let (dir, _) = ledger.cell("f01", 0, &json!({"framework": 1})).unwrap();
    std::fs::write(dir.file("cell.json"), "{").unwrap();
    let found = report(folder.path(), &["--draws", "100"]);
    assert_eq!(found["frameworks"], json!(["f00", "f02"]));
    let redo = format!("run --redo {}", dir.name());
    assert!(found["notes"].to_string().contains(&redo), "{found}");
}

#[test]
#[ignore = "measures; writes 14 million predictions"]
fn measure_twelve_frameworks_by_six_sets_of_200_000_under_three_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["val", "real", "v2", "rendition", "sketch", "adversarial"];
    write_ledger(folder.path(), 12, &sets, 200_000);
    let start = Instant::now();
    let found = report(folder.path(), &["--draws", "2000"]);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(found["pairs"]["val"][0]["method"], "mcnemar_exact");
    println!("{seconds:.2} s");
    assert!(seconds < 3.0, "{seconds:.2} s");
}
