//! BMP: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits; not compressed.

use super::check_size;
use super::reader::Reader;
use crate::Image;

/// What the headers say.
struct Header {
    width: usize,
    height: usize,
    /// The first row in the file is the top one.
    from_top: bool,
    bits: usize,
    /// Where the pixels begin.
    start: usize,
    /// Masks of red, green and blue, of 16 and 32 bits.
    masks: [u32; 3],
    /// Blue, green, red of each colour.
    palette: Vec<[u8; 3]>,
}

const UNCOMPRESSED: u32 = 0;
const BIT_FIELDS: u32 = 3;
const MASKS_555: [u32; 3] = [0x7C00, 0x3E0, 0x1F];
const MASKS_565: [u32; 3] = [0xF800, 0x7E0, 0x1F];
const MASKS_888: [u32; 3] = [0x00FF_0000, 0xFF00, 0xFF];

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let header = header(bytes)?;
    check_size(header.width, header.height)?;
    let stride = (header.width * header.bits).div_ceil(32) * 4;
    let rows = Reader::new(bytes, header.start).take(stride * header.height)?;
    image.reshape(header.width, header.height);
    let lines = image.data.chunks_exact_mut(3 * header.width);
    for (at, line) in lines.enumerate() {
        let row = match header.from_top {
            true => at,
            false => header.height - 1 - at,
        };
        let row = &rows[row * stride..][..stride];
        for (x, out) in line.chunks_exact_mut(3).enumerate() {
            out.copy_from_slice(&pixel(&header, row, x));
        }
    }
    Ok(())
}

fn pixel(header: &Header, row: &[u8], x: usize) -> [u8; 3] {
    let wide = |size: usize| {
        let bytes = row[x * size..][..size].iter().rev();
        bytes.fold(0, |sum: u32, &byte| sum << 8 | u32::from(byte))
    };
    match header.bits {
        bits @ (1 | 4 | 8) => {
            let byte = row[x * bits / 8] as usize;
            let shift = 8 - bits - x * bits % 8;
            let index = byte >> shift & ((1 << bits) - 1);
            let [b, g, r] = header.palette.get(index).copied().unwrap_or_default();
            [r, g, b]
        }
        bits => {
            let value = wide(bits / 8);
            header.masks.map(|mask| {
                let most = mask >> mask.trailing_zeros();
                ((value & mask) >> mask.trailing_zeros()).wrapping_mul(255) / most
            })
        }
        .map(|value| value as u8),
    }
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    let mut reader = Reader::new(bytes, 10);
    let start = reader.u32()? as usize;
    let size = reader.u32()?;
    let (width, height, bits, compression, colours, masks);
    match size {
        12 => {
            (width, height) = (u32::from(reader.u16()?), i32::from(reader.u16()?));
            reader.u16()?;
            bits = usize::from(reader.u16()?);
            (compression, colours, masks) = (UNCOMPRESSED, 0, [0; 3]);
        }
        40 | 52 | 56 | 64 | 108 | 124 => {
            (width, height) = (reader.u32()?, reader.u32()? as i32);
            reader.u16()?;
            bits = usize::from(reader.u16()?);
            compression = reader.u32()?;
            reader.take(12)?;
            colours = reader.u32()? as usize;
            reader.u32()?;
            // A short header has them behind it.
            masks = match compression {
                BIT_FIELDS => [reader.u32()?, reader.u32()?, reader.u32()?],
                _ => [0; 3],
            };
        }
        other => {
            return Err(format!(
                "expected a BMP header of a known size, found one of {other} bytes"
            ));
        }
    }
    let masks = masks_of(bits, compression, masks)?;
    let entry = if size == 12 { 3 } else { 4 };
    let mut palette = Vec::new();
    if bits <= 8 {
        let mut reader = Reader::new(bytes, 14 + size as usize);
        let most = 1 << bits;
        let count = if colours == 0 {
            most
        } else {
            colours.min(most)
        };
        for _ in 0..count {
            let colour = reader.take(entry)?;
            palette.push([colour[0], colour[1], colour[2]]);
        }
    }
    Ok(Header {
        width: width as usize,
        height: height.unsigned_abs() as usize,
        from_top: height < 0,
        bits,
        start,
        masks,
        palette,
    })
}

fn masks_of(bits: usize, compression: u32, masks: [u32; 3]) -> Result<[u32; 3], String> {
    match (bits, compression) {
        (1 | 4 | 8, UNCOMPRESSED) => Ok([0; 3]),
        (16, UNCOMPRESSED) => Ok(MASKS_555),
        (24 | 32, UNCOMPRESSED) => Ok(MASKS_888),
        (16, BIT_FIELDS) if [MASKS_555, MASKS_565].contains(&masks) => Ok(masks),
        (24, BIT_FIELDS) if masks == MASKS_888 => Ok(masks),
        // Whole bytes, in whatever order.
        (32, BIT_FIELDS)
            if masks.iter().all(|m| {
                m.count_ones() == 8 && m.trailing_zeros() % 8 == 0 && m.leading_zeros() % 8 == 0
            }) =>
        {
            Ok(masks)
        }
        _ => Err(format!(
            "expected an uncompressed BMP of 1, 4, 8, 16, 24 or 32 bits, found {bits} bits with compression {compression}"
        )),
    }
}
