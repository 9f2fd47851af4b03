//! PNG: grey, palette, RGB, with or without alpha (dropped).
//!
//! Of 16 bits the upper eight are taken, except for grey without alpha, where Pillow clips at 255
//! instead; such files hold measurements rather than pictures.

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::check_size;
use crate::Image;

/// Memory that the decoder may take for headers and rows.
const MEMORY: usize = 1 << 30;

/// The chunk that ends a file.
const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    match lacks_end(bytes) {
        true => run(&[bytes, END].concat(), image),
        false => run(bytes, image),
    }
}

/// Whether the file ends behind a whole chunk that is not the last one.
fn lacks_end(bytes: &[u8]) -> bool {
    let mut at = 8;
    while let Some([a, b, c, d, kind @ ..]) =
        bytes.get(at..).and_then(|rest| rest.first_chunk::<8>())
    {
        if kind == b"IEND" {
            return false;
        }
        at += 12 + u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    }
    at == bytes.len()
}

fn run(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let limits = Limits { bytes: MEMORY };
    let mut decoder = Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    // Neither changes a pixel, and a small one may unpack to gigabytes.
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_ignore_text_chunk(true);
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
        ColorType::Indexed => {
            return Err("expected an expanded palette".to_owned());
        }
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
