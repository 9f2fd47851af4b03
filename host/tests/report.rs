//! `ssl-lottery report` as a program: keys, formats, faults.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const GOLDEN: &str = include_str!("../../tests/golden/aggregates.json");

fn report(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("report")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = report(&[arguments, &["--format", "json", "--draws", "200"]].concat());
    serde_json::from_str(&text(&output)).unwrap()
}

fn table(folder: &Path, content: &str) -> String {
    let path = folder.join("table.csv");
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn close(found: &Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= tolerance,
        "expected {expected}, found {found}"
    );
}

#[test]
fn the_study_reproduces_its_golden_values_as_json() {
    let (found, golden) = (
        json(&["--study", "ozbulak2024"]),
        serde_json::from_str::<Value>(GOLDEN).unwrap(),
    );
    let names: Vec<&str> = golden["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    for (key, kind, pool) in [
        ("wavg6", "weighted", "all"),
        ("amean6", "arithmetic", "all"),
        ("gmean6", "geometric", "all"),
        ("wavg5", "weighted", "without_reference"),
        ("gmean5", "geometric", "without_reference"),
    ] {
        for (place, name) in names.iter().enumerate() {
            close(
                &found["aggregates"][kind][pool][name],
                golden[key][place].as_f64().unwrap(),
                1e-9,
            );
        }
    }
    for set in ["ReaL", "V2", "R", "Sketch", "A"] {
        let expected = &golden["corr_with_val"][set];
        for (key, name) in [
            ("pearson", "pearson"),
            ("spearman", "spearman"),
            ("kendall", "kendall_b"),
        ] {
            let value = expected[name].as_f64().unwrap();
            let estimate = &found["correlations"][set][key];
            close(&estimate["value"], value, 1e-10 * value);
            assert!(estimate["p"].is_f64() && estimate["interval"].as_array().unwrap().len() == 2);
        }
        assert_eq!(found["flips"][set]["all"], golden["flips_vs_val"][set][0]);
        assert_eq!(
            found["flips"][set]["significant"],
            golden["flips_vs_val"][set][1]
        );
    }
    for set in ["Val", "ReaL", "V2", "R", "Sketch", "A"] {
        assert_eq!(
            found["adjacent_not_significant"][set],
            golden["adjacent_not_significant_of_11"][set]
        );
        assert_eq!(
            found["pairs_not_significant"][set],
            golden["pairs_not_significant_of_66"][set]
        );
        assert_eq!(
            found["significant_after_holm"][set],
            golden["significant_after_holm"][set]
        );
        assert_eq!(
            found["significant_after_bh"][set],
            golden["significant_after_bh"][set]
        );
    }
    for (kind, key) in [
        ("arithmetic", "amean"),
        ("weighted", "wavg"),
        ("geometric", "gmean"),
        ("mean_rank", "mean_rank"),
    ] {
        for (name, wins) in golden["winner_share_63"][key].as_object().unwrap() {
            assert_eq!(
                found["winner_share"][kind][name].as_f64(),
                wins.as_f64(),
                "{kind} {name}"
            );
        }
    }
    close(
        &found["kendall_w"],
        golden["kendall_w6"].as_f64().unwrap(),
        1e-10,
    );
    close(
        &found["friedman"]["value"],
        golden["friedman_chi2"].as_f64().unwrap(),
        1e-8,
    );
    assert_eq!(found["ranks"]["A"]["SeLa"].as_f64(), Some(10.5));
    assert_eq!(found["borda"]["MoCo"].as_f64(), Some(57.5));
    assert_eq!(found["copeland"]["DINO"].as_i64(), Some(11));
    assert_eq!(
        found["pareto"],
        serde_json::json!(["DINO", "Swav", "MoCo", "OBoW"])
    );
    let headline = found["headline"].as_str().unwrap();
    assert!(
        headline.starts_with("MoCo leads the weighted average by 2.37 points over DINO, z = 18"),
        "{headline}"
    );
    assert!(
        headline.contains("geometric mean is a coin flip"),
        "{headline}"
    );
}

