//! A tree of tiny images laid out as ImageNet and its five variants, from the check to the scores.

use crate::bench::{Bench, Place, record};
use crate::checkpoints::{NETWORK, state, write};
use serde_json::Value;
use ssl_datasets::imagenet::{adversarial, rendition, wnid};
use std::fs;
use std::path::Path;
use std::process::Command;

fn bench() -> String {
    Bench {
        baselines: "[]",
        width: 0.0625,
        data: r#"
root = "images"
train = { name = "train", kind = "imagenet", split = "train", path = "train", allow_partial = true }
test = [
    { name = "val", kind = "imagenet", split = "val", path = "val", ground_truth = "truth.txt", allow_partial = true },
    { name = "real", kind = "imagenet", split = "val", path = "val", allow_partial = true, labels = { file = "real.json", key = "file-number" } },
    { name = "v2", kind = "imagenet", split = "v2", path = "v2", allow_partial = true },
    { name = "rendition", kind = "imagenet", split = "rendition", path = "rendition", allow_partial = true },
    { name = "sketch", kind = "imagenet", split = "sketch", path = "sketch", allow_partial = true },
    { name = "adversarial", kind = "imagenet", split = "adversarial", path = "adversarial", allow_partial = true },
]"#,
        size: 8,
        batch: 100,
        evaluate: r#"
knn = { k = [5], headline_k = 5 }
linear = { epochs = 1, batch_size = 500, base_lrs = [0.1], seeds = [0] }"#,
    }
    .text()
}

/// Images of every class folder.
const EACH: u32 = 2;

/// A 10 × 9 PNG whose pixels depend on the number alone.
fn image(number: u32) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let pixels: Vec<u8> = (0..10 * 9 * 3)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 10, 9);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    drop(writer);
    bytes
}

/// The six sets under `images`, every image another one.
fn tree(root: &Path) {
    let mut drawn = 0;
    let mut set = |name: &str, labels: &[u32], folder: &dyn Fn(u32) -> String| {
        for (place, &label) in labels.iter().enumerate() {
            let class = root.join("images").join(name).join(folder(label));
            fs::create_dir_all(&class).unwrap();
            for n in 0..EACH {
                // Class by class, as val is not: ReaL must go by the number.
                let number = place as u32 * EACH + n + 1;
                let file = match name {
                    "val" => format!("ILSVRC2012_val_{number:08}.png"),
                    "train" => format!("{}_{n}.png", wnid(label).unwrap()),
                    _ => format!("{n}.png"),
                };
                fs::write(class.join(file), image(drawn)).unwrap();
                drawn += 1;
            }
        }
    };
    let all: Vec<u32> = (0..1000).collect();
    // The numbers of val run against the order of its folders.
    let backwards: Vec<u32> = all.iter().rev().copied().collect();
    let by_wnid = |label: u32| wnid(label).unwrap().to_owned();
    set("train", &all, &by_wnid);
    set("val", &backwards, &by_wnid);
    set("v2", &all, &|label| label.to_string());
    set("rendition", &rendition(), &by_wnid);
    set("sketch", &all, &by_wnid);
    set("adversarial", &adversarial(), &by_wnid);
    let of_number = |number: u32| 999 - number / EACH;
    let truth: String = (0..1000 * EACH)
        .map(|number| format!("{}\n", wnid(of_number(number)).unwrap()))
        .collect();
    fs::write(root.join("images/truth.txt"), truth).unwrap();
    fs::write(root.join("images/real.json"), real(0)).unwrap();
}

/// A list of label lists, `shift` places off: every tenth empty, every seventh with a second label.
fn real(shift: u32) -> Vec<u8> {
    let lists: Vec<Vec<u32>> = (0..1000 * EACH)
        .map(|number| {
            let label = 999 - (number + shift * EACH) % (1000 * EACH) / EACH;
            match number {
                n if n % 10 == 0 => vec![],
                n if n % 7 == 0 => vec![label, (label + 5) % 1000],
                _ => vec![label],
            }
        })
        .collect();
    serde_json::to_vec(&lists).unwrap()
}

fn check(place: &Place) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .args(["data", "check", "bench.toml", "--format", "json"])
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), report)
}

fn codes(report: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|f| (text(f, "set"), text(f, "code")))
        .collect()
}

