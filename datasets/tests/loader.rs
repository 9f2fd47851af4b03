//! The loader: same bytes for any number of workers, every sample once, faults named.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ssl_datasets::DataError;
use ssl_datasets::loader::{
    Batch, EpochOptions, EvalLoader, LoaderConfig, Memory, Region, TrainLoader,
};
use ssl_datasets::source::{Source, SourceConfig, open};
use ssl_datasets::views::{EvalTransform, evaluation};
use ssl_plugin_api::description::{BlurKernel, Interpolation, Transform, ViewGroup, ViewRole};

fn shapes(count: u32) -> Arc<dyn Source> {
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "train", "kind": "shapes", "split": "train", "count": count,
    }))
    .unwrap();
    open(&config, None).unwrap()
}

fn group(name: &str, count: usize, size: usize) -> ViewGroup {
    ViewGroup {
        name: name.to_owned(),
        count,
        role: ViewRole::Global,
        transforms: vec![
            Transform::RandomResizedCrop {
                size,
                area: [0.2, 1.0],
                ratio: [0.75, 4.0 / 3.0],
                interpolation: Interpolation::Bicubic,
            },
            Transform::HorizontalFlip { p: 0.5 },
            Transform::ColorJitter {
                p: 0.8,
                brightness: 0.4,
                contrast: 0.4,
                saturation: 0.2,
                hue: 0.1,
                brightness_form: Default::default(),
            },
            Transform::Grayscale { p: 0.2 },
            Transform::GaussianBlur {
                p: 0.5,
                sigma: [0.1, 1.0],
                kernel: BlurKernel::Pil,
            },
            Transform::Solarize {
                p: 0.2,
                threshold: 0.5,
            },
        ],
        patches: None,
    }
}

fn groups() -> Vec<ViewGroup> {
    vec![group("global", 2, 32), group("local", 1, 14)]
}

fn config(workers: usize) -> LoaderConfig {
    LoaderConfig {
        batch_size: 24,
        seed: 11,
        workers,
        ..LoaderConfig::default()
    }
}

/// What a batch holds, as bits.
fn bits(batch: &Batch) -> (Vec<u64>, Vec<Vec<u32>>) {
    let views = batch
        .views
        .iter()
        .map(|v| v.data.iter().map(|x| x.to_bits()).collect())
        .collect();
    (batch.indices.clone(), views)
}

fn epoch(loader: &TrainLoader, options: EpochOptions) -> Vec<(Vec<u64>, Vec<Vec<u32>>)> {
    loader
        .start(options)
        .unwrap()
        .map(|batch| bits(&batch.unwrap()))
        .collect()
}

#[test]
fn any_number_of_workers_gives_the_same_bytes() {
    let source = shapes(100);
    let runs = [1, 2, 5].map(|workers| {
        let loader = TrainLoader::new(Arc::clone(&source), &groups(), config(workers)).unwrap();
        epoch(&loader, EpochOptions::at(3))
    });
    assert_eq!(runs[0].len(), 4);
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

#[test]
fn views_depend_on_the_sample_and_not_on_its_place() {
    let source = shapes(100);
    let loader = TrainLoader::new(Arc::clone(&source), &groups(), config(2)).unwrap();
    let shuffled = epoch(&loader, EpochOptions::at(3));
    let in_order = TrainLoader::new(
        source,
        &groups(),
        LoaderConfig {
            shuffle: false,
            ..config(1)
        },
    )
    .unwrap();
    let in_order = epoch(&in_order, EpochOptions::at(3));
    let length = 3 * 14 * 14;
    let local = |(indices, views): &(Vec<u64>, Vec<Vec<u32>>), sample: u64| {
        let at = indices.iter().position(|&i| i == sample)?;
        Some(views[2][at * length..(at + 1) * length].to_vec())
    };
    let sample = shuffled[1].0[5];
    let there = local(&shuffled[1], sample).unwrap();
    let here = in_order.iter().find_map(|b| local(b, sample)).unwrap();
    assert_eq!(here, there);
}

#[test]
fn views_epochs_and_seeds_differ() {
    let source = shapes(48);
    let loader = TrainLoader::new(Arc::clone(&source), &groups(), config(1)).unwrap();
    let first = epoch(&loader, EpochOptions::at(0));
    assert_ne!(first[0].1[0], first[0].1[1]);
    assert_ne!(first, epoch(&loader, EpochOptions::at(1)));
    assert_eq!(first, epoch(&loader, EpochOptions::at(0)));
    let other = LoaderConfig {
        seed: 12,
        ..config(1)
    };
    let other = TrainLoader::new(source, &groups(), other).unwrap();
    assert_ne!(first, epoch(&other, EpochOptions::at(0)));
}

#[test]
fn an_epoch_goes_on_where_a_checkpoint_left_off() {
    let loader = TrainLoader::new(shapes(100), &groups(), config(2)).unwrap();
    let whole = epoch(&loader, EpochOptions::at(2));
    let rest = epoch(
        &loader,
        EpochOptions {
            first_batch: 2,
            ..EpochOptions::at(2)
        },
    );
    assert_eq!(rest, whole[2..]);
}

#[test]
fn an_explicit_order_is_followed_and_repeats_get_views_of_their_own() {
    let source = shapes(30);
    let loader = TrainLoader::new(
        source,
        &groups(),
        LoaderConfig {
            batch_size: 4,
            ..config(2)
        },
    )
    .unwrap();
    let batches = epoch(
        &loader,
        EpochOptions {
            order: Some(vec![7, 7, 3, 0, 7]),
            ..EpochOptions::at(0)
        },
    );
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].0, [7, 7, 3, 0]);
    let length = 3 * 32 * 32;
    let view = &batches[0].1[0];
    assert_ne!(view[..length], view[length..2 * length]);
    let beyond = loader.start(EpochOptions {
        order: Some(vec![30]),
        ..EpochOptions::at(0)
    });
    assert!(beyond.is_err());
}

