//! Anchors on real images: 1-nearest neighbour on raw bytes, an exact integer computation, through
//! the readers, labels and scoring that every evaluation uses.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use ssl_datasets::source::{Scratch, Source, SourceConfig, open};
use ssl_host::evaluate::{LabelSpace, Labels, Ranking, score};
use tch::{Kind, Tensor};

fn source(text: &str) -> Arc<dyn Source> {
    let config: SourceConfig = toml::from_str(text).unwrap();
    open(&config, None).unwrap()
}

/// All bytes as f64, `[samples, 3072]`: sums of squares of bytes are exact.
fn pixels(source: &dyn Source) -> Tensor {
    let mut scratch = Scratch::default();
    let mut bytes = Vec::new();
    for sample in 0..source.len() {
        bytes.extend_from_slice(source.image(sample, &mut scratch).unwrap().data);
    }
    Tensor::from_slice(&bytes)
        .view([source.len() as i64, -1])
        .to_kind(Kind::Double)
}

fn labels(source: &dyn Source) -> Labels {
    Labels::from_rows(source.labels().iter(), source.space().classes.len()).unwrap()
}

/// Class of the nearest training image by squared distance, the first among equals.
fn nearest(train: &Tensor, train_labels: &[u32], test: &Tensor) -> Vec<u32> {
    let squares = (train * train).sum_dim_intlist(1_i64, false, Kind::Double);
    let distances: Tensor = squares - test.matmul(&train.tr()) * 2.0; // up to a constant per test image
    let rows = train_labels.len();
    Vec::<f64>::try_from(distances.flatten(0, -1))
        .unwrap()
        .chunks_exact(rows)
        .map(|row| {
            let best = (0..rows)
                .min_by(|&a, &b| row[a].total_cmp(&row[b]))
                .unwrap();
            train_labels[best]
        })
        .collect()
}

#[test]
#[ignore = "needs SSL_LOTTERY_DATA"]
fn raw_pixel_baselines_of_cifar10_match_reference_scores() {
    let train = source(
        r#"
        name = "train"
        kind = "cifar10"
        files = ["cifar10/data_batch_1.bin", "cifar10/data_batch_2.bin"]
        "#,
    );
    let bank = pixels(train.as_ref());
    let bank_labels = labels(train.as_ref()).to_single().unwrap();
    let space = LabelSpace::Full { classes: 10 };
    for (file, offset, plain, real) in [
        ("test_batch_1.bin", 0, (289, 1000), (295, 996)),
        (
            "test_batch_2_jpegdecoded.bin",
            1000,
            (281, 1000),
            (285, 999),
        ),
    ] {
        let val = source(&format!(
            "name = 'val'\nkind = 'cifar10'\nfiles = ['cifar10/{file}']"
        ));
        let overlay = source(&format!(
            "name = 'real'\nkind = 'cifar10'\nfiles = ['cifar10/{file}']\nlabels = \
             {{ file = 'cifar10/cifar10h-realstyle-test0000-1999.json', offset = {offset} }}"
        ));
        let mut ranking = Ranking::new(&space);
        for class in nearest(&bank, &bank_labels, &pixels(val.as_ref())) {
            let scores: Vec<f32> = (0..10).map(|c| f32::from(c == class)).collect();
            ranking.push(&space, &scores);
        }
        for (source, expected) in [(&val, plain), (&overlay, real)] {
            let found = score(source.name(), &space, &labels(source.as_ref()), &ranking).unwrap();
            assert_eq!(
                (found.correct, found.n),
                expected,
                "{file} {}",
                source.name()
            );
        }
    }
}
