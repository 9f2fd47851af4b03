//! Formats that are read from files and from plugins, damaged in many ways: every one is read or refused with a
//! message, quickly and within little memory.
//!
//! A few thousand inputs of each kind run with every change. `measure_ten_minutes_of_each_format` goes on for
//! longer and prints how many there were; SSL_LOTTERY_FUZZ_SECONDS changes how long.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "torch_file/mod.rs"]
mod torch_file;

use rand::seq::IndexedRandom as _;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ssl_datasets::source::{SourceConfig, open_sets};
use ssl_host::config::Benchmark;
use ssl_host::evaluate::predictions::{self, read_flags, read_groups};
use ssl_host::evaluate::{FeatureSet, LabelSpace, Labels, Ranking, score};
use ssl_host::import::Checkpoint;
use ssl_host::plugins::check_description;
use ssl_host::tensorfile;
use ssl_plugin_api::description::Description;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};
use torch_file::Layout;

/// The longest that one input may take: far more than any needs, and far less than for ever.
const SLOWEST: Duration = Duration::from_secs(20);
/// What inputs put into each other: numbers that lie at edges.
const NUMBERS: [u64; 8] = [
    0,
    1,
    0x7F,
    0xFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 62,
    u64::MAX,
];

/// A format: seeds to change, and the code that reads them.
struct Target {
    name: &'static str,
    /// How a file of it is called.
    file: &'static str,
    corpus: Vec<Vec<u8>>,
    read: fn(&Path),
}

fn config(path: &Path) {
    if let Ok(text) = fs::read_to_string(path) {
        let _ = Benchmark::parse("bench.toml", &text, &[]);
    }
}

fn manifest(path: &Path) {
    let source = serde_json::json!({
        "name": "set", "kind": "manifest", "file": path, "root": path.parent(),
    });
    if let Ok(source) = serde_json::from_value::<SourceConfig>(source) {
        let _ = open_sets(&source, &[], None);
    }
}

fn checkpoint(path: &Path) {
    let Ok(checkpoint) = Checkpoint::open(path) else {
        return;
    };
    for state in checkpoint.states().unwrap_or_default() {
        for entry in &state.entries {
            let _ = checkpoint.tensor(entry);
        }
    }
}

fn parquet(path: &Path) {
    for group in read_groups(path).unwrap_or_default() {
        let _ = read_flags(path, &group);
    }
}

fn description(path: &Path) {
    let bytes = fs::read(path).unwrap_or_default();
    if let Ok(description) = serde_json::from_slice::<Description>(&bytes) {
        let _ = check_description(&description);
    }
}

fn state(path: &Path) {
    let _ = tensorfile::read(path);
}

