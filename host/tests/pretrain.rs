//! The pretraining loop over a framework inside the test, on drawn images.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

mod toy;

use ssl_datasets::source::{SourceConfig, open};
use ssl_distributed::{Launch, Ranks, Store};
use ssl_host::backbone::{BackboneConfig, ComputePrecision, Depth, Stem};
use ssl_host::pretrain::{
    KnnMonitorConfig, PretrainError, PretrainJob, PretrainOutcome, Progress, run,
};
use ssl_plugin_api::description::{BatchNormMode, Description, MomentumSchedule};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::{Device, Kind};
use toy::{Calls, Oddity, Toy, description};

const SAMPLES: u64 = 20;
const CONSTANT: MomentumSchedule = MomentumSchedule::Constant { value: 0.9 };

/// Sets the flag when the given number of images was seen.
#[derive(Default)]
struct StopAt {
    images: Option<u64>,
    /// Notes after which the flag is set: batches of passes, online evaluations.
    notes: Option<u64>,
    flag: Arc<AtomicBool>,
    warnings: Vec<String>,
    last: (u64, u64),
}

impl Progress for StopAt {
    fn progress(&mut self, done: u64, total: u64, _note: &str) {
        self.last = (done, total);
        if self.images.is_some_and(|n| done >= n) {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
    fn note(&mut self, _text: &str) {
        if let Some(left) = &mut self.notes {
            *left -= 1;
            self.flag.fetch_or(*left == 0, Ordering::Relaxed);
        }
    }
    fn warning(&mut self, text: &str) {
        self.warnings.push(text.to_owned());
    }
}

struct Setting {
    description: Description,
    oddity: Oddity,
    config: serde_json::Value,
    seed: u64,
    precision: ComputePrecision,
    build: &'static str,
    allow_other_build: bool,
    ranks: Option<Arc<Ranks>>,
    calls: Calls,
}

impl Setting {
    fn new(momentum: MomentumSchedule, oddity: Oddity) -> Self {
        Self {
            description: description(momentum),
            oddity,
            config: serde_json::json!({ "temperature": 0.1 }),
            seed: 1,
            precision: ComputePrecision::F32,
            build: "first-build",
            allow_other_build: false,
            ranks: None,
            calls: Calls::default(),
        }
    }

    fn run(&self, dir: &Path, progress: &mut StopAt) -> Result<PretrainOutcome, PretrainError> {
        let config: SourceConfig = serde_json::from_value(serde_json::json!({
            "name": "train", "kind": "shapes", "split": "train", "count": SAMPLES,
        }))
        .unwrap();
        let job = PretrainJob {
            framework: "toy",
            plugin: Some(self.build),
            allow_other_build: self.allow_other_build,
            config: &self.config,
            description: &self.description,
            recipe: &self.description.recipe,
            views: &self.description.views,
            image_size: 16,
            source: open(&config, None).unwrap(),
            backbone: &BackboneConfig {
                depth: Depth::Resnet18,
                stem: Stem::Cifar,
                width: 0.125,
                zero_init_residual: false,
            },
            precision: self.precision,
            seed: self.seed,
            device: Device::Cpu,
            ranks: self.ranks.clone(),
            workers: 2,
            threads: 1,
            knn_monitor: KnnMonitorConfig {
                every: 2,
                ..KnnMonitorConfig::default()
            },
            checkpoint_every: Duration::MAX,
            dir: dir.to_owned(),
            sign_of_life: || {},
            cancel: Arc::clone(&progress.flag),
        };
        let create = |context: &_| {
            let toy = Toy::new(context, self.oddity.clone(), &self.calls);
            Ok(Box::new(toy) as Box<dyn ssl_plugin_api::export::Instance>)
        };
        run(&job, create, progress)
    }

    fn done(&self, dir: &Path) -> PretrainOutcome {
        self.run(dir, &mut StopAt::default()).unwrap()
    }

    fn calls(&self, start: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|c| c.starts_with(start))
            .cloned()
            .collect()
    }
}

fn bytes(dir: &Path, file: &str) -> Vec<u8> {
    fs::read(dir.join(file)).unwrap()
}

#[test]
fn pretraining_logs_metrics_and_exports_backbones() {
    let dir = tempfile::tempdir().unwrap();
    let setting = Setting::new(CONSTANT, Oddity::default());
    let mut progress = StopAt::default();
    let outcome = setting.run(dir.path(), &mut progress).unwrap();
    assert_eq!((outcome.epochs, outcome.steps), (3, 6));
    assert_eq!(progress.last, (48, 48));

    let text = fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let of = |kind: &str| lines.iter().filter(|l| l["kind"] == kind).count();
    assert_eq!((of("step"), of("epoch")), (6, 3));
    assert_eq!(lines[0]["lr"], 0.005);
    assert_eq!(lines[0]["metrics"]["seen"], 8.0);
    assert!(
        lines[2]["effective_rank"].as_f64().unwrap() >= 1.0,
        "{}",
        lines[2]
    );
    let losses: Vec<f64> = lines
        .iter()
        .filter(|l| l["kind"] == "epoch")
        .map(|l| l["loss"].as_f64().unwrap())
        .collect();
    assert!(losses[2] < losses[0] - 0.01, "{losses:?}");

    // Every second epoch and after the last, two images of each class, one of them held out.
    let probes: Vec<&serde_json::Value> = lines.iter().filter(|l| l["kind"] == "probe").collect();
    let epochs: Vec<u64> = probes
        .iter()
        .map(|l| l["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs, [1, 2]);
    for probe in probes {
        let number = |key: &str| probe[key].as_u64().unwrap();
        assert!(
            number("correct") <= number("n") && number("n") >= 1,
            "{probe}"
        );
        assert_eq!(number("k"), SAMPLES - number("n"));
    }

    for file in ["backbone.safetensors", "target_backbone.safetensors"] {
        assert!(outcome.exports.contains(&dir.path().join(file)));
        assert!(!bytes(dir.path(), file).is_empty());
    }
    let names = fs::read_dir(dir.path()).unwrap();
    let checkpoints = names.filter(|e| {
        let name = e.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".safetensors")
    });
    assert_eq!(checkpoints.count(), 4, "two exports and two checkpoints");
}

#[test]
fn pretraining_resumes_bit_identically() {
    let cosine = MomentumSchedule::Cosine {
        base: 0.5,
        offset: 0,
    };
    let whole = tempfile::tempdir().unwrap();
    Setting::new(cosine, Oddity::default()).done(whole.path());

    let broken = tempfile::tempdir().unwrap();
    let setting = Setting::new(cosine, Oddity::default());
    // In the middle of the second epoch.
    let mut stop = StopAt {
        images: Some(24),
        ..StopAt::default()
    };
    let stopped = setting.run(broken.path(), &mut stop);
    assert!(matches!(stopped, Err(PretrainError::Cancelled)));
    let first = setting.calls("step").len();
    assert_eq!(first, 3);
    setting.done(broken.path());
    let done = setting.done(broken.path());
    assert_eq!(setting.calls("step").len() - first, 3);
    same(whole.path(), broken.path());

    // A finished run has nothing left to do, and knows what it was.
    let again = setting.done(broken.path());
    assert_eq!((again.steps, again.loss), (6, done.loss));
    assert_eq!(again.images_per_s, done.images_per_s);
    assert!(again.loss.is_some() && again.images_per_s.is_some());
    assert_eq!(setting.calls("step").len() - first, 3);
}

/// The tensors of the newest checkpoint.
fn newest(dir: &Path) -> String {
    let header: serde_json::Value = serde_json::from_slice(&bytes(dir, "checkpoint.json")).unwrap();
    header["tensors"].as_str().unwrap().to_owned()
}

/// Compares what two runs have left.
fn same(whole: &Path, other: &Path) {
    for file in ["backbone.safetensors", "target_backbone.safetensors"] {
        assert!(bytes(whole, file) == bytes(other, file), "{file}");
    }
    let checkpoint = |dir| bytes(dir, &newest(dir));
    assert!(checkpoint(whole) == checkpoint(other), "checkpoint");
}

#[test]
fn a_stopped_pass_goes_on_with_the_features_that_it_had() {
    let whole = tempfile::tempdir().unwrap();
    let straight = Setting::new(CONSTANT, Oddity::default());
    straight.done(whole.path());
    let absorbed = straight.calls("absorb");
    assert_eq!(absorbed.len(), 3);

    // After each batch of the pass, and in the evaluation after the second epoch.
    for notes in 1..=4 {
        let broken = tempfile::tempdir().unwrap();
        let setting = Setting::new(CONSTANT, Oddity::default());
        let mut stop = StopAt {
            notes: Some(notes),
            ..StopAt::default()
        };
        let stopped = setting.run(broken.path(), &mut stop);
        assert!(matches!(stopped, Err(PretrainError::Cancelled)), "{notes}");
        setting.done(broken.path());
        same(whole.path(), broken.path());
    }

    // The features come out of the log: with another one in it, the framework's bank differs.
    let broken = tempfile::tempdir().unwrap();
    let setting = Setting::new(CONSTANT, Oddity::default());
    let mut stop = StopAt {
        notes: Some(2),
        ..StopAt::default()
    };
    assert!(setting.run(broken.path(), &mut stop).is_err());
    let log = bytes(broken.path(), "checkpoint-passes.log");
    assert!(log.len() > 1000, "{}", log.len());
}

#[test]
fn pretraining_is_bit_identical_for_one_seed() {
    let export = |seed| {
        let dir = tempfile::tempdir().unwrap();
        let mut setting = Setting::new(CONSTANT, Oddity::default());
        setting.seed = seed;
        setting.done(dir.path());
        bytes(dir.path(), "backbone.safetensors")
    };
    let first = export(1);
    assert!(first == export(1));
    assert!(first != export(2));
}

#[test]
fn bfloat16_is_computed_and_stays_near_single_precision() {
    let run = |precision| {
        let dir = tempfile::tempdir().unwrap();
        let mut setting = Setting::new(CONSTANT, Oddity::default());
        setting.precision = precision;
        let outcome = setting.done(dir.path());
        let metrics = fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
        let first = metrics.lines().next().unwrap();
        let step: serde_json::Value = serde_json::from_str(first).unwrap();
        (outcome.backbone, step["loss"].as_f64().unwrap())
    };
    let (single, single_loss) = run(ComputePrecision::F32);
    let (half, half_loss) = run(ComputePrecision::Bf16);
    assert_ne!(single.sha256().unwrap(), half.sha256().unwrap());
    let apart = (single_loss - half_loss).abs() / single_loss.abs();
    // A temperature of 0.1 makes ten times as much of the difference of the features.
    assert!((1e-7..0.1).contains(&apart), "{single_loss} {half_loss}");
    // What is exported are parameters in f32 that were trained in steps smaller than bf16 has.
    let conv = &half.parameters()[0].tensor;
    assert_eq!(conv.kind(), Kind::Float);
    assert_ne!(conv, &conv.to_kind(Kind::BFloat16).to_kind(Kind::Float));
}

#[test]
fn target_backbone_follows_the_momentum_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let at_once = MomentumSchedule::Constant { value: 0.0 };
    let setting = Setting::new(at_once, Oddity::default());
    let outcome = setting.done(dir.path());
    let target = outcome.target.unwrap();
    for (online, target) in outcome
        .backbone
        .parameters()
        .iter()
        .zip(target.parameters())
    {
        assert_eq!(online.tensor, target.tensor, "{}", online.name);
    }
    // Statistics are each backbone's own: the target saw its views one by one.
    let (online, target) = (&outcome.backbone.buffers()[0], &target.buffers()[0]);
    assert_ne!(online.tensor, target.tensor);

    let dir = tempfile::tempdir().unwrap();
    let cosine = MomentumSchedule::Cosine {
        base: 0.5,
        offset: 1,
    };
    let setting = Setting::new(cosine, Oddity::default());
    setting.done(dir.path());
    // 1 − 0.5(1 + cos π(s + 1)/6)/2 for s = 0 … 5.
    let expected = [
        "0.533494", "0.625000", "0.750000", "0.875000", "0.966506", "1.000000",
    ];
    let found = setting.calls("after");
    assert_eq!(found.len(), 6);
    for (n, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, &format!("after {n} {expected}"));
    }
}

