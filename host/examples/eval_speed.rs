//! Times the evaluation on random features, for comparison with other programs:
//!
//! ```sh
//! cargo run --release -p ssl-host --example eval_speed -- knn FOLDER K
//! cargo run --release -p ssl-host --example eval_speed -- linear FOLDER CLASSES EPOCHS
//! cargo run --release -p ssl-host --example eval_speed -- extract FOLDER BATCH
//! cargo run --release -p ssl-host --example eval_speed -- bank FOLDER ROWS DIM QUERIES
//! ```
//!
//! `FOLDER` holds what `benches/peer/eval_peer.py` writes: `bank.safetensors` and
//! `queries.safetensors` (f32), `labels.safetensors` (i64); for `extract`, `backbone.safetensors`
//! (torchvision's names) and `images.safetensors`. `bank` makes a bank of half precision on the disk
//! and evaluates on it. Prints one JSON object, with seconds by the clock and of the processor.

mod measure;

use measure::{cpu_seconds, peak_mib};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use ssl_host::backbone::{Backbone, BackboneConfig, Inference};
use ssl_host::evaluate::knn::{Blocks, FeatureBank, KnnProtocol, nearest, vote};
use ssl_host::evaluate::linear::{Hyper, LinearProtocol, Samples, train};
use ssl_host::evaluate::{
    CacheKey, EvalJob, FeatureCache, FeaturePrecision, FeatureSet, LabelSpace, Labels, Protocols,
    TestSet, TrainingState, run,
};
use ssl_host::progress::Pulse;
use ssl_host::tensorfile;
use tch::{Device, Kind, Tensor, no_grad};

type Fault = Box<dyn std::error::Error>;

fn main() -> Result<(), Fault> {
    ssl_host::memory::keep_freed();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["knn", folder, k] => knn(&PathBuf::from(folder), k.parse()?)?,
        ["linear", folder, classes, epochs] => {
            linear(&PathBuf::from(folder), classes.parse()?, epochs.parse()?)?
        }
        ["extract", folder, batch] => extract_features(&PathBuf::from(folder), batch.parse()?)?,
        ["bank", folder, rows, dim, queries] => bank(
            &PathBuf::from(folder),
            rows.parse()?,
            dim.parse()?,
            queries.parse()?,
        )?,
        _ => return Err("expected one of the forms in the program's documentation".into()),
    };
    println!("{result}");
    Ok(())
}

fn read(folder: &Path, name: &str) -> Result<Tensor, Fault> {
    let mut tensors = tensorfile::read(&folder.join(format!("{name}.safetensors")))?;
    let (_, tensor) = tensors.pop().ok_or("expected a tensor")?;
    Ok(tensor)
}

fn labels(folder: &Path) -> Result<Vec<u32>, Fault> {
    let labels = Vec::<i64>::try_from(read(folder, "labels")?.f_to_kind(Kind::Int64)?)?;
    Ok(labels.into_iter().map(|label| label as u32).collect())
}

/// Search and vote, from the features to the predictions.
fn knn(folder: &Path, k: usize) -> Result<Value, Fault> {
    let (bank, queries) = (read(folder, "bank")?, read(folder, "queries")?);
    let labels = labels(folder)?;
    let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let protocol = KnnProtocol {
        k: vec![k],
        headline_k: k,
        ..KnnProtocol::default()
    };
    let space = [LabelSpace::Full { classes }];
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let (bank, queries) = (
        FeatureBank::try_new("bank", &bank)?,
        FeatureBank::try_new("queries", &queries)?,
    );
    let prepared = start.elapsed().as_secs_f64();
    let found = nearest(&bank, &queries, k, Blocks::on(Device::Cpu))?;
    let searched = start.elapsed().as_secs_f64();
    let rankings = vote(&found, &labels, classes, &space, &protocol);
    let total = start.elapsed().as_secs_f64();
    let predictions: Vec<u32> = (0..queries.len())
        .map(|query| rankings[0][0].get(query)[0])
        .collect();
    Ok(json!({
        "prepare_s": prepared,
        "search_s": searched - prepared,
        "vote_s": total - searched,
        "total_s": total,
        "cpu_s": cpu_seconds() - cpu,
        "threads": tch::get_num_threads(),
        "predictions": predictions,
    }))
}

/// One learning rate and the whole default grid, for the same number of epochs.
fn linear(folder: &Path, classes: usize, epochs: u64) -> Result<Value, Fault> {
    let (features, labels) = (read(folder, "bank")?, labels(folder)?);
    let protocol = LinearProtocol {
        epochs: Some(epochs),
        ..LinearProtocol::default()
    };
    let hypers: Vec<Hyper> = protocol
        .base_lrs
        .iter()
        .map(|&base_lr| Hyper {
            base_lr,
            weight_decay: 0.0,
        })
        .collect();
    let time = |hypers: &[Hyper]| -> Result<(f64, f64), Fault> {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let _ = train(
            &Samples::all(&features, &labels),
            classes,
            hypers,
            &protocol,
            0,
            TrainingState::default(),
        )?;
        Ok((start.elapsed().as_secs_f64(), cpu_seconds() - cpu))
    };
    let one = time(&hypers[6..7])?;
    let all = time(&hypers)?;
    Ok(json!({
        "one_s": one.0,
        "all_s": all.0,
        "one_cpu_s": one.1,
        "all_cpu_s": all.1,
        "rates": hypers.len(),
        "threads": tch::get_num_threads(),
    }))
}

