//! A pretraining on 2 and on 4 ranks is the one on a single rank, for all frameworks: the same loss at the first step,
//! and later losses that differ as those of runs that round differently. A checkpoint of 2 ranks goes on on 1 and on 4.
//!
//! One rank has libtorch's own batch norm, which adds up a channel's values one after another: on maps such as these its
//! statistics are 3e-6 off, those over ranks 7e-8. So 2 and 4 ranks are closer to each other than to one.
//!
//! The ranks are processes of this test's own program, each of which trains all frameworks in turn. Batch norm of the
//! backbone is synchronised for all: without the same statistics it would not be the same run.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use serde_json::Value;
use ssl_datasets::source::open;
use ssl_datasets::views::rescale;
use ssl_distributed::{Launch, Ranks, Store};
use ssl_host::config::{Benchmark, RECIPE_SIZE};
use ssl_host::pretrain::{Collectives, PretrainError, PretrainJob, Progress, run};
use ssl_plugin_api::description::BatchNormScope;
use ssl_plugin_api::export::Instance;
use ssl_plugin_api::foreign::Plugin;
use ssl_plugin_api::{Fault, FfiTensor, LogLevel, Reduce, Services};
use ssl_tests::FRAMEWORKS;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::Device;

/// How long ranks wait for each other. A process that trains may have to wait for a processor itself.
const LIMIT: Duration = Duration::from_secs(300);
/// Names the folder of a rank's results, and makes a test process a rank.
const FOLDER: &str = "SSL_LOTTERY_TEST_RANK";
/// Makes a rank stop with a checkpoint after so many images.
const STOP: &str = "SSL_LOTTERY_TEST_STOP";
/// The images of `bench/ci.toml`, or fewer.
const IMAGES: &str = "SSL_LOTTERY_TEST_IMAGES";
/// A batch of `bench/ci.toml`.
const BATCH: u64 = 64;
/// Largest relative distance of the first loss on ranks from that on one.
const FIRST: f64 = 5e-6;
/// Largest relative distance of later losses on ranks from those on one, over four steps of a training that has just
/// begun.
const LATER: f64 = 2e-2;
/// How many times further a run may be from that on 2 ranks than the one on a single rank, which rounds differently:
/// they are two draws of the same growth.
const FURTHER: f64 = 10.0;

/// Services of a rank.
struct RankServices(Collectives);

impl Services for RankServices {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        self.0.all_reduce(tensor, reduce)
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        self.0.all_gather(tensor)
    }
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        self.0.broadcast(tensor, root)
    }
}

/// Sets the flag after so many images.
struct StopAt {
    images: Option<u64>,
    flag: Arc<AtomicBool>,
}

impl Progress for StopAt {
    fn progress(&mut self, done: u64, _total: u64, _note: &str) {
        let stop = self.images.is_some_and(|images| done >= images);
        self.flag.store(stop, Ordering::Relaxed);
    }
    fn note(&mut self, _text: &str) {}
    fn warning(&mut self, text: &str) {
        eprintln!("{text}");
    }
}

/// Trains a framework as one of the ranks of this process's environment.
fn train(id: &str, folder: &Path, launch: Option<&Launch>) -> Result<(), String> {
    let exe = std::env::current_exe().unwrap();
    let plugin = Plugin::open(&exe.with_file_name(format!("libssl_{id}.so"))).unwrap();
    let metadata = plugin.frameworks().iter().find(|it| it.id == id).unwrap();
    let bench = concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/ci.toml");
    let images = std::env::var(IMAGES).map(|images| format!("data.train.count={images}"));
    let (bench, _) = Benchmark::load(Path::new(bench), &Vec::from_iter(images)).unwrap();
    let section = bench.framework.get(id).cloned().unwrap_or_default();
    let config = metadata.schema.resolve(&Value::Object(section.config));
    let config = Value::Object(config.unwrap());
    let mut description = plugin.describe(id, &config).unwrap();
    for request in &mut description.encoders {
        request.scope = BatchNormScope::Synchronized;
    }
    let recipe = bench.pretrain.recipe.and(&section.recipe);
    let recipe = recipe.apply(description.recipe.clone());
    let side = bench.views.size;
    let views = rescale(&description.views, RECIPE_SIZE, side, &bench.views.tuning);
    let ranks = launch.map(|launch| Ranks::join(launch, id, false, LIMIT));
    let ranks = ranks.transpose().map_err(|error| error.to_string())?;
    let ranks = ranks.map(Arc::new);
    let mut stop = StopAt {
        images: std::env::var(STOP).ok().map(|text| text.parse().unwrap()),
        flag: Arc::new(AtomicBool::new(false)),
    };
    let job = PretrainJob {
        framework: id,
        plugin: None,
        allow_other_build: false,
        config: &config,
        description: &description,
        recipe: &recipe,
        views: &views,
        image_size: side,
        source: open(&bench.data.train, None).unwrap(),
        backbone: &bench.backbone,
        precision: bench.pretrain.precision,
        seed: 1,
        device: Device::Cpu,
        ranks: ranks.clone(),
        workers: 1,
        threads: 1,
        knn_monitor: bench.pretrain.probe,
        checkpoint_every: Duration::MAX,
        dir: folder.join(id),
        sign_of_life: || {},
        cancel: Arc::clone(&stop.flag),
    };
    let services = Arc::new(RankServices(Collectives::of(ranks)));
    let create = |context: &_| {
        let instance = plugin.create(id, &config, context, services)?;
        Ok(Box::new(instance) as Box<dyn Instance>)
    };
    match (run(&job, create, &mut stop), stop.images) {
        (Ok(_), None) | (Err(PretrainError::Cancelled), Some(_)) => Ok(()),
        (Ok(_), Some(_)) => Err("it did not stop".to_owned()),
        (Err(error), _) => Err(error.to_string()),
    }
}