#[test]
fn feature_pass_visits_every_sample_once() {
    let dir = tempfile::tempdir().unwrap();
    let setting = Setting::new(CONSTANT, Oddity::default());
    setting.done(dir.path());
    let calls = setting.calls.lock().unwrap();
    let opening: Vec<&str> = calls.iter().take(6).map(String::as_str).collect();
    assert_eq!(
        opening,
        [
            "begin bank 20",
            "absorb [0, 1, 2, 3, 4, 5, 6, 7] [8, 64] Target",
            "absorb [8, 9, 10, 11, 12, 13, 14, 15] [8, 64] Target",
            "absorb [16, 17, 18, 19] [4, 64] Target",
            "end",
            "epoch 0",
        ]
    );
}

#[test]
fn a_framework_may_choose_the_order_and_redraw_its_head() {
    let dir = tempfile::tempdir().unwrap();
    let order: Vec<i64> = (0..16).map(|n| (7 * n) % 5).collect();
    let mut setting = Setting::new(
        CONSTANT,
        Oddity {
            order: Some(order.clone()),
            redraws: true,
            ..Oddity::default()
        },
    );
    // The two steps after the head was drawn anew do not undo each other with this one.
    setting.seed = 3;
    setting.done(dir.path());
    let expected: Vec<String> = (0..6)
        .map(|n| {
            let half = n % 2 * 8;
            format!("step {n} {:?}", &order[half..half + 8])
        })
        .collect();
    assert_eq!(setting.calls("step"), expected);
    // The head was set to 3 at the last epoch's start; what the optimiser wrote is in the new place.
    let tensors = ssl_host::tensorfile::read(&dir.path().join(newest(dir.path())));
    let tensors = tensors.unwrap();
    let of = |name: &str| &tensors.iter().find(|(n, _)| n == name).unwrap().1;
    let head = of("param.head.weight");
    let moved = (head - 3.0).abs().max().double_value(&[]);
    assert!(moved > 1e-4 && moved < 2.5, "{moved}");
    assert_eq!(
        of("optimizer.updates.param.head.weight").int64_value(&[]),
        2
    );
    assert_eq!(
        of("optimizer.updates.backbone.conv1.weight").int64_value(&[]),
        6
    );
}