fn targets(folder: &Path) -> Vec<Target> {
    let written = |name: &str, write: &dyn Fn(&Path)| {
        let path = folder.join(name);
        write(&path);
        fs::read(path).unwrap()
    };
    let tensor = |n: i64| Tensor::arange(n, (Kind::Float, Device::Cpu)).reshape([n / 2, 2]);
    let tensors = [
        ("conv.weight".to_owned(), tensor(8)),
        ("fc.bias".to_owned(), tensor(4)),
    ];
    let torch = |layout| {
        written("seed.pth", &|path| {
            torch_file::write(path, layout, &["state_dict"], &tensors);
        })
    };
    let named = || tensors.iter().map(|(name, tensor)| (name.clone(), tensor));
    let safetensors = written("seed.safetensors", &|path| {
        let named: Vec<(&str, &Tensor)> = named().map(|(_, it)| ("a", it)).take(1).collect();
        Tensor::write_safetensors(&named, path).unwrap();
    });
    let state_file = written("seed.state", &|path| {
        tensorfile::write(path, named()).unwrap();
    });
    let benches = ["ci", "demo", "study", "imagenet"].map(|name| {
        let path = format!("{}/../bench/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        fs::read(path).unwrap()
    });
    let describe = include_bytes!("data/description.json").to_vec();
    let list = b"path,label\na.png,cat\nb.png,dog\nb/c.png,\"cat, wild\"\n".to_vec();
    let target = |name, file, corpus, read| Target {
        name,
        file,
        corpus,
        read,
    };
    vec![
        target(
            "config",
            "bench.toml",
            benches.to_vec(),
            config as fn(&Path),
        ),
        target("manifest", "list.csv", vec![list], manifest),
        target("pickle", "old.pth", vec![torch(Layout::Legacy)], checkpoint),
        target("zip", "new.pth", vec![torch(Layout::Zip)], checkpoint),
        target(
            "safetensors",
            "a.safetensors",
            vec![safetensors],
            checkpoint,
        ),
        target(
            "parquet",
            "set.parquet",
            vec![written("seed.parquet", &write_predictions)],
            parquet,
        ),
        target("description", "a.json", vec![describe], description),
        target("state", "state.safetensors", vec![state_file], state),
    ]
}

fn write_predictions(path: &Path) {
    let labels = Labels::single(&[0, 1, 2], 3).unwrap();
    let ids = ["a", "b", "c"].map(str::to_owned).to_vec();
    let features = Tensor::zeros([3, 1], (Kind::Float, Device::Cpu));
    let set = FeatureSet::try_new("val", features, labels, ids).unwrap();
    let space = LabelSpace::Full { classes: 3 };
    let mut ranking = Ranking::new(&space);
    for _ in 0..3 {
        ranking.push(&space, &[0.0, 1.0, 0.5]);
    }
    let part = predictions::Part {
        protocol: "knn".to_owned(),
        variant: "k=1".to_owned(),
        label_space: space.name().to_string(),
        score: score("val", &space, set.labels(), &ranking).unwrap(),
        ranking,
    };
    predictions::write(path, &set, &[part]).unwrap();
}

/// Changes an input in one to four places: bits, numbers, cuts, repeats, and pieces of another one.
fn change(random: &mut ChaCha8Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..=4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.random_range(0..bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 64));
        match random.random_range(0..7) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                bytes.drain(at..end);
            }
            5 => {
                let number = NUMBERS.choose(random).unwrap().to_le_bytes();
                let width = [1, 2, 4, 8][random.random_range(0..4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            _ => {
                let other = corpus.choose(random).unwrap();
                let from = random.random_range(0..other.len());
                let to = random.random_range(from..=other.len().min(from + 64));
                bytes.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

/// Reads changed inputs as long as `more` says so, and gives back how many there were.
fn attack(target: &Target, seed: u64, more: impl Fn(u64) -> bool) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(target.file);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut count = 0;
    while more(count) {
        let bytes = change(&mut random, &target.corpus);
        fs::write(&path, &bytes).unwrap();
        let begun = Instant::now();
        let survived = catch_unwind(AssertUnwindSafe(|| (target.read)(&path))).is_ok();
        let time = begun.elapsed();
        if !survived || time > SLOWEST {
            let kept = std::env::temp_dir().join(format!("hostile-{}-{count}", target.name));
            fs::write(&kept, &bytes).unwrap();
            panic!(
                "{} {count} of seed {seed}: {time:?}, kept as {}",
                target.name,
                kept.display()
            );
        }
        count += 1;
    }
    count
}

#[test]
fn damaged_inputs_of_every_format_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    for target in targets(folder.path()) {
        // The seeds themselves are what the code reads.
        assert_eq!(attack(&target, 1, |count| count < 1500), 1500);
    }
}

#[test]
#[ignore = "ten minutes for each of eight formats"]
fn measure_ten_minutes_of_each_format() {
    let seconds = std::env::var("SSL_LOTTERY_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(600, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for target in targets(folder.path()) {
        let begun = Instant::now();
        let count = attack(&target, 2, |_| {
            begun.elapsed() < Duration::from_secs(seconds)
        });
        println!("{}: {count} inputs in {seconds} s", target.name);
    }
}