/// Three frameworks by three sets, with a tie on two decimals and a zero.
const SMALL: &str = "framework,base,hard,zeroed\nn,1000,200,400\na,50.0,20.0,0.0\nb,50.00,10.0,5.0\nc,40.0,20,2.5\n";

#[test]
fn another_table_with_ties_and_a_zero() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), SMALL);
    let found = json(&["--table", &path, "--reference", "base"]);
    assert_eq!(found["reference"], "base");
    assert_eq!(
        found["ranks"]["base"],
        serde_json::json!({"a": 1.5, "b": 1.5, "c": 3.0})
    );
    assert_eq!(
        found["ranks"]["hard"],
        serde_json::json!({"a": 1.5, "b": 3.0, "c": 1.5})
    );
    assert_eq!(
        found["ranks_min"]["hard"],
        serde_json::json!({"a": 1, "b": 3, "c": 1})
    );
    let means = &found["aggregates"];
    // (500 + 40 + 0)/1600, (50 + 20 + 0)/3, and exactly zero.
    close(&means["weighted"]["all"]["a"], 33.75, 1e-12);
    close(&means["arithmetic"]["all"]["a"], 70.0 / 3.0, 1e-12);
    assert_eq!(means["geometric"]["all"]["a"].as_f64(), Some(0.0));
    assert_eq!(means["harmonic"]["all"]["a"].as_f64(), Some(0.0));
    assert_eq!(means["weighted_geometric"]["all"]["a"].as_f64(), Some(0.0));
    close(
        &means["geometric"]["without_reference"]["b"],
        50f64.sqrt(),
        1e-12,
    );
    close(&means["mean_rank"]["all"]["c"], 6.5 / 3.0, 1e-12);
    assert!(found["geometric_smoothed"]["all"]["a"].as_f64().unwrap() > 0.0);
    // The third root of 50, 20.149 and 0.1247.
    let notes = found["notes"].to_string();
    assert!(notes.contains("a has 0 % on zeroed"), "{notes}");
    assert!(notes.contains("is 5.01 %"), "{notes}");
    // Seven choices by arithmetic mean: {base} tied, {hard} tied, {zeroed} b, {base,hard} a, {base,zeroed} b,
    // {hard,zeroed} c with 22.5, all a 70 against b 65 and c 62.5.
    let wins = &found["winner_share"]["arithmetic"];
    assert_eq!(wins, &serde_json::json!({"a": 3.0, "b": 2.5, "c": 1.5}));
    assert_eq!(found["winner_share_subsets"], 7);
    assert_eq!(found["flips"]["zeroed"]["all"], 1);
    assert_eq!(
        found["borda"],
        serde_json::json!({"a": 3.0, "b": 3.5, "c": 2.5})
    );
    assert_eq!(
        found["copeland"],
        serde_json::json!({"a": 0, "b": 1, "c": -1})
    );
}

#[test]
fn pool_without_data_sets_has_no_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), "framework,val\nn,100\na,50\nb,60\n");
    let found = json(&["--table", &path]);
    assert_eq!(found["pools"]["without_reference"], serde_json::json!([]));
    for part in [
        "aggregates",
        "aggregate_standard_errors",
        "aggregate_ranks",
        "leads",
    ] {
        for (kind, pools) in found[part].as_object().unwrap() {
            let nothing = match &pools["without_reference"] {
                Value::Object(rows) => rows.values().all(Value::is_null),
                other => other.is_null(),
            };
            assert!(nothing, "{part} {kind}");
        }
    }
    assert!(!found.to_string().contains("-0.0"));
}

#[test]
fn default_reference_is_val_in_any_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path(), &SMALL.replace("base", "VAL"));
    assert_eq!(json(&["--table", &path])["reference"], "VAL");
    let path = table(folder.path(), SMALL);
    let found = json(&["--table", &path]);
    assert_eq!(found["reference"], Value::Null);
    assert!(found["notes"].to_string().contains("--reference"));
}

