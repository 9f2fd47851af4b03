//! TIFF: the first image; grey of 1 to 16 bits, palette, RGB and CMYK of 8 or 16. Of 16 bits the upper eight
//! are taken, except for grey, which is clipped at 255. The orientation is applied, as Pillow does for
//! this format alone.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{check_size, cmyk};
use crate::Image;

/// Memory that the decoder may take.
const MEMORY: usize = 1 << 30;
/// Value of `ExtraSamples` for colours that are multiplied by alpha.
const ASSOCIATED: u16 = 1;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MEMORY;
    limits.intermediate_buffer_size = MEMORY;
    let indexed = without_palette(bytes);
    let bytes = indexed.as_deref().unwrap_or(bytes);
    let decoder = Decoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let mut decoder = decoder.with_limits(limits);
    let (width, height) = decoder.dimensions().map_err(|e| e.to_string())?;
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let kind = decoder.colortype().map_err(|e| e.to_string())?;
    let tag = |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u16>(tag).ok().flatten();
    let layout = Layout::of(kind)?;
    if tag(&mut decoder, Tag::PlanarConfiguration) == Some(2) && layout.samples > 1 {
        return Err("expected colours pixel by pixel, found them plane by plane".to_owned());
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples);
    let extra = extra.ok().flatten().unwrap_or_default();
    let associated = extra.first() == Some(&ASSOCIATED);
    let palette = match indexed {
        Some(_) => decoder.get_tag_u16_vec(Tag::ColorMap),
        None => Ok(Vec::new()),
    };
    let palette = palette.map_err(|e| e.to_string())?;
    let orientation = tag(&mut decoder, Tag::Orientation).unwrap_or(1);
    let values = match decoder.read_image().map_err(|e| e.to_string())? {
        DecodingResult::U8(values) => unpacked(values, &layout, width),
        DecodingResult::U16(values) => values,
        _ => return Err("expected whole numbers of at most 16 bits".to_owned()),
    };
    let turned = orientation >= 5;
    let (wide, high) = if turned {
        (height, width)
    } else {
        (width, height)
    };
    image.reshape(wide, high);
    let pixels = values.chunks_exact(layout.samples);
    if pixels.len() < width * height {
        return Err(format!(
            "expected {} pixels, found {}",
            width * height,
            pixels.len()
        ));
    }
    for (at, pixel) in pixels.take(width * height).enumerate() {
        let (x, y) = (at % width, at / width);
        let (left, up) = (width - 1 - x, height - 1 - y);
        let (x, y) = match orientation {
            2 => (left, y),
            3 => (left, up),
            4 => (x, up),
            5 => (y, x),
            6 => (up, x),
            7 => (up, left),
            8 => (y, left),
            _ => (x, y),
        };
        let rgb = rgb(pixel, kind, &palette, associated);
        image.data[3 * (y * wide + x)..][..3].copy_from_slice(&rgb);
    }
    Ok(())
}

/// The file with its palette declared to be grey, since the decoder knows no palettes; none where there is no
/// palette.
fn without_palette(bytes: &[u8]) -> Option<Vec<u8>> {
    const PHOTOMETRIC: u16 = 262;
    const PALETTE: u16 = 3;
    const BLACK_IS_ZERO: u16 = 1;
    let little = bytes.starts_with(b"II");
    let short = |at: usize| {
        let &two = bytes.get(at..)?.first_chunk()?;
        Some(if little {
            u16::from_le_bytes(two)
        } else {
            u16::from_be_bytes(two)
        })
    };
    let &four = bytes.get(4..)?.first_chunk()?;
    let first = if little {
        u32::from_le_bytes(four)
    } else {
        u32::from_be_bytes(four)
    } as usize;
    let entries = usize::from(short(first)?);
    let mut entries = (0..entries).map(|entry| first + 2 + 12 * entry);
    let value = entries.find(|&entry| short(entry) == Some(PHOTOMETRIC))? + 8;
    let mut changed = (short(value)? == PALETTE).then(|| bytes.to_vec())?;
    let grey = if little {
        BLACK_IS_ZERO.to_le_bytes()
    } else {
        BLACK_IS_ZERO.to_be_bytes()
    };
    changed[value..value + 2].copy_from_slice(&grey);
    Some(changed)
}

/// How values lie in a row.
struct Layout {
    samples: usize,
    bits: usize,
}

impl Layout {
    fn of(kind: ColorType) -> Result<Self, String> {
        let samples = match kind {
            ColorType::Gray(1 | 2 | 4 | 8 | 16) => 1,
            ColorType::GrayA(8) => 2,
            ColorType::Multiband {
                bit_depth: 8,
                num_samples: 2,
            } => 2,
            ColorType::RGB(8 | 16) => 3,
            ColorType::RGBA(8 | 16) | ColorType::CMYK(8 | 16) => 4,
            other => {
                return Err(format!(
                    "expected a TIFF in grey, with a palette, in RGB or CMYK, of at most 16 bits, found {other:?}"
                ));
            }
        };
        let bits = usize::from(kind.bit_depth());
        Ok(Self { samples, bits })
    }
}

/// Values of fewer than eight bits, each by itself.
fn unpacked(values: Vec<u8>, layout: &Layout, width: usize) -> Vec<u16> {
    let bits = layout.bits;
    if bits >= 8 {
        return values.into_iter().map(u16::from).collect();
    }
    let row = width * layout.samples;
    let most = (1 << bits) - 1;
    let rows = values.chunks_exact((row * bits).div_ceil(8));
    let value = |line: &[u8], x: usize| {
        let shift = 8 - bits - x * bits % 8;
        u16::from(line[x * bits / 8]) >> shift & most
    };
    rows.flat_map(|line| (0..row).map(move |x| value(line, x)))
        .collect()
}

fn rgb(pixel: &[u16], kind: ColorType, palette: &[u16], associated: bool) -> [u8; 3] {
    let wide = kind.bit_depth() == 16;
    let byte = |value: u16| {
        if wide {
            (value >> 8) as u8
        } else {
            value as u8
        }
    };
    match (kind, pixel) {
        (_, &[index]) if !palette.is_empty() => {
            let colours = palette.len() / 3;
            let part = |part: usize| palette.get(part * colours + usize::from(index));
            [0, 1, 2].map(|p| part(p).map_or(0, |value| (value >> 8) as u8))
        }
        (ColorType::Gray(bits), &[grey]) if bits < 8 => [(grey * 255 / ((1 << bits) - 1)) as u8; 3],
        (_, &[grey]) | (_, &[grey, _]) => [grey.min(255) as u8; 3],
        (ColorType::CMYK(_), &[c, m, y, k]) => cmyk::to_rgb([c, m, y, k].map(byte)),
        (_, &[r, g, b, a]) if associated => {
            let alpha = u32::from(byte(a));
            [r, g, b].map(|v| {
                let lit = (u32::from(byte(v)) * 255).checked_div(alpha);
                lit.unwrap_or(0).min(255) as u8
            })
        }
        (_, &[r, g, b, ..]) => [r, g, b].map(byte),
        _ => [0; 3],
    }
}
