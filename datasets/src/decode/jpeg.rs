//! JPEG. The EXIF orientation is not applied, as in Pillow's `open` and torchvision's folders.
//!
//! Nearly all files are read by `zune-jpeg`, which is fast; what it reads otherwise than Pillow's libjpeg does, or
//! not at all, goes to [`libjpeg`].

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::headers::plain;
use super::{check_size, libjpeg};
use crate::Image;

/// Longest side that the format allows.
const LONGEST: usize = 65_535;
/// Rows that the decoder gets beyond those needed: its interpolation of colour looks at neighbours.
const MARGIN: usize = 2;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    match plain(bytes) {
        Some(_) => fast(bytes, image),
        None => libjpeg::decode(bytes, image),
    }
}

/// Decodes only the rows `0 .. needed(width, height)` and a few more of a file in which all components
/// come row by row (not of a progressive one): the frame header is made to say that there are no
/// others.
pub(super) fn decode_rows(
    bytes: &mut [u8],
    image: &mut Image,
    needed: &dyn Fn(usize, usize) -> usize,
) -> Result<(), String> {
    let Some(frame) = plain(bytes).filter(|frame| frame.by_rows) else {
        return decode(bytes, image);
    };
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let rows = needed(width, height) + MARGIN;
    if rows >= height {
        return fast(bytes, image);
    }
    check_size(width, height)?;
    // Fewer than `height`, so they fit.
    bytes[frame.height_at..][..2].copy_from_slice(&(rows as u16).to_be_bytes());
    fast(bytes, image)?;
    image.reshape(width, height);
    Ok(())
}

fn fast(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(LONGEST)
        .set_max_height(LONGEST)
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| format!("{e:?}"))?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| "expected a frame header, found none".to_owned())?;
    check_size(width, height)?;
    image.reshape(width, height);
    decoder
        .decode_into(&mut image.data)
        .map_err(|e| format!("{e:?}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use mozjpeg::{ColorSpace, Compress};

    use super::*;
    use crate::random::{Domain, Stream};

    /// Noise, which shows every difference, with the samplings (across, down) of the three colours.
    fn file(size: (usize, usize), samplings: [(u8, u8); 3], progressive: bool) -> Vec<u8> {
        let mut stream = Stream::new(3, Domain::Noise, size.0 as u32, size.1 as u32, 0);
        let pixels: Vec<u8> = (0..3 * size.0 * size.1)
            .map(|_| stream.next_u32() as u8)
            .collect();
        let mut writer = Compress::new(ColorSpace::JCS_RGB);
        writer.set_fastest_defaults();
        writer.set_quality(90.0);
        writer.set_size(size.0, size.1);
        if progressive {
            writer.set_progressive_mode();
        }
        for (component, (across, down)) in writer.components_mut().iter_mut().zip(samplings) {
            component.h_samp_factor = i32::from(across);
            component.v_samp_factor = i32::from(down);
        }
        let mut writer = writer.start_compress(Vec::new()).unwrap();
        writer.write_scanlines(&pixels).unwrap();
        writer.finish().unwrap()
    }

    /// The largest difference to libjpeg of all values of all sizes from 1 to 40, and how many files were
    /// read by each decoder.
    fn sweep(samplings: [(u8, u8); 3]) -> (u8, [usize; 2]) {
        let (mut largest, mut read) = (0, [0; 2]);
        for width in 1..=40 {
            for height in 1..=40 {
                let file = file((width, height), samplings, (width + height) % 3 == 0);
                read[usize::from(plain(&file).is_some())] += 1;
                let (mut ours, mut theirs) = (Image::default(), Image::default());
                decode(&file, &mut ours).unwrap();
                libjpeg::decode(&file, &mut theirs).unwrap();
                let pairs = ours.data.iter().zip(&theirs.data);
                let differences = pairs.map(|(a, b)| a.abs_diff(*b));
                largest = differences.fold(largest, u8::max);
            }
        }
        (largest, read)
    }

    #[test]
    fn small_files_of_every_size_are_read_as_libjpeg_reads_them() {
        let one = (1, 1);
        for luma in [one, (2, 1), (1, 2), (2, 2)] {
            let (largest, [slow, fast]) = sweep([luma, one, one]);
            assert!(largest <= 4, "{luma:?}: {largest}");
            assert!(
                fast > 300 && (slow > 0 || luma == one),
                "{luma:?}: {slow} {fast}"
            );
        }
    }

    #[test]
    fn rare_samplings_go_to_libjpeg() {
        let one = (1, 1);
        for samplings in [
            [(3, 1), one, one],
            [(4, 1), one, one],
            [(1, 4), one, one],
            [(4, 2), one, one],
            [one, (2, 2), (2, 2)],
            [one, (2, 1), one],
            [(2, 1), (1, 2), one],
        ] {
            assert!(
                plain(&file((21, 19), samplings, false)).is_none(),
                "{samplings:?}"
            );
        }
        assert!(plain(&file((21, 19), [(2, 2), one, one], false)).is_some());
    }
}