/// A ResNet-50 over all images, a batch at a time; the features go to `features.safetensors`.
fn extract_features(folder: &Path, batch: i64) -> Result<Value, Fault> {
    let mut backbone = Backbone::new(&BackboneConfig::default(), 0, Device::Cpu)?;
    let weights = tensorfile::read(&folder.join("backbone.safetensors"))?;
    // `ssl-lottery import` writes heads and state beside the backbone.
    let imported = weights
        .iter()
        .any(|(name, _)| name.starts_with("backbone."));
    backbone.import(weights.iter().filter_map(|(name, tensor)| {
        let own = name.strip_prefix("backbone.");
        Some((own.or((!imported).then_some(name))?, tensor))
    }))?;
    let network = Inference::of(&backbone)?;
    let images = read(folder, "images")?;
    let rows = images.size()[0];
    // The first pass meets cold memory; it is not counted.
    let _ = network.features(&images.f_narrow(0, 0, batch.min(rows))?)?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut parts = Vec::new();
    for first in (0..rows).step_by(batch.max(1) as usize) {
        parts.push(network.features(&images.f_narrow(0, first, batch.min(rows - first))?)?);
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let features = Tensor::f_cat(&parts, 0)?;
    tensorfile::write(
        &folder.join("features.safetensors"),
        [("features".to_owned(), &features)],
    )?;
    Ok(json!({ "total_s": seconds, "cpu_s": cpu, "threads": tch::get_num_threads() }))
}

/// kNN and linear heads with a bank on the disk that need not fit into memory.
fn bank(folder: &Path, rows: i64, dim: i64, queries: i64) -> Result<Value, Fault> {
    const CLASSES: i64 = 100;
    let key = CacheKey {
        backbone: "synthetic".to_owned(),
        data_set: format!("{rows} x {dim}"),
        transform: "none".to_owned(),
        program: "synthetic".to_owned(),
        precision: FeaturePrecision::Half,
    };
    let labels = |rows: i64| {
        (0..rows)
            .map(|row| (row * 7919 % CLASSES) as u32)
            .collect::<Vec<_>>()
    };
    let centres = Tensor::f_randn([CLASSES, dim], (Kind::Float, Device::Cpu))? * 0.3;
    let random = |first: i64, len: i64| -> Result<Tensor, tch::TchError> {
        let index: Vec<i64> = (first..first + len)
            .map(|row| row * 7919 % CLASSES)
            .collect();
        let noise = Tensor::f_randn([len, dim], (Kind::Float, Device::Cpu))?;
        centres
            .f_index_select(0, &Tensor::f_from_slice(&index)?)?
            .f_add(&noise)?
            .f_relu()
    };
    let parts = |known: usize| {
        let starts = (0..rows).step_by(8192).skip(known);
        Ok(starts.map(|first| random(first, 8192_i64.min(rows - first))))
    };
    let begun = Instant::now();
    let features = no_grad(|| {
        FeatureCache::new(folder).features(&key, parts, |features| {
            Ok::<_, tch::TchError>(features.shallow_clone())
        })
    })?;
    let written = begun.elapsed().as_secs_f64();
    let set = |id: &str, features: Tensor, rows: i64| -> Result<FeatureSet, Fault> {
        let ids = (0..rows).map(|row| row.to_string()).collect();
        let labels = Labels::single(&labels(rows), CLASSES as usize)?;
        Ok(FeatureSet::try_new(id, features, labels, ids)?)
    };
    let train = set("train", features, rows)?;
    let val = set("val", random(0, queries)?, queries)?;
    let linear = LinearProtocol {
        epochs: Some(1),
        batch_size: 1024,
        seeds: vec![0],
        ..LinearProtocol::default()
    };
    let report = run(
        &EvalJob {
            train: &train,
            augmented: &[],
            tests: &[TestSet {
                set: &val,
                reference: true,
            }],
            protocols: Protocols {
                knn: Some(&KnnProtocol::default()),
                linear: Some(&linear),
                paper: None,
            },
            device: Device::Cpu,
            pulse: Pulse::STILL,
            predictions: None,
            states: None,
        },
        Vec::new(),
    )?;
    let headline = report.evaluations.iter().filter(|e| e.headline);
    let correct: Vec<(&str, u64)> = headline
        .map(|e| (e.protocol.id.as_str(), e.correct))
        .collect();
    Ok(json!({
        "write_s": written,
        "total_s": begun.elapsed().as_secs_f64(),
        "cpu_s": cpu_seconds(),
        "peak_mib": peak_mib()? as u64,
        "correct": correct,
        "queries": queries,
    }))
}