#[test]
fn missing_cells_are_left_out_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(
        folder.path(),
        "framework,val,x\nn,100,100\na,50,10\nb,60,\nc,70,30\n",
    );
    let found = json(&["--table", &path]);
    assert_eq!(found["aggregates"]["weighted"]["all"]["b"], Value::Null);
    close(&found["aggregates"]["weighted"]["all"]["c"], 50.0, 1e-12);
    assert_eq!(
        found["ranks"]["x"],
        serde_json::json!({"a": 2.0, "b": null, "c": 1.0})
    );
    assert_eq!(found["pairs"]["x"].as_array().unwrap().len(), 1);
    assert_eq!(found["correlations"]["x"]["frameworks"], 2);
    assert!(found["notes"].to_string().contains("Missing cells: b on x"));
    for format in ["terminal", "md", "csv", "latex", "html"] {
        assert!(!text(&report(&["--table", &path, "--format", format])).is_empty());
    }
}

#[test]
fn differences_without_sampling_error_are_certain() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(
        folder.path(),
        "framework,val,x\nn,10,10\na,100,0\nb,100,100\nc,0,0\n",
    );
    let found = json(&["--table", &path]);
    assert_eq!(found["redraw"]["x"]["top_stays_top"].as_f64(), Some(1.0));
    assert_eq!(
        found["redraw"]["x"]["expected_discordant"].as_f64(),
        Some(0.5)
    );
    for format in ["terminal", "md", "csv", "latex", "html"] {
        let text = text(&report(&["--table", &path, "--format", format]));
        assert!(!text.contains("NaN") && !text.contains("inf,"), "{text}");
    }
}

#[test]
fn bad_input_ends_with_65_and_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(
        folder.path(),
        "framework,val,x\nn,100,100\na,50,10\nb,60,oops\n",
    );
    let missing = folder.path().join("none.csv");
    for (arguments, expected) in [
        (
            vec!["--table", path.as_str()],
            "table.csv, row 4 (`b`), column `x`)",
        ),
        (vec!["--table", missing.to_str().unwrap()], "none.csv"),
        (
            vec!["--study", "ozbulak2024", "--reference", "vall"],
            "did you mean `Val`",
        ),
        (
            vec!["--study", "ozbulak2024", "--pool", "R,Scetch"],
            "Scetch",
        ),
        (
            vec!["--study", "ozbulak2024", "--alpha", "2"],
            "between 0 and 1",
        ),
        (vec![], "required"),
    ] {
        let output = report(&arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(65), "{arguments:?}: {message}");
        assert!(
            message.lines().any(|line| line.contains(expected)),
            "{arguments:?}: {message}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for format in ["json", "html"] {
        let run = || {
            text(&report(&[
                "--study",
                "ozbulak2024",
                "--format",
                format,
                "--draws",
                "500",
                "--seed",
                "3",
            ]))
        };
        assert_eq!(run(), run());
    }
}

#[test]
fn tables_for_papers_mark_the_best_and_those_near() {
    let markdown = text(&report(&["--study", "ozbulak2024", "--format", "md"]));
    assert!(
        markdown.contains("| DINO | **75.1** | **81.4** | **61.4** | 18.9 |"),
        "{markdown}"
    );
    assert!(markdown.contains("| Swav | 75.0† | 81.3† | 61.3† |"));
    let latex = text(&report(&["--study", "ozbulak2024", "--format", "latex"]));
    assert!(
        latex.contains("DINO & \\textbf{75.1} &") && latex.contains("Swav & 75.0$^\\dagger$ &")
    );
    let csv = text(&report(&["--study", "ozbulak2024", "--format", "csv"]));
    let mut lines = csv.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("framework,Val,Val low,Val high,Val mark,")
    );
    assert!(csv.contains("DINO,75.1,74.719,75.477,best,"));
}

#[test]
fn html_report_is_small_complete_and_escaped() {
    let page = text(&report(&["--study", "ozbulak2024", "--format", "html"]));
    assert!(page.len() < 1 << 20, "{}", page.len());
    for outside in ["src=", "http://", "https://", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("<desc").count());
    let folder = tempfile::tempdir().unwrap();
    let path = table(
        folder.path(),
        &SMALL.replace("\na,", "\n</script><script>alert(1)</script>,"),
    );
    let page = text(&report(&["--table", &path, "--format", "html"]));
    assert!(!page.contains("<script>alert"));
}