#[test]
fn evaluation_gives_every_sample_once_and_unchanged() {
    let source = shapes(50);
    let loader = EvalLoader::new(
        Arc::clone(&source),
        evaluation(EvalTransform::Whole, 32, None),
        config(3),
    )
    .unwrap();
    let mut indices = Vec::new();
    let mut scratch = ssl_datasets::source::Scratch::default();
    for batch in loader.start().unwrap() {
        let batch = batch.unwrap();
        for (at, &index) in batch.indices.iter().enumerate() {
            let image = source.image(index as usize, &mut scratch).unwrap();
            let view = &batch.views[0].data[at * 3072..(at + 1) * 3072];
            for (channel, plane) in view.chunks_exact(1024).enumerate() {
                for (pixel, value) in plane.iter().enumerate() {
                    let byte = f32::from(image.data[pixel * 3 + channel]);
                    assert!((value * 255.0 - byte).abs() < 1e-3);
                }
            }
        }
        indices.extend_from_slice(&batch.indices);
    }
    assert_eq!(indices, (0..50).collect::<Vec<_>>());
}

#[test]
fn buffers_are_used_again() {
    let loader = TrainLoader::new(shapes(200), &groups(), config(1)).unwrap();
    let mut addresses: Vec<_> = loader
        .start(EpochOptions::at(0))
        .unwrap()
        .map(|batch| batch.unwrap().views[0].data.as_ptr() as usize)
        .collect();
    assert_eq!(addresses.len(), 8);
    addresses.sort_unstable();
    addresses.dedup();
    // One being filled, two waiting, one with the producer's send, one here.
    assert!(addresses.len() <= 5, "{}", addresses.len());
}

/// Memory that counts what is asked of it.
#[derive(Default)]
struct Counted(AtomicUsize);

impl Memory for Counted {
    fn region(&self, values: usize) -> Box<dyn Region> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::new(vec![f32::NAN; values])
    }
}

#[test]
fn buffers_lie_where_the_caller_wants_them() {
    let loader = || TrainLoader::new(shapes(200), &groups(), config(2)).unwrap();
    let memory = Arc::new(Counted::default());
    let there = loader().with_memory(Arc::clone(&memory) as Arc<dyn Memory>);
    let found = epoch(&there, EpochOptions::at(1));
    assert_eq!(found, epoch(&loader(), EpochOptions::at(1)));
    // Three views in each of at most five batches.
    let asked = memory.0.load(Ordering::Relaxed);
    assert!((3..=15).contains(&asked), "{asked}");
}

#[test]
fn workers_wait_for_the_consumer() {
    let loader = TrainLoader::new(shapes(2_400), &groups(), config(2)).unwrap();
    let mut batches = loader.start(EpochOptions::at(0)).unwrap();
    let first = batches.next().unwrap().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(first.number, 0);
    assert_eq!(batches.remaining(), 99);
    // Dropping the iterator in mid-epoch ends the workers instead of hanging.
    drop(batches);
}

#[test]
fn a_batch_larger_than_the_set_is_refused() {
    let error = TrainLoader::new(
        shapes(20),
        &groups(),
        LoaderConfig {
            batch_size: 12,
            world: 2,
            ..config(1)
        },
    )
    .err()
    .unwrap();
    assert!(
        matches!(
            error,
            DataError::BatchTooLarge {
                batch: 24,
                samples: 20,
                ..
            }
        ),
        "{error}"
    );
}

/// A folder of three classes with one broken file.
fn folder_with_a_broken_image() -> (tempfile::TempDir, Arc<dyn Source>) {
    let dir = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        let folder = dir.path().join(class);
        std::fs::create_dir(&folder).unwrap();
        for n in 0..3 {
            let file = std::fs::File::create(folder.join(format!("{n}.png"))).unwrap();
            let mut encoder = png::Encoder::new(file, 40, 36);
            encoder.set_color(png::ColorType::Rgb);
            let pixels: Vec<u8> = (0..40 * 36 * 3).map(|i| (i * 7 + n) as u8).collect();
            encoder
                .write_header()
                .unwrap()
                .write_image_data(&pixels)
                .unwrap();
        }
    }
    std::fs::write(dir.path().join("b/1.png"), b"\x89PNG\r\n\x1a\nnonsense").unwrap();
    let config: SourceConfig = serde_json::from_value(serde_json::json!({
        "name": "photos", "kind": "image-folder", "path": dir.path(),
    }))
    .unwrap();
    let source = open(&config, None).unwrap();
    (dir, source)
}

#[test]
fn a_broken_image_is_named_and_fails_the_epoch() {
    let (_dir, source) = folder_with_a_broken_image();
    let loader = EvalLoader::new(
        source,
        evaluation(EvalTransform::Whole, 32, None),
        config(2),
    );
    let error = loader
        .unwrap()
        .start()
        .unwrap()
        .find_map(Result::err)
        .unwrap();
    assert!(error.to_string().contains("b/1.png"), "{error}");
}