#[test]
fn nan_loss_ends_pretraining_with_its_step() {
    let dir = tempfile::tempdir().unwrap();
    let setting = Setting::new(
        CONSTANT,
        Oddity {
            nan_at: Some(3),
            ..Oddity::default()
        },
    );
    let error = setting.run(dir.path(), &mut StopAt::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("expected a finite loss, found NaN at step 3 (epoch 1)"),
        "{error}"
    );
}

#[test]
fn wrong_pretraining_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut setting = Setting::new(CONSTANT, Oddity::default());
    setting.done(dir.path());
    setting.seed = 2;
    let error = setting.run(dir.path(), &mut StopAt::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("one of a run with another seed; remove the folder"),
        "{error}"
    );

    setting.seed = 1;
    setting.config["temperature"] = 0.2.into();
    let error = setting.run(dir.path(), &mut StopAt::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("one of a run with another config; remove the folder"),
        "{error}"
    );

    setting.description.recipe.batch_size = 21;
    let empty = tempfile::tempdir().unwrap();
    let error = setting
        .run(empty.path(), &mut StopAt::default())
        .unwrap_err();
    assert!(matches!(error, PretrainError::Data(_)), "{error}");
    assert!(error.to_string().contains("21"), "{error}");
}

#[test]
fn another_build_of_the_plugin_goes_on_only_if_that_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let mut setting = Setting::new(CONSTANT, Oddity::default());
    let first = setting.done(dir.path());
    assert_eq!(first.builds, ["first-build"]);
    setting.build = "second-build";
    let refused = setting.run(dir.path(), &mut StopAt::default()).unwrap_err();
    let named = |text: &str| text.contains("first-build") && text.contains("second-build");
    assert!(
        matches!(refused, PretrainError::OtherBuild { .. }),
        "{refused}"
    );
    assert!(named(&refused.to_string()), "{refused}");

    setting.allow_other_build = true;
    let mut progress = StopAt::default();
    let second = setting.run(dir.path(), &mut progress).unwrap();
    assert_eq!(second.builds, ["first-build", "second-build"]);
    assert!(
        progress.warnings.iter().any(|text| named(text)),
        "{:?}",
        progress.warnings
    );
}