#[test]
fn figures_are_files_of_their_own_beside_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("new/figures");
    let table = table(folder.path(), SMALL);
    let arguments = ["--table", &table, "--format", "csv"];
    let plain = text(&report(&arguments));
    let with = [&arguments[..], &["--figures", figures.to_str().unwrap()]].concat();
    assert_eq!(text(&report(&with)), plain);
    let mut names: Vec<String> = std::fs::read_dir(&figures)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in [
        "accuracy-1.svg",
        "aggregate-1.svg",
        "pairs-1.svg",
        "ranks.svg",
        "ranks.pdf",
    ] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} not in {names:?}"
        );
    }
    for name in names.iter().filter_map(|name| name.strip_suffix(".svg")) {
        let pdf = std::fs::read(figures.join(format!("{name}.pdf"))).unwrap();
        assert!(pdf.starts_with(b"%PDF-"), "{name}");
        let picture = std::fs::read_to_string(figures.join(format!("{name}.svg"))).unwrap();
        assert!(
            picture.starts_with("<?xml") && picture.ends_with("</svg>\n"),
            "{name}"
        );
        assert!(
            !picture.contains("var("),
            "{name} has variables of the page"
        );
        assert!(picture.contains("Helvetica"), "{name} names no font");
    }
    let blocked = folder.path().join("table.csv");
    let output = report(&["--table", &table, "--figures", blocked.to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("table.csv"));
}

/// Rows of the built-in study that are verified, and those that are not.
fn verified(arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let found = json(&[&["--study", "ozbulak2024"], arguments].concat());
    let rows = found["verification"]["rows"].as_array().unwrap();
    let (yes, no): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| row["verified"] == true);
    let names = |rows: Vec<&Value>| {
        let names = rows
            .iter()
            .map(|row| row["framework"].as_str().unwrap().to_owned());
        names.collect()
    };
    (names(yes), names(no))
}

#[test]
fn two_rows_of_the_study_are_not_within_a_point_of_their_papers() {
    let (yes, no) = verified(&[]);
    assert_eq!(no, ["BYOL", "SimCLR"]);
    assert!(
        yes.len() == 10 && yes.contains(&"OBoW".to_owned()),
        "{yes:?}"
    );
    assert_eq!(verified(&["--verify", "0.9"]).1, ["BYOL", "OBoW", "SimCLR"]);
    assert_eq!(verified(&["--verify", "2"]).1, [""; 0]);
    let found = json(&["--study", "ozbulak2024"]);
    let rows = found["verification"]["rows"].as_array().unwrap();
    let byol = rows.iter().find(|row| row["framework"] == "BYOL").unwrap();
    close(&byol["deviation"], -1.2, 1e-9);
    close(&byol["published"], 74.3, 0.0);

    let terminal = text(&report(&["--study", "ozbulak2024"]));
    assert!(
        terminal.contains("no -1.2") && terminal.contains("yes -1.0"),
        "{terminal}"
    );
    for format in ["md", "html"] {
        let page = text(&report(&["--study", "ozbulak2024", "--format", format]));
        assert!(page.contains("Verification"), "{page}");
        assert!(page.contains("10 of 12 rows are verified"), "{page}");
    }
    let plain = text(&report(&["--study", "imagenette"]));
    assert!(!plain.contains("verified"), "{plain}");
}

#[test]
fn rows_that_are_not_verified_are_left_out_and_named() {
    let found = json(&["--study", "ozbulak2024", "--require-verified"]);
    let frameworks = found["frameworks"].as_array().unwrap();
    assert_eq!(frameworks.len(), 10);
    assert!(!frameworks.contains(&"BYOL".into()) && !frameworks.contains(&"SimCLR".into()));
    let note = found["notes"][0].as_str().unwrap();
    assert_eq!(
        note,
        "Left out, because they are more than 1 point from what their authors report: BYOL and SimCLR."
    );
    let refused = report(&["--study", "ozbulak2024", "--verify", "-1"]);
    assert_eq!(refused.status.code(), Some(65));
}