#[test]
fn a_tree_of_all_six_sets_goes_from_the_check_to_the_scores() {
    let place = Place::of(&bench());
    tree(place.path());
    let (code, report) = check(&place);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(codes(&report).is_empty(), "{report:#}");

    let ended = place.run(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record = place.record("echo");
    assert_eq!(record["status"], "done", "{record:#}");
    let report = &record["results"]["report"];
    let evaluations = report["evaluations"].as_array().unwrap();
    let spaces = |set: &str| -> std::collections::BTreeMap<&str, u64> {
        let of_set = evaluations.iter().filter(|e| e["dataset"] == set);
        of_set
            .map(|e| (e["label_space"].as_str().unwrap(), e["n"].as_u64().unwrap()))
            .collect()
    };
    for (set, scored) in [("real", 1800), ("v2", 2000), ("sketch", 2000)] {
        assert_eq!(spaces(set), [("full-1000", scored)].into(), "{set}");
    }
    for set in ["rendition", "adversarial"] {
        let subset = format!("subset-200@{set}");
        let both = [("full-1000", 400), (&subset, 400)];
        assert_eq!(spaces(set), both.into(), "{set}");
    }
    // Beside all of val, its images of each subset's classes, for a like comparison.
    let clean = [
        ("full-1000", 2000),
        ("subset-200@adversarial", 400),
        ("subset-200@rendition", 400),
    ];
    assert_eq!(spaces("val"), clean.into());
}

#[test]
fn faults_planted_in_the_tree_are_found() {
    let place = Place::of(&bench());
    tree(place.path());
    let images = place.path().join("images");
    fs::write(images.join("real.json"), real(1)).unwrap();
    let file = images.join("sketch/n01440764/1.png");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let class = |set: &str, label| images.join(set).join(wnid(label).unwrap());
    let moved = "n01440764_1.png";
    fs::rename(class("train", 0).join(moved), class("train", 7).join(moved)).unwrap();
    let moved = "ILSVRC2012_val_00000001.png";
    fs::rename(class("val", 999).join(moved), class("val", 3).join(moved)).unwrap();
    fs::remove_file(images.join("v2/17/0.png")).unwrap();
    let (code, report) = check(&place);
    assert_eq!(code, Some(1), "{report:#}");
    let found = codes(&report);
    for (set, fault) in [
        ("train", "wrong-folder"),
        ("val", "open"),
        ("real", "shifted-labels"),
        ("v2", "uneven"),
        ("sketch", "unreadable"),
    ] {
        let expected = (set.to_owned(), fault.to_owned());
        assert!(found.contains(&expected), "{expected:?} in {report:#}");
    }
    assert!(
        !found.iter().any(|(set, _)| set == "rendition"),
        "{report:#}"
    );
}

/// A benchmark's checkpoint that stands for a published one of the fixture's.
fn checkpoint(place: &Place, published: &str) -> String {
    write(place.path(), "good.pth", &state(""));
    let file = place.path().join("good.pth");
    format!(
        "checkpoint=[{{ framework = \"echo\", name = \"imported\", file = {file:?}, \
         published = {published:?}, {NETWORK} }}]"
    )
}

#[test]
fn a_checkpoint_is_compared_with_its_published_numbers_on_val() {
    let place = Place::of(&bench());
    tree(place.path());
    let set = checkpoint(&place, "echo-200ep");
    let ended = place.run(&[&set]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // 0.1 % of a thousand classes by chance, 50 and 60 published.
    let said = |out: &str, verdict: &str| {
        let mut rows = out.lines().filter(|line| line.starts_with("imported "));
        rows.any(|line| line.contains(verdict))
    };
    assert!(said(&ended.out, "no -"), "{ended:?}");
    assert!(ended.out.contains("at most 1\n"), "{ended:?}");
    let report = fs::read_to_string(place.path().join("out/report-knn.md")).unwrap();
    assert!(report.contains("0 of 1 rows are verified"), "{report}");
    assert!(
        report.contains("60.0 published for echo-200ep (an echo)"),
        "{report}"
    );

    let lenient = place.run(&[&set, "aggregate.verify=100"]);
    assert!(said(&lenient.out, "yes -"), "{lenient:?}");
    let strict = place.run(&[&set, "aggregate.require_verified=true"]);
    assert_eq!(strict.code, Some(0), "{strict:?}");
    let note = "more than 1 point from what their authors report: imported.";
    assert!(strict.out.contains(note), "{strict:?}");
    assert!(
        !strict.out.lines().any(|line| line.starts_with("imported ")),
        "{strict:?}"
    );
    let report = fs::read_to_string(place.path().join("out/report-knn.md")).unwrap();
    assert!(report.contains(note), "{report}");
    assert!(!report.contains("| imported"), "{report}");
}

#[test]
fn a_published_backbone_that_nobody_published_is_refused_by_name() {
    let place = Place::of(&bench());
    tree(place.path());
    let ended = place.run(&[&checkpoint(&place, "echo-100ep"), "frameworks=[]"]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    let message = "`published`: expected one of the backbones that echo has published numbers of (echo-200ep), found \
                   `echo-100ep`";
    let cells = place.cells("echo");
    assert_eq!(record(&cells[0])["failure"]["message"], message);
    let label = checkpoint(&place, "echo-200ep").replace("\"echo\"", "\"elsewhere\"");
    let ended = place.run(&[&label]);
    assert_eq!(ended.code, Some(65), "{ended:?}");
    assert!(ended.err.contains("`checkpoint.published`"), "{ended:?}");
}
