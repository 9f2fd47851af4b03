//! Checkpoints in official layouts beside frameworks that are pretrained here, in one table.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../host/tests/torch_file/mod.rs"]
mod torch_file;

use serde_json::Value;
use ssl_host::backbone::{Backbone, BackboneConfig, Depth, Stem};
use ssl_host::config::Benchmark;
use ssl_host::ledger::{Ledger, Status};
use ssl_host::plugins::Registry;
use ssl_host::run::{Cancel, ProgressDisplay, Supervisor, plan, summary};
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};
use torch_file::Layout;

const BENCH: &str = r#"
frameworks = ["simclr", "vicreg"]
[backbone]
depth = "resnet18"
stem = "cifar"
width = 0.125
[data]
train = { name = "train", kind = "shapes", split = "train", count = 128 }
test = [
    { name = "val", kind = "shapes", split = "val", count = 60 },
    { name = "rendition", kind = "shapes", split = "rendition", count = 40 },
]
[views]
size = 16
[pretrain]
workers = 1
threads = 1
[pretrain.probe]
every = 1
samples = 64
[pretrain.recipe]
epochs = 1
batch_size = 64
warmup_epochs = 0
[framework.simclr]
config = { projector_hidden_dim = 64 }
[framework.vicreg]
config = { projector_dims = [64, 64] }
[evaluate]
transform = "whole"
knn = { k = [5], headline_k = 5 }
linear = { epochs = 2, batch_size = 64, base_lrs = [0.1, 1.0], seeds = [0] }
finetune = { shares = [{ labels = 0.25 }], lr_factors = [1.0], epochs = 1 }
protocols = ["knn", "linear", "linear-paper", "finetune"]
[[checkpoint]]
framework = "moco"
file = "moco.pth.tar"
name = "moco-200"
backbone = { depth = "resnet18", stem = "cifar", width = 0.125 }
epochs = 200
views = "2x224"
batch = 256
source = "https://example.org/moco"
[[checkpoint]]
framework = "dino"
file = "dino.pth"
backbone = { depth = "resnet18", stem = "cifar", width = 0.125 }
epochs = 800
[[checkpoint]]
framework = "moco"
file = "legacy.pth.tar"
name = "moco-800"
backbone = { depth = "resnet18", stem = "cifar", width = 0.125 }
encoder = "target"
epochs = 800
"#;

fn network(seed: u64) -> Backbone {
    let config = BackboneConfig {
        depth: Depth::Resnet18,
        stem: Stem::Cifar,
        width: 0.125,
        ..BackboneConfig::default()
    };
    Backbone::new(&config, seed, Device::Cpu).unwrap()
}

/// A backbone's tensors behind a prefix.
fn state(seed: u64, prefix: &str) -> Vec<(String, Tensor)> {
    network(seed)
        .tensors()
        .map(|named| {
            (
                format!("{prefix}{}", named.name),
                named.tensor.detach().copy(),
            )
        })
        .collect()
}

fn head(name: &str) -> (String, Tensor) {
    (
        name.to_owned(),
        Tensor::ones([4, 4], (Kind::Float, Device::Cpu)),
    )
}

fn library(id: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.with_file_name(format!("libssl_{id}.so"))
}

fn write_checkpoints(folder: &Path) {
    let mut moco = state(1, "module.encoder_q.");
    moco.push(head("module.encoder_q.fc.0.weight"));
    moco.push(head("module.queue"));
    torch_file::write(
        &folder.join("moco.pth.tar"),
        Layout::Zip,
        &["state_dict"],
        &moco,
    );
    let mut dino = state(2, "module.backbone.");
    dino.push(head("module.head.mlp.0.weight"));
    torch_file::write(&folder.join("dino.pth"), Layout::Zip, &["teacher"], &dino);
    let mut pair = state(3, "module.encoder_q.");
    pair.extend(state(4, "module.encoder_k."));
    torch_file::write(
        &folder.join("legacy.pth.tar"),
        Layout::Legacy,
        &["state_dict"],
        &pair,
    );
}

