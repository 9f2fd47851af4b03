//! JPEG by libjpeg, which is what Pillow uses: slower than [`jpeg`](super::jpeg)'s decoder, and for every
//! kind of file.

use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Decompress};

use super::{check_size, cmyk};
use crate::Image;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    // The library's errors come as unwinding with their text.
    let caught = catch_unwind(AssertUnwindSafe(|| run(bytes, image)));
    caught.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>();
        Err(text
            .map_or("the decoder panicked", String::as_str)
            .to_owned())
    })
}

fn run(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let said = |e: io::Error| e.to_string();
    let file = Decompress::builder()
        .from_reader(Whole(bytes))
        .map_err(said)?;
    let (width, height) = file.size();
    check_size(width, height)?;
    let inks = match file.components().len() {
        1 | 3 => false,
        4 => true,
        other => return Err(format!("expected 1, 3 or 4 colours, found {other}")),
    };
    image.reshape(width, height);
    if !inks {
        let mut started = file.rgb().map_err(said)?;
        started.read_scanlines_into(&mut image.data).map_err(said)?;
        return Ok(());
    }
    let mut started = file.to_colorspace(ColorSpace::JCS_CMYK).map_err(said)?;
    let mut line = vec![0; 4 * width];
    for out in image.data.chunks_exact_mut(3 * width) {
        started.read_scanlines_into(&mut line).map_err(said)?;
        for (pixel, out) in line.chunks_exact(4).zip(out.chunks_exact_mut(3)) {
            // Stored the other way round, as Adobe does it.
            let inks: [u8; 4] = std::array::from_fn(|i| 255 - pixel[i]);
            out.copy_from_slice(&cmyk::to_rgb(inks));
        }
    }
    Ok(())
}

/// A file in memory whose end is an error to the library, which would make up the rest.
struct Whole<'a>(&'a [u8]);

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Whole<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.0.is_empty() {
            return Err(io::Error::other("the file is cut short"));
        }
        Ok(self.0)
    }

    fn consume(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }
}