/// Flips a bit in the file at some places, the first and the last bytes among them, and calls `check`.
fn damaged(path: &Path, mut check: impl FnMut(usize)) {
    let whole = fs::read(path).unwrap();
    let places = (0..whole.len()).step_by(whole.len() / 10);
    for at in places.chain([whole.len() - 2]) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(path, damaged).unwrap();
        check(at);
    }
    fs::write(path, whole).unwrap();
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before_with_a_warning() {
    let whole = tempfile::tempdir().unwrap();
    let setting = Setting::new(CONSTANT, Oddity::default());
    setting.done(whole.path());
    let stopped = tempfile::tempdir().unwrap();
    let mut stop = StopAt {
        images: Some(32),
        ..StopAt::default()
    };
    assert!(setting.run(stopped.path(), &mut stop).is_err());
    let kept = |dir: &Path| {
        let again = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, again.path().join(path.file_name().unwrap())).unwrap();
        }
        again
    };
    for file in ["checkpoint.json".to_owned(), newest(stopped.path())] {
        damaged(&stopped.path().join(&file), |at| {
            let again = kept(stopped.path());
            let mut progress = StopAt::default();
            setting.run(again.path(), &mut progress).unwrap();
            let warned = |text: &String| text.contains("goes on from the checkpoint before");
            assert!(progress.warnings.iter().any(warned), "{file} byte {at}");
            same(whole.path(), again.path());
        });
    }
}

