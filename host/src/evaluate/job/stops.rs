//! Trainings of linear heads that are stopped or killed anywhere end with the results of those that are not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::tests::{linear, recipe, train};
use super::*;
use crate::evaluate::EvaluateError;
use crate::evaluate::linear::{Samples, select, train_recipe};

/// One evaluation at a time counts its beats here.
static ALONE: Mutex<()> = Mutex::new(());
static BEATS: AtomicU64 = AtomicU64::new(0);
static STOP_AT: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicBool = AtomicBool::new(false);
/// The folder of states, and where it is copied to as a kill would leave it.
static COPY: Mutex<Option<(PathBuf, PathBuf)>> = Mutex::new(None);

fn beat() {
    if BEATS.fetch_add(1, Relaxed) + 1 != STOP_AT.load(Relaxed) {
        return;
    }
    STOPPED.store(true, Relaxed);
    if let Some((from, to)) = &*COPY.lock().unwrap()
        && from.exists()
    {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap().flatten() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// How trainings went: what they found, their beats, their warnings.
struct Went {
    found: Option<String>,
    beats: u64,
    warnings: Vec<String>,
}

/// Trains by the grid and by the framework's own recipe until beat number `stop`, or to the end with 0.
fn evaluate(folder: &Path, every: Duration, linear: &LinearProtocol, stop: u64) -> Went {
    BEATS.store(0, Relaxed);
    STOP_AT.store(stop, Relaxed);
    STOPPED.store(false, Relaxed);
    let states = TrainingStates::new(folder.to_owned(), every, String::new());
    let found = match train_all(linear, &states) {
        Ok(found) => Some(found),
        Err(EvaluateError::Cancelled) => None,
        Err(other) => panic!("{other}"),
    };
    Went {
        found,
        beats: BEATS.load(Relaxed),
        warnings: states.warnings(),
    }
}

/// The grid, and all weights to the last bit: scores alone would hide small differences.
fn train_all(linear: &LinearProtocol, states: &TrainingStates) -> Result<String> {
    let (train, recipe) = (train(), recipe());
    let labels = train.labels().to_single()?;
    let pulse = Pulse::new(&STOPPED, beat);
    let samples = Samples::all(train.features(), &labels).watched(pulse);
    let chosen = select(&samples, train.features(), &labels, 6, linear, Some(states))?;
    let settings = linear.into();
    let mut heads = chosen.heads;
    for &seed in &linear.seeds {
        let state = states.of(&format!("paper-{seed}"), &recipe);
        heads.push(train_recipe(&samples, 6, &recipe, &settings, seed, state)?);
    }
    let mut found = format!("{:?}", chosen.grid);
    for head in heads {
        // The logits of the axes are the weights with their biases.
        let axes = tch::Tensor::eye(6, (tch::Kind::Float, Device::Cpu));
        let logits = Vec::<f32>::try_from(head.logits(&axes)?.flatten(0, -1))?;
        let bits: Vec<u32> = logits.into_iter().map(f32::to_bits).collect();
        found.push_str(&format!(" {bits:x?}"));
    }
    Ok(found)
}

const NEVER: Duration = Duration::MAX;

fn alone() -> std::sync::MutexGuard<'static, ()> {
    let alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    *COPY.lock().unwrap() = None;
    alone
}

#[test]
fn heads_that_were_stopped_or_killed_go_on_at_their_step() {
    let _alone = alone();
    let linear = LinearProtocol {
        epochs: Some(3),
        seeds: vec![0, 1],
        ..linear()
    };
    let place = tempfile::tempdir().unwrap();
    let straight = evaluate(&place.path().join("straight"), NEVER, &linear, 0);
    // Two seeds of the grid, of the chosen rate and of the framework's own recipe.
    assert!(straight.beats > 200, "{}", straight.beats);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for n in 0..8 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let stop = 1 + (random >> 33) % (straight.beats - 10);
        let (folder, copy) = (
            place.path().join(format!("{n}")),
            place.path().join(format!("{n}-copy")),
        );
        // A kill leaves what was written before its step.
        let killed = n % 2 == 0;
        *COPY.lock().unwrap() = killed.then(|| (folder.clone(), copy.clone()));
        let stopped = evaluate(&folder, Duration::ZERO, &linear, stop);
        assert!(stopped.found.is_none() && stopped.beats == stop);
        let left = if killed { copy } else { folder };
        let resumed = evaluate(&left, Duration::ZERO, &linear, 0);
        assert!(resumed.found == straight.found, "stopped at {stop}");
        assert_eq!(resumed.warnings, [""; 0]);
        // Steps are not repeated; the judging of held-out images and of test sets is.
        let most = straight.beats - stop + 12;
        assert!(
            resumed.beats <= most,
            "{} of {most} at {stop}",
            resumed.beats
        );
    }
}

#[test]
fn a_stop_is_kept_whatever_the_interval_and_damage_costs_the_training() {
    let _alone = alone();
    let mut linear = linear();
    let place = tempfile::tempdir().unwrap();
    let straight = evaluate(&place.path().join("straight"), NEVER, &linear, 0);
    let stopped = |name: &str| {
        let folder = place.path().join(name);
        assert!(evaluate(&folder, NEVER, &linear, 50).found.is_none());
        folder
    };
    // 49 steps were done when the fiftieth was not begun any more.
    let resumed = evaluate(&stopped("asked"), NEVER, &linear, 0);
    assert!(resumed.found == straight.found);
    assert_eq!(resumed.beats, straight.beats - 49);

    let file = "linear-grid-0.safetensors";
    let whole = fs::read(stopped("whole").join(file)).unwrap();
    for n in 0..12 {
        let folder = place.path().join(format!("damaged-{n}"));
        fs::create_dir(&folder).unwrap();
        let mut bytes = whole.clone();
        let at = 200 + n * (bytes.len() - 200) / 12;
        bytes[at] ^= 1 << (n % 8);
        bytes.truncate(if n == 11 { at } else { bytes.len() });
        fs::write(folder.join(file), bytes).unwrap();
        let anew = evaluate(&folder, NEVER, &linear, 0);
        assert!(anew.found == straight.found, "damaged at {at}");
        assert_eq!((anew.beats, anew.warnings.len()), (straight.beats, 1));
        assert!(anew.warnings[0].contains(file), "{:?}", anew.warnings);
    }

    // The state of other settings is not taken over.
    let foreign = stopped("foreign");
    linear.momentum = 0.8;
    let straight = evaluate(&place.path().join("other"), NEVER, &linear, 0);
    let anew = evaluate(&foreign, NEVER, &linear, 0);
    assert!(anew.found == straight.found);
    assert_eq!(anew.warnings.len(), 1);
    assert!(
        anew.warnings[0].contains("other settings"),
        "{:?}",
        anew.warnings
    );
}

#[test]
fn states_that_cannot_be_written_cost_a_warning() {
    let _alone = alone();
    let linear = linear();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let went = evaluate(&file, Duration::ZERO, &linear, 0);
    assert!(went.found.is_some());
    assert!(
        went.warnings[0].contains("cannot write"),
        "{:?}",
        went.warnings
    );
}
