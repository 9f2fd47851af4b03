//! The pack of real images: counts, and the anchors its notes give.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use ssl_datasets::loader::{EvalLoader, LoaderConfig};
use ssl_datasets::source::{Scratch, Source, SourceConfig, open};
use ssl_datasets::views::{EvalTransform, evaluation};

fn pack(toml: &str) -> Arc<dyn Source> {
    open(&toml::from_str::<SourceConfig>(toml).unwrap(), None).unwrap()
}

fn bytes(source: &dyn Source) -> Vec<u8> {
    let mut scratch = Scratch::default();
    (0..source.len())
        .flat_map(|i| source.image(i, &mut scratch).unwrap().data.to_vec())
        .collect()
}

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn the_nearest_neighbour_on_cifar_pixels_scores_as_noted() {
    let train = pack(
        "name = 'train'\nkind = 'cifar10'\nfiles = ['cifar10/data_batch_1.bin', 'cifar10/data_batch_2.bin']",
    );
    let val = "name = 'val'\nkind = 'cifar10'\nfiles = ['cifar10/test_batch_1.bin']\n";
    let real = pack(&format!(
        "{val}labels = {{ file = 'cifar10/cifar10h-realstyle-test0000-1999.json' }}"
    ));
    let val = pack(val);
    assert_eq!(
        (train.len(), val.len(), real.labels().scored()),
        (10_000, 1_000, 996)
    );
    let (known, asked) = (bytes(train.as_ref()), bytes(val.as_ref()));
    let (mut right, mut right_real) = (0, 0);
    for (i, image) in asked.chunks_exact(3072).enumerate() {
        let (mut best, mut label) = (u32::MAX, 0);
        for (n, other) in known.chunks_exact(3072).enumerate() {
            // A neighbour that is already further off cannot win.
            let mut distance = 0;
            for (a, b) in image.chunks_exact(256).zip(other.chunks_exact(256)) {
                distance += a
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2))
                    .sum::<u32>();
                if distance >= best {
                    break;
                }
            }
            if distance < best {
                (best, label) = (distance, train.labels().of(n)[0]);
            }
        }
        right += u32::from(val.labels().of(i)[0] == label);
        right_real += u32::from(real.labels().of(i).contains(&label));
    }
    assert_eq!((right, right_real), (289, 295));
}

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn tinyimagenet_maps_onto_a_subset_of_cifar() {
    let mapped = pack(
        "name = 'shift'\nkind = 'image-folder'\npath = 'tinyimagenet/val'\n[class_map]\n\
         file = 'tinyimagenet/classes.tsv'\nfrom = 'wnid'\nto = 'cifar10_label'\n\
         classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']",
    );
    assert_eq!(mapped.len(), 17 * 50);
    assert_eq!(mapped.space().subset, Some(vec![1, 2, 3, 5, 6, 8, 9]));
    let loader = EvalLoader::new(
        mapped,
        evaluation(EvalTransform::Whole, 32, None),
        LoaderConfig::default(),
    )
    .unwrap();
    let samples: usize = loader.start().unwrap().map(|b| b.unwrap().len()).sum();
    assert_eq!(samples, 850);
}

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn every_photograph_of_the_sample_is_decoded() {
    let sample = pack("name = 'sample'\nkind = 'image-folder'\npath = 'imagenet-sample'");
    assert_eq!((sample.len(), sample.space().classes.len()), (200, 200));
    let mut scratch = Scratch::default();
    let sizes: Vec<_> = (0..sample.len())
        .map(|i| {
            let image = sample.image(i, &mut scratch).unwrap();
            assert_eq!(image.data.len(), image.width * image.height * 3);
            (image.width, image.height)
        })
        .collect();
    assert!(sizes.contains(&(75, 56)) && sizes.contains(&(2400, 1600)));
}

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn photographs_decoded_in_part_are_the_same_down_to_there() {
    let sample = pack("name = 'sample'\nkind = 'image-folder'\npath = 'imagenet-sample'");
    let (mut whole, mut upper) = (Scratch::default(), Scratch::default());
    for i in 0..sample.len() {
        let whole = sample.image(i, &mut whole).unwrap();
        for share in [1, 4, 7, 9] {
            let rows = (whole.height * share / 10).max(1);
            let upper = sample.image_rows(i, &mut upper, &|_, _| rows).unwrap();
            assert_eq!((upper.width, upper.height), (whole.width, whole.height));
            let bytes = rows * whole.width * 3;
            assert!(
                upper.data[..bytes] == whole.data[..bytes],
                "{}: {rows} rows",
                sample.id(i)
            );
        }
    }
}