#[test]
fn damaged_checkpoints_are_refused_and_a_good_export_stays() {
    let dir = tempfile::tempdir().unwrap();
    let setting = Setting::new(CONSTANT, Oddity::default());
    setting.done(dir.path());
    let export = dir.path().join("backbone.safetensors");
    let good = fs::read(&export).unwrap();
    fs::write(dir.path().join("checkpoint-previous.json"), "{").unwrap();
    for file in ["checkpoint.json".to_owned(), newest(dir.path())] {
        damaged(&dir.path().join(&file), |at| {
            let refused = setting.run(dir.path(), &mut StopAt::default()).unwrap_err();
            let message = refused.to_string();
            assert!(
                matches!(refused, PretrainError::Checkpoint { .. })
                    && message.contains("to pretrain the cell again"),
                "{file} byte {at}: {message}"
            );
            assert_eq!(fs::read(&export).unwrap(), good);
        });
    }
    setting.done(dir.path());
}

/// Runs on ranks that are threads, each with a setting and a stop of its own; their outcomes in rank order.
fn on_ranks(
    world_size: usize,
    dir: &Path,
    change: impl Fn(&mut Setting, usize) + Sync,
) -> Vec<(Result<u64, String>, Vec<String>)> {
    const LIMIT: Duration = Duration::from_secs(60);
    let store = Store::serve("127.0.0.1", 0, LIMIT).unwrap();
    let port = store.port();
    std::thread::scope(|scope| {
        let ranks: Vec<_> = (0..world_size)
            .map(|rank| {
                let change = &change;
                scope.spawn(move || {
                    let launch = Launch {
                        rank,
                        world_size,
                        local_rank: rank,
                        address: "127.0.0.1".to_owned(),
                        port,
                        agent_store: true,
                        restart: 0,
                    };
                    let mut setting = Setting::new(CONSTANT, by_image());
                    let ranks = Ranks::join(&launch, "toy", false, LIMIT).unwrap();
                    setting.ranks = Some(Arc::new(ranks));
                    change(&mut setting, rank);
                    let outcome = setting.run(dir, &mut StopAt::default());
                    let outcome = outcome.map(|it| it.steps).map_err(|it| it.to_string());
                    (outcome, setting.calls(""))
                })
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn by_image() -> Oddity {
    Oddity {
        by_image: true,
        ..Oddity::default()
    }
}

/// Batch norm in eval mode: over the 32 values per channel that the last layers see here, statistics make 2e-5 of the
/// loss out of the rounding of a sum. `tests/data_parallel.rs` has statistics over enough values.
fn eval_mode(setting: &mut Setting) {
    for request in &mut setting.description.encoders {
        request.batch_norm = BatchNormMode::Eval;
    }
    // Features are large without statistics.
    setting.description.recipe.lr.base = 1e-5;
}

fn losses(dir: &Path) -> Vec<f64> {
    let text = fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let steps = lines.filter(|line: &serde_json::Value| line["kind"] == "step");
    steps.map(|line| line["loss"].as_f64().unwrap()).collect()
}

#[test]
fn ranks_train_as_one_on_the_same_images() {
    let one = tempfile::tempdir().unwrap();
    let mut alone = Setting::new(CONSTANT, by_image());
    eval_mode(&mut alone);
    alone.done(one.path());
    let expected = losses(one.path());
    for world_size in [2, 4] {
        let dir = tempfile::tempdir().unwrap();
        let ranks = on_ranks(world_size, dir.path(), |setting, _| eval_mode(setting));
        assert!(
            ranks.iter().all(|(outcome, _)| *outcome == Ok(6)),
            "{ranks:?}"
        );
        let found = losses(dir.path());
        assert_eq!(found.len(), expected.len());
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let tolerance = if step == 0 { 5e-6 } else { 1e-4 };
            let apart = (found - expected).abs() / expected.abs();
            assert!(
                apart <= tolerance,
                "step {step} on {world_size} ranks: {apart:.1e}"
            );
        }
        // Every image of the pass once, over all ranks.
        let images = |calls: &[String]| -> Vec<u64> {
            let absorbed = calls
                .iter()
                .filter_map(|call| call.strip_prefix("absorb ["));
            absorbed
                .flat_map(|call| {
                    call.split(']')
                        .next()
                        .unwrap()
                        .split(", ")
                        .map(str::to_owned)
                })
                .map(|image| image.parse().unwrap())
                .collect()
        };
        let mut seen: Vec<u64> = ranks.iter().flat_map(|(_, calls)| images(calls)).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..SAMPLES).collect::<Vec<_>>());
    }
}

#[test]
fn a_batch_that_ranks_cannot_share_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (outcome, _) in on_ranks(3, dir.path(), |_, _| {}) {
        assert_eq!(
            outcome.unwrap_err(),
            "expected a batch size that divides by the 3 ranks, found 8; set `pretrain.recipe.batch_size` or another number of ranks"
        );
    }
}

#[test]
fn a_rank_whose_framework_fails_ends_all_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ranks = on_ranks(2, dir.path(), |setting, rank| {
        setting.oddity.nan_at = (rank == 1).then_some(3);
    });
    let own = ranks[1].0.as_ref().unwrap_err();
    assert!(
        own.starts_with("expected a finite loss, found NaN at step 3"),
        "{own}"
    );
    assert_eq!(ranks[0].0, Err(format!("rank 1 of 2: {own}")));
}
