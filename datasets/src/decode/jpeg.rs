//! JPEG: baseline and progressive, grey, YCbCr, RGB, CMYK. The EXIF orientation is not applied, as in Pillow's
//! `open` and torchvision's folders.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::check_size;
use crate::Image;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
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

/// Rows that the decoder gets beyond those needed: its interpolation of colour looks at neighbours.
const MARGIN: usize = 2;

/// Decodes only the rows `0 .. needed(width, height)` and a few more of a file in which all components
/// come row by row (not of a progressive one): the frame header is made to say that there are no
/// others.
pub(super) fn decode_rows(
    bytes: &mut [u8],
    image: &mut Image,
    needed: &dyn Fn(usize, usize) -> usize,
) -> Result<(), String> {
    let Some(frame) = row_by_row(bytes) else {
        return decode(bytes, image);
    };
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let rows = needed(width, height) + MARGIN;
    if rows >= height {
        return decode(bytes, image);
    }
    check_size(width, height)?;
    // Fewer than `height`, so they fit.
    bytes[frame.height_at..][..2].copy_from_slice(&(rows as u16).to_be_bytes());
    decode(bytes, image)?;
    image.reshape(width, height);
    Ok(())
}

/// What a frame header says, and where it says the height.
struct Frame {
    height_at: usize,
    height: u16,
    width: u16,
    components: u8,
}

/// The frame header of a sequential file with a single scan.
fn row_by_row(bytes: &[u8]) -> Option<Frame> {
    let mut frame = None;
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = bytes.get(at..)?.first_chunk()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = bytes.get(at + 4..at + 2 + length)?;
        match marker {
            // Baseline and extended sequential.
            0xC0 | 0xC1 if frame.is_none() => {
                let &[_, y, below_y, x, below_x, components] = segment.first_chunk()?;
                frame = Some(Frame {
                    height_at: at + 5,
                    height: u16::from_be_bytes([y, below_y]),
                    width: u16::from_be_bytes([x, below_x]),
                    components,
                });
            }
            // Huffman tables.
            0xC4 => {}
            // Other frames, arithmetic coding, restarts, begin and end.
            0xC0..=0xD9 => return None,
            0xDA => return frame.filter(|frame| segment.first() == Some(&frame.components)),
            _ => {}
        }
        at += 2 + length;
    }
}