/// What a process does that a test has started as a rank; nothing in any other one.
#[test]
fn as_a_rank() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let launch = Launch::from_env().unwrap();
    let ended = FRAMEWORKS.map(|id| {
        let ended = train(id, &folder, launch.as_ref());
        ended.map_err(|error| eprintln!("{id}: {error}"))
    });
    assert!(ended.iter().all(Result::is_ok));
}

/// Trains all frameworks on so many ranks under a further variable, and waits for them.
fn on_ranks(world_size: usize, folder: &Path, variables: &[(&str, u64)]) {
    let store = Store::serve("127.0.0.1", 0, LIMIT).unwrap();
    let rank = |rank| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["as_a_rank", "--exact", "--nocapture"]);
        command.env(FOLDER, folder).stdout(Stdio::null());
        command.env("TORCH_CPP_LOG_LEVEL", "FATAL");
        let launch = Launch {
            rank,
            world_size,
            local_rank: rank,
            address: "127.0.0.1".to_owned(),
            port: store.port(),
            agent_store: true,
            restart: 0,
        };
        command.envs(launch.variables());
        command.envs(
            variables
                .iter()
                .map(|(name, value)| (name, value.to_string())),
        );
        command.spawn().unwrap()
    };
    let processes: Vec<Child> = (0..world_size).map(rank).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success(), "of {world_size} ranks");
    }
}

/// All frameworks, trained in a new folder.
fn trained(world_size: usize, variables: &[(&str, u64)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    on_ranks(world_size, folder.path(), variables);
    folder
}

/// All frameworks, trained on 2 ranks for the first half and on others for the second one.
fn resumed(half: &Path, world_size: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for id in FRAMEWORKS {
        let to = folder.path().join(id);
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(half.join(id)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    on_ranks(world_size, folder.path(), &FOUR_STEPS);
    folder
}

/// The losses of all steps.
fn losses(folder: &Path, id: &str) -> Vec<f64> {
    let metrics = fs::read_to_string(folder.join(id).join("metrics.jsonl")).unwrap();
    let lines = metrics.lines();
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["kind"] == "step")
        .map(|line| line["loss"].as_f64().unwrap())
        .collect()
}

/// What a loss's rounding is relative to: itself, or the numbers that it is a mean of where they cancel. SimSiam's are
/// cosines, which in 128 dimensions are of this size before training, when their mean is a hundredth of it at any
/// seed.
fn size(id: &str, loss: f64) -> f64 {
    match id {
        "simsiam" => loss.abs().max(128_f64.sqrt().recip()),
        _ => loss.abs(),
    }
}

/// Relative distances step by step.
fn apart(found: &Path, expected: &Path, id: &str) -> Vec<f64> {
    let (found, expected) = (losses(found, id), losses(expected, id));
    assert_eq!(found.len(), expected.len(), "{id}");
    let pairs = found.iter().zip(&expected);
    pairs
        .map(|(found, expected)| (found - expected).abs() / size(id, *expected))
        .collect()
}

fn largest(distances: &[f64]) -> f64 {
    distances.iter().copied().fold(0.0, f64::max)
}

/// The variables of a training of four steps.
const FOUR_STEPS: [(&str, u64); 1] = [(IMAGES, 4 * BATCH)];

#[test]
fn the_first_loss_on_ranks_is_that_on_one() {
    let first = |world_size| trained(world_size, &[(STOP, BATCH)]);
    let (one, ranks) = (first(1), [(2, first(2)), (4, first(4))]);
    let mut faults = Vec::new();
    for (world_size, run) in &ranks {
        for id in FRAMEWORKS {
            let distance = apart(run.path(), one.path(), id)[0];
            println!("{id} on {world_size} ranks: {distance:.1e}");
            if distance > FIRST {
                faults.push(format!("{id} on {world_size} ranks: {distance:.1e}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn later_losses_on_ranks_differ_by_rounding_and_any_number_goes_on() {
    let [one, two, four] = [1, 2, 4].map(|world_size| trained(world_size, &FOUR_STEPS));
    let half = trained(2, &[FOUR_STEPS[0], (STOP, 2 * BATCH)]);
    let others = [
        ("4 ranks", four),
        ("2 ranks, then 1", resumed(half.path(), 1)),
        ("2 ranks, then 4", resumed(half.path(), 4)),
    ];
    let mut faults = Vec::new();
    for id in FRAMEWORKS {
        let of_one = largest(&apart(two.path(), one.path(), id));
        if of_one > LATER {
            faults.push(format!("{id} on 2 ranks: {of_one:.1e} from one"));
        }
        for (name, run) in &others {
            let distance = largest(&apart(run.path(), two.path(), id));
            let line = format!(
                "{id} on {name}: {distance:.1e} from 2 ranks, which are {of_one:.1e} from one"
            );
            println!("{line}");
            if distance > FURTHER * of_one.max(FIRST) {
                faults.push(line);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
