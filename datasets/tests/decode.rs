//! Files of every kind against what Pillow reads (`golden/decode.py`), and damaged ones.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use ssl_datasets::Image;
use ssl_datasets::decode::{decode, decode_rows};
use ssl_datasets::files::list_tar;
use ssl_datasets::random::{Domain, Stream};
use ssl_datasets::source::check_manifest;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decode");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e != "rgb"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 86);
    files
}

fn golden(name: &str) -> Vec<u8> {
    let path = files().into_iter().find(|path| path.ends_with(name));
    std::fs::read(path.unwrap()).unwrap()
}

#[test]
fn files_are_read_as_pillow_reads_them() {
    for path in files() {
        let mut image = Image::default();
        decode(&std::fs::read(&path).unwrap(), &mut image).unwrap();
        assert_eq!((image.width, image.height), (21, 19), "{}", path.display());
        let stored = std::fs::read(format!("{}.rgb", path.display())).unwrap();
        let differences: Vec<f64> = image
            .data
            .iter()
            .zip(&stored)
            .map(|(&a, &b)| f64::from(a.abs_diff(b)))
            .collect();
        let largest = differences.iter().copied().fold(0.0, f64::max);
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        // JPEG decoders may differ in rounding, but for files that only libjpeg reads; other formats have
        // one right answer.
        let name = path.file_name().unwrap().to_str().unwrap();
        let (most, most_mean) = match name.ends_with(".jpg") && !name.starts_with("coded-") {
            true => (4.0, 0.6),
            false => (0.0, 0.0),
        };
        assert!(
            largest <= most && mean <= most_mean,
            "{}: {largest} {mean}",
            path.display()
        );
    }
}

#[test]
fn the_rows_needed_are_those_of_the_whole_image() {
    let mut short = 0;
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        let (mut whole, mut upper) = (Image::default(), Image::default());
        decode(&bytes, &mut whole).unwrap();
        let line = 3 * whole.width;
        for rows in 1..=whole.height {
            let needed = |width, height| {
                assert_eq!((width, height), (whole.width, whole.height));
                rows
            };
            decode_rows(&mut bytes.clone(), &mut upper, &needed).unwrap();
            assert_eq!((upper.width, upper.height), (whole.width, whole.height));
            assert!(
                upper.data[..rows * line] == whole.data[..rows * line],
                "{}: {rows} rows",
                path.display()
            );
            short += usize::from(upper != whole);
        }
    }
    assert!(short > 0, "every file was decoded to its end");
}

#[test]
fn every_cut_of_a_file_is_an_error() {
    // Of an animation, the first frame may be there.
    for path in files()
        .into_iter()
        .filter(|path| !path.ends_with("animated.webp"))
    {
        let bytes = std::fs::read(&path).unwrap();
        for share in [1, 3, 5, 7, 9] {
            let cut = &bytes[..bytes.len() * share / 10];
            // Nothing is lost with the chunk that ends a PNG file.
            if cut.starts_with(b"\x89PNG") && cut.len() + 12 == bytes.len() {
                continue;
            }
            let mut image = Image::default();
            assert!(
                decode(cut, &mut image).is_err(),
                "{} {share}/10",
                path.display()
            );
        }
    }
}

#[test]
fn other_formats_are_named() {
    let mut image = Image::default();
    let message = decode(b"\x00\x00\x00\x18ftypavif", &mut image).unwrap_err();
    assert!(
        message.contains("found one that starts with [00, 00, 00, 18]"),
        "{message}"
    );
    assert!(decode(b"", &mut image).unwrap_err().contains("empty"));
}

#[test]
fn a_side_may_be_long_where_the_area_is_small() {
    for (width, height) in [(65_000, 3), (3, 65_000), (20_000, 60)] {
        let mut writer = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
        writer.set_fastest_defaults();
        writer.set_size(width, height);
        let mut writer = writer.start_compress(Vec::new()).unwrap();
        writer
            .write_scanlines(&vec![77; 3 * width * height])
            .unwrap();
        let file = writer.finish().unwrap();
        let mut image = Image::default();
        decode(&file, &mut image).unwrap();
        assert_eq!((image.width, image.height), (width, height));
        assert!(image.data.iter().all(|&value| value.abs_diff(77) <= 1));
        let needed = |_: usize, _: usize| 1;
        decode_rows(&mut file.clone(), &mut image, &needed).unwrap();
        assert_eq!((image.width, image.height), (width, height));
    }
}

#[test]
fn an_image_of_a_thousand_million_pixels_is_refused() {
    let mut png = golden("rgb.png");
    assert!(png.starts_with(b"\x89PNG"));
    png[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    let message = decode(&png, &mut Image::default()).unwrap_err();
    assert!(message.contains("found 40000 x 40000"), "{message}");
}

/// The checksum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    })
}

/// `bytes` with a few bytes changed, and sometimes a part left out.
fn damaged(bytes: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=stream.below(6) {
        let at = stream.below(bytes.len() as u32) as usize;
        bytes[at] = stream.next_u32() as u8;
    }
    if stream.chance(0.2) {
        let start = stream.below(bytes.len() as u32) as usize;
        let end = start + stream.below((bytes.len() - start) as u32) as usize;
        bytes.drain(start..end);
    }
    bytes
}

/// Inputs on which a fuzz target once failed, each in a file that says what is wrong with it.
#[test]
fn what_fuzzing_found_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/found");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let result = decode(&bytes, &mut Image::default());
        assert!(result.is_err(), "{}", path.display());
        found += 1;
    }
    assert!(found > 0);
}

#[test]
fn damaged_files_never_panic() {
    let mut stream = Stream::new(1, Domain::Noise, 0, 0, 0);
    let mut image = Image::default();
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..300 {
            let mut damaged = damaged(&bytes, &mut stream);
            let _ = decode(&damaged, &mut image);
            let _ = decode_rows(&mut damaged, &mut image, &|_, height| height / 2);
        }
    }
    let mut archive = vec![0; 512];
    archive[..5].copy_from_slice(b"a.png");
    archive[124..135].copy_from_slice(b"00000001000");
    archive[148..154].copy_from_slice(b"000000");
    archive.extend([7; 1536]);
    let csv = b"path,label\na/1.png,3\n\"b,c\",cat\n";
    let lines = b"{\"path\": \"a\", \"label\": 1}\n{\"path\": \"b\", \"label\": \"x\"}\n";
    for _ in 0..5_000 {
        let mut archive = damaged(&archive, &mut stream);
        // Half of them get a right checksum, to come past the first check.
        if stream.chance(0.5) && archive.len() >= 512 {
            archive[148..156].fill(b' ');
            let sum: u32 = archive[..512].iter().map(|&b| u32::from(b)).sum();
            archive[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
        let _ = list_tar(&archive);
        let _ = check_manifest(&damaged(csv, &mut stream), true);
        let _ = check_manifest(&damaged(lines, &mut stream), false);
    }
}