#[test]
fn three_checkpoints_and_two_frameworks_end_in_one_table() {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoints(folder.path());
    let root = format!("data.root={:?}", folder.path());
    let (bench, document) = Benchmark::parse("bench.toml", BENCH, &[root]).unwrap();
    let mut candidates = Vec::new();
    for id in ["simclr", "vicreg", "moco", "dino"] {
        candidates.extend(Registry::open(library(id)).candidates);
    }
    let ledger = Ledger::open(&folder.path().join("out")).unwrap();
    let planned = plan(&bench, &document, &candidates, &ledger).unwrap();
    let supervisor = Supervisor {
        config: &bench.run,
        program: None,
        display: &ProgressDisplay::new(true),
        cancel: &Cancel::default(),
        wait: false,
        lead: None,
    };
    let cells = supervisor.run(planned).unwrap();
    for cell in &cells {
        assert_eq!(
            cell.record.status,
            Status::Done,
            "{:?}",
            cell.record.failure
        );
    }

    let protocol_results = summary::protocol_results(&cells, &bench.aggregate);
    let protocols: Vec<&str> = protocol_results
        .iter()
        .map(|s| s.protocol.as_str())
        .collect();
    let expected = [
        "knn",
        "linear-shared-cached",
        "linear-paper-cached",
        "finetune-25",
    ];
    assert_eq!(protocols, expected);
    for standing in &protocol_results {
        let table = standing.table().unwrap();
        let mut rows: Vec<&str> = standing
            .entries
            .iter()
            .map(|e| e.framework.as_str())
            .collect();
        rows.dedup();
        let expected = ["moco-200", "dino-dino", "moco-800", "simclr", "vicreg"];
        assert_eq!(rows, expected, "{}", standing.protocol);
        drop(table);
    }

    // The record says where each checkpoint comes from, under the framework it is of.
    let record = &cells[0].record;
    assert_eq!(
        (record.framework.as_str(), record.row()),
        ("moco", "moco-200")
    );
    let subject = &record.config["subject"];
    assert_eq!(subject["covariates"]["epochs"], 200);
    assert_eq!(subject["covariates"]["batch"], 256);
    assert_eq!(subject["covariates"]["source"], "https://example.org/moco");
    let paper = record.results.report.paper.as_ref().unwrap();
    assert_eq!((paper.recipe.lr, paper.recipe.epochs), (30.0, 100));
    assert_eq!(record.results.report.finetune[0].subset.samples, 30);

    // Every checkpoint was evaluated with its own weights: features are kept by their hash.
    let features: Vec<&Value> = cells
        .iter()
        .take(3)
        .map(|cell| &cell.record.results.pretrain["checkpoint"])
        .collect();
    assert!(
        features
            .iter()
            .all(|c| c["missing"].as_array().unwrap().is_empty())
    );
    let kept = std::fs::read_dir(folder.path().join("out/features")).unwrap();
    // Five networks, three sets.
    assert_eq!(kept.count(), 15);
    let scores: Vec<u64> = cells
        .iter()
        .map(|cell| cell.record.results.report.evaluations[0].correct)
        .collect();
    assert!(scores.iter().any(|score| *score != scores[0]), "{scores:?}");
}

#[test]
fn the_momentum_encoder_of_a_file_is_another_network() {
    let folder = tempfile::tempdir().unwrap();
    write_checkpoints(folder.path());
    let target = "checkpoint=[{ framework = \"moco\", file = \"legacy.pth.tar\", name = \"a\", encoder = \"target\", backbone = { depth = \"resnet18\", stem = \"cifar\", width = 0.125 } }, { framework = \"moco\", file = \"only.safetensors\", name = \"b\", backbone = { depth = \"resnet18\", stem = \"cifar\", width = 0.125 } }]";
    let only = state(4, "backbone.");
    ssl_host::tensorfile::write(
        &folder.path().join("only.safetensors"),
        only.iter().map(|(name, tensor)| (name.clone(), tensor)),
    )
    .unwrap();
    let overrides = [
        format!("data.root={:?}", folder.path()),
        target.to_owned(),
        "frameworks=[]".to_owned(),
        "evaluate.protocols=[\"knn\"]".to_owned(),
    ];
    let (bench, document) = Benchmark::parse("bench.toml", BENCH, &overrides).unwrap();
    let candidates = Registry::open(library("moco")).candidates;
    let ledger = Ledger::open(&folder.path().join("out")).unwrap();
    let planned = plan(&bench, &document, &candidates, &ledger).unwrap();
    let supervisor = Supervisor {
        config: &bench.run,
        program: None,
        display: &ProgressDisplay::new(true),
        cancel: &Cancel::default(),
        wait: false,
        lead: None,
    };
    let cells = supervisor.run(planned).unwrap();
    let reports: Vec<_> = cells
        .iter()
        .map(|cell| &cell.record.results.report)
        .collect();
    assert_eq!(
        cells[0].record.status,
        Status::Done,
        "{:?}",
        cells[0].record.failure
    );
    assert!(!reports[0].evaluations.is_empty());
    // The same weights, once as the target of one file and once alone in another.
    assert_eq!(reports[0], reports[1]);
    let kept = std::fs::read_dir(folder.path().join("out/features")).unwrap();
    assert_eq!(kept.count(), 3, "the second extraction was found");
}
