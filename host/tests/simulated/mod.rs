//! Ledgers of frameworks, seeds and heads whose outcomes are drawn, with predictions.
#![allow(clippy::unwrap_used, dead_code, reason = "tests; each uses a part")]

use std::path::Path;
use std::process::{Command, Output};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use ssl_host::evaluate::predictions::{Part, write};
use ssl_host::evaluate::record::{ProtocolRef, TestSetScore, Variant};
use ssl_host::evaluate::{FeatureSet, LabelSpace, Labels, Ranking, score};
use ssl_host::ledger::{CellDir, CellRecord, Holder, Ledger, Status};
use tch::{Device, Kind, Tensor};

const CLASSES: usize = 5;

/// A test set of the ledger.
pub struct Set {
    pub name: &'static str,
    /// Numbers of its images: two sets with the same numbers have the same images, each as hard in both.
    pub images: std::ops::Range<usize>,
}

/// What a ledger holds.
pub struct Plan<'a> {
    pub sets: &'a [Set],
    /// Names, and the share of images that each gets right on average.
    pub frameworks: &'a [(&'a str, f64)],
    pub seeds: u64,
    pub heads: u64,
    /// Share of an image's difficulty that all runs have in common.
    pub common: f64,
    /// Largest shift of a seed's skill, to either side.
    pub shift: f64,
}

/// A set of images without features: only what was right about each counts.
pub fn images(name: &str, ids: Vec<String>) -> FeatureSet {
    let n = ids.len();
    let labels = Labels::single(&vec![0; n], CLASSES).unwrap();
    let features = Tensor::zeros([n as i64, 1], (Kind::Float, Device::Cpu));
    FeatureSet::try_new(name, features, labels, ids).unwrap()
}

/// Enters a linear head, which is right on some images, into a record; gives back its predictions.
pub fn enter_head(
    record: &mut CellRecord,
    set: &FeatureSet,
    head: u64,
    right: impl IntoIterator<Item = bool>,
) -> Part {
    let space = LabelSpace::Full { classes: CLASSES };
    let mut ranking = Ranking::new(&space);
    for right in right {
        let best = usize::from(!right);
        let scores: Vec<f32> = (0..CLASSES)
            .map(|class| if class == best { 1.0 } else { 0.0 })
            .collect();
        ranking.push(&space, &scores);
    }
    let scored = score(set.id(), &space, set.labels(), &ranking).unwrap();
    let protocol = ProtocolRef::new("linear-shared-cached", &1);
    let variant = Variant::Linear {
        seed: head,
        base_lr: 0.1,
        weight_decay: 0.0,
    };
    record.results.report.evaluations.push(TestSetScore {
        protocol: protocol.clone(),
        dataset: set.id().to_owned(),
        label_space: space.name(),
        variant: variant.clone(),
        headline: head == 0,
        correct: scored.correct,
        n: scored.n,
        correct_top5: scored.correct_top5,
        excluded: scored.excluded,
        per_class: Vec::new(),
    });
    Part {
        protocol: protocol.id,
        variant: variant.to_string(),
        label_space: space.name().to_string(),
        ranking,
        score: scored,
    }
}

/// Writes the predictions of a set into a cell's folder; gives back the file's digest.
pub fn write_predictions(dir: &CellDir, set: &FeatureSet, parts: &[Part]) -> String {
    let path = dir
        .file("predictions")
        .join(format!("{}.parquet", set.id()));
    write(&path, set, parts).unwrap()
}

/// Writes the ledger; runs differ in the seed alone.
pub fn write_ledger(root: &Path, plan: &Plan<'_>) {
    let ledger = Ledger::open(root).unwrap();
    let last = plan.sets.iter().map(|set| set.images.end).max().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let hard: Vec<f64> = (0..last).map(|_| random.random()).collect();
    for (name, skill) in plan.frameworks {
        for seed in 0..plan.seeds {
            let config = json!({"framework": name, "seed": seed});
            let (dir, mut record) = ledger.cell(name, seed, &config).unwrap();
            let skill = skill + plan.shift * (2.0 * random.random::<f64>() - 1.0);
            for set in plan.sets {
                let ids = set.images.clone();
                let ids: Vec<String> = ids.map(|it| format!("image_{it}.jpg")).collect();
                let images = images(set.name, ids);
                let parts: Vec<Part> = (0..plan.heads)
                    .map(|head| {
                        let right = hard[set.images.clone()].iter().map(|hard| {
                            let own = (1.0 - plan.common) * random.random::<f64>();
                            plan.common * hard + own < skill
                        });
                        let right: Vec<bool> = right.collect();
                        enter_head(&mut record, &images, head, right)
                    })
                    .collect();
                write_predictions(&dir, &images, &parts);
            }
            record.begin(&Holder::current());
            record.end(Status::Done, None);
            dir.write(&record).unwrap();
        }
    }
}

/// Runs `ssl-lottery report` on a ledger.
pub fn run(root: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .arg("report")
        .arg(root)
        .args(arguments)
        .output()
        .unwrap()
}

/// The report as JSON.
pub fn report(root: &Path, arguments: &[&str]) -> Value {
    let output = run(root, &[&["--format", "json"], arguments].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
