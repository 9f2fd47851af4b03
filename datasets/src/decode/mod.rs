//! Image files to RGB, as Pillow's `Image.open(..).convert("RGB")` gives it: JPEG, PNG, WebP, GIF, TIFF, BMP and
//! the PNM family.
//!
//! The format is told by the first bytes, not by the name.

mod bmp;
mod cmyk;
mod gif;
mod headers;
mod jpeg;
mod libjpeg;
mod png;
mod pnm;
mod reader;
mod tiff;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::Image;

/// File name endings that count as images.
pub const EXTENSIONS: [&str; 13] = [
    "bmp", "gif", "jfif", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp",
];

/// Whether the path ends like an image.
#[must_use]
pub fn is_image(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// Decodes a file in memory; the buffer of `image` is reused.
///
/// # Errors
/// What the decoder says, as a fragment. A decoder that panics has met a file that it should have
/// refused; then that is said, so that the file gets its name.
pub fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    guarded(|| by_format(bytes, image))
}

/// Decodes a file in memory as far as rows `0 .. needed(width, height)`, where the format allows it to
/// stop there; what is below is black then. The file's header is changed to that end.
///
/// # Errors
/// As [`decode`], but for faults below the rows needed, which may go unseen.
pub fn decode_rows(
    bytes: &mut [u8],
    image: &mut Image,
    needed: &dyn Fn(usize, usize) -> usize,
) -> Result<(), String> {
    guarded(|| match bytes {
        [0xFF, 0xD8, ..] => jpeg::decode_rows(bytes, image, needed),
        _ => by_format(bytes, image),
    })
}

fn guarded(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let caught = catch_unwind(AssertUnwindSafe(work));
    caught.unwrap_or_else(|_| Err("the decoder panicked".to_owned()))
}

fn by_format(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    match bytes {
        [0xFF, 0xD8, ..] => jpeg::decode(bytes, image),
        [0x89, b'P', b'N', b'G', ..] => png::decode(bytes, image),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => webp::decode(bytes, image),
        [b'G', b'I', b'F', b'8', ..] => gif::decode(bytes, image),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => tiff::decode(bytes, image),
        [b'B', b'M', ..] => bmp::decode(bytes, image),
        [b'P', b'1'..=b'6', ..] => pnm::decode(bytes, image),
        [] => Err("expected an image, found an empty file".to_owned()),
        _ => Err(format!(
            "expected a JPEG, PNG, WebP, GIF, TIFF, BMP or PNM file, found one that starts with {:02x?}",
            &bytes[..bytes.len().min(4)]
        )),
    }
}

/// Pixels beyond which a file is refused: what Pillow takes for a decompression bomb.
const MOST_PIXELS: usize = 178_956_970;

fn check_size(width: usize, height: usize) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(0) => Err(format!(
            "expected at least one pixel, found {width} x {height}"
        )),
        Some(pixels) if pixels <= MOST_PIXELS => Ok(()),
        _ => Err(format!(
            "expected at most {MOST_PIXELS} pixels, found {width} x {height}"
        )),
    }
}
