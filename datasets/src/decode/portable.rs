//! PNG: grey, palette, RGB, with or without alpha (dropped).
//!
//! Of 16 bits the upper eight are taken, except for grey without alpha, where Pillow clips at 255
//! instead; such files hold measurements rather than pictures.

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::check_size;
use crate::Image;

/// Memory that the decoder may take for headers and rows.
const MEMORY: usize = 1 << 30;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let limits = Limits { bytes: MEMORY };
    let mut decoder = Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    let header = decoder.read_header_info().map_err(|e| e.to_string())?;
    let clipped =
        header.bit_depth == BitDepth::Sixteen && header.color_type == ColorType::Grayscale;
    check_size(header.width as usize, header.height as usize)?;
    decoder.set_transformations(if clipped {
        Transformations::IDENTITY
    } else {
        Transformations::EXPAND | Transformations::STRIP_16
    });
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    // The decoder relies on both, and would panic.
    let palette = reader.info().palette.as_ref().map_or(0, |p| p.len());
    if palette % 3 != 0 || palette > 768 {
        return Err(format!(
            "expected a palette of at most 256 colours of three bytes, found {palette} bytes"
        ));
    }
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| "expected an image that fits in memory".to_owned())?;
    let mut raw = vec![0; size];
    let info = reader.next_frame(&mut raw).map_err(|e| e.to_string())?;
    image.reshape(info.width as usize, info.height as usize);
    let pixels = image.data.chunks_exact_mut(3);
    if clipped {
        for (value, out) in raw.chunks_exact(2).zip(pixels) {
            out.fill(if value[0] == 0 { value[1] } else { u8::MAX });
        }
        return Ok(());
    }
    let channels = match info.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        ColorType::Indexed => return Err("expected an expanded palette".to_owned()),
    };
    for (pixel, out) in raw.chunks_exact(channels).zip(pixels) {
        match pixel {
            [grey] | [grey, _] => out.fill(*grey),
            [r, g, b] | [r, g, b, _] => out.copy_from_slice(&[*r, *g, *b]),
            _ => {}
        }
    }
    Ok(())
}
