//! CIFAR-10 and CIFAR-100 in the official binary format.
//!
//! A record is the label (CIFAR-100: coarse, then fine), then 1024 red, 1024 green and 1024 blue
//! bytes of a 32 × 32 image. No header; a file may hold any number of records. All of them are held
//! in memory, interleaved.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::{Context, LabelSpace, Labels, Scratch, Source, SourceKind};
use crate::{DataError, ImageRef};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const PIXELS: usize = 3 * PLANE;

/// Names of the classes of CIFAR-10, in label order.
pub const CIFAR10_CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

inventory::submit! {
    SourceKind {
        kind: "cifar10",
        doc: "CIFAR-10 binary batches (`files`), read into memory",
        keys: &["files"],
        open: |context| open(context, 1, CIFAR10_CLASSES.iter().map(|&c| c.to_owned()).collect()),
    }
}

inventory::submit! {
    SourceKind {
        kind: "cifar100",
        doc: "CIFAR-100 binary batches (`files`) with the fine labels, read into memory",
        keys: &["files"],
        open: |context| open(context, 2, (0..100).map(|c| c.to_string()).collect()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    files: Vec<PathBuf>,
}

struct Cifar {
    name: String,
    /// File name and number of its first record.
    files: Vec<(String, usize)>,
    pixels: Vec<u8>,
    labels: Labels,
    space: LabelSpace,
}

fn open(
    context: &Context<'_>,
    label_bytes: usize,
    classes: Vec<String>,
) -> Result<Arc<dyn Source>, DataError> {
    let config: Config = context.parse()?;
    if config.files.is_empty() {
        return Err(context.bad("expected at least one file in `files`, found none"));
    }
    let record = label_bytes + PIXELS;
    let mut files = Vec::new();
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for file in &config.files {
        let path = context.resolve(file)?;
        let bytes = context.read(&path)?;
        if bytes.is_empty() || bytes.len() % record != 0 {
            return Err(context.malformed(
                &path,
                format!(
                    "expected a multiple of {record} bytes, found {} ({} records and {} bytes over)",
                    bytes.len(),
                    bytes.len() / record,
                    bytes.len() % record
                ),
            ));
        }
        files.push((file.display().to_string(), labels.len()));
        for (at, entry) in bytes.chunks_exact(record).enumerate() {
            let label = u32::from(entry[label_bytes - 1]);
            if label as usize >= classes.len() {
                return Err(context.malformed(
                    &path,
                    format!(
                        "expected labels below {}, found {label} in record {at}",
                        classes.len()
                    ),
                ));
            }
            labels.push(label);
            let (red, rest) = entry[label_bytes..].split_at(PLANE);
            let (green, blue) = rest.split_at(PLANE);
            for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
                pixels.extend_from_slice(&[r, g, b]);
            }
        }
    }
    Ok(Arc::new(Cifar {
        name: context.name.to_owned(),
        files,
        pixels,
        labels: Labels::single(labels),
        space: LabelSpace::full(classes),
    }))
}

impl Source for Cifar {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn space(&self) -> &LabelSpace {
        &self.space
    }

    fn id(&self, index: usize) -> String {
        let at = self.files.partition_point(|(_, first)| *first <= index) - 1;
        let (file, first) = &self.files[at];
        format!("{file}#{}", index - first)
    }

    fn image<'a>(&'a self, index: usize, _: &'a mut Scratch) -> Result<ImageRef<'a>, DataError> {
        Ok(ImageRef {
            width: SIDE,
            height: SIDE,
            data: &self.pixels[index * PIXELS..(index + 1) * PIXELS],
        })
    }
}
