//! The loader's memory: buffers are used again, nothing is allocated image by image.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(unsafe_code, reason = "a counting allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ssl_datasets::loader::{EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{SourceConfig, open};
use ssl_plugin_api::description::{
    BlurKernel, Brightness, Interpolation, Transform, ViewGroup, ViewRole,
};

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's obligations are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn group() -> ViewGroup {
    ViewGroup {
        name: "global".to_owned(),
        count: 2,
        role: ViewRole::Global,
        transforms: vec![
            Transform::RandomResizedCrop {
                size: 32,
                area: [0.08, 1.0],
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
                brightness_form: Brightness::Factor,
            },
            Transform::GaussianBlur {
                p: 0.5,
                sigma: [0.1, 2.0],
                kernel: BlurKernel::Pil,
            },
        ],
        patches: None,
    }
}

/// Allocations of an epoch over so many CIFAR records.
fn allocations(records: usize, defer_steps: bool) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..records * 3073)
        .map(|i| {
            if i % 3073 == 0 {
                3
            } else {
                (i * 7 % 251) as u8
            }
        })
        .collect();
    std::fs::write(dir.path().join("a.bin"), bytes).unwrap();
    let config: SourceConfig =
        toml::from_str("name = 'train'\nkind = 'cifar10'\nfiles = ['a.bin']").unwrap();
    let source = open(&config, Some(dir.path())).unwrap();
    let config = LoaderConfig {
        batch_size: 256,
        workers: 1,
        defer_steps,
        ..LoaderConfig::default()
    };
    let loader = TrainLoader::new(source, &[group()], config).unwrap();
    let before = COUNT.load(Ordering::Relaxed);
    for batch in loader.start(EpochOptions::at(0)).unwrap() {
        assert_eq!(batch.unwrap().len(), 256);
    }
    COUNT.load(Ordering::Relaxed) - before
}

#[test]
fn more_images_need_no_more_memory() {
    for defer_steps in [false, true] {
        let (few, many) = (
            allocations(2048, defer_steps),
            allocations(8192, defer_steps),
        );
        // A batch has a few short lists for each part in which it is handed to the workers.
        let per_image = (many - few) as f64 / 6144.0;
        assert!(per_image < 0.5, "{per_image} allocations an image");
    }
}
