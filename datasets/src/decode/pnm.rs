//! PBM, PGM and PPM, as text and as bytes.
//!
//! Grey of more than 8 bits is clipped at 255, as in [`png`](super::png).

use super::check_size;
use super::reader::{Reader, cut};
use crate::Image;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let kind = bytes[1];
    let mut reader = Reader::new(bytes, 2);
    let (width, height) = (number(&mut reader)?, number(&mut reader)?);
    let most = match kind {
        b'1' | b'4' => 1,
        _ => number(&mut reader)?,
    };
    if !(1..=65535).contains(&most) {
        return Err(format!(
            "expected a largest value of 1 to 65535, found {most}"
        ));
    }
    check_size(width, height)?;
    let channels = if matches!(kind, b'3' | b'6') { 3 } else { 1 };
    let scale = |value: usize| -> u8 {
        // Black and white are the other way round.
        if matches!(kind, b'1' | b'4') {
            return if value == 0 { u8::MAX } else { 0 };
        }
        let largest = if channels == 1 && most > 255 {
            65535.0
        } else {
            255.0
        };
        let scaled = (value as f64 / most as f64 * largest).round_ties_even();
        scaled.min(255.0) as u8
    };
    let mut row = vec![0; width * channels];
    let mut raw = Vec::new();
    image.reshape(width, height);
    for line in image.data.chunks_exact_mut(3 * width) {
        match kind {
            b'1' => row
                .iter_mut()
                .try_for_each(|v| digit(&mut reader).map(|d| *v = d))?,
            b'2' | b'3' => row
                .iter_mut()
                .try_for_each(|v| number(&mut reader).map(|n| *v = n))?,
            _ => {
                raw.clear();
                let bits = match kind {
                    b'4' => 1,
                    _ if most < 256 => 8,
                    _ => 16,
                };
                raw.extend_from_slice(reader.take((row.len() * bits).div_ceil(8))?);
                for (x, value) in row.iter_mut().enumerate() {
                    *value = match bits {
                        1 => usize::from(raw[x / 8] >> (7 - x % 8) & 1),
                        8 => usize::from(raw[x]),
                        _ => usize::from(u16::from_be_bytes([raw[2 * x], raw[2 * x + 1]])),
                    };
                }
            }
        }
        if matches!(kind, b'2' | b'3')
            && let Some(large) = row.iter().find(|&&value| value > most)
        {
            return Err(format!("expected values up to {most}, found {large}"));
        }
        for (values, out) in row.chunks_exact(channels).zip(line.chunks_exact_mut(3)) {
            match values {
                [grey] => out.fill(scale(*grey)),
                values => out.iter_mut().zip(values).for_each(|(o, v)| *o = scale(*v)),
            }
        }
    }
    Ok(())
}

/// The next byte that is neither blank nor in a comment.
fn skip_blank(reader: &mut Reader<'_>) -> Result<u8, String> {
    loop {
        match reader.take(1)? {
            [b'#'] => while !matches!(reader.take(1)?, [b'\n' | b'\r']) {},
            [byte] if byte.is_ascii_whitespace() || *byte == 0x0B => {}
            [byte] => return Ok(*byte),
            _ => return Err(cut()),
        }
    }
}

/// A number and the one blank behind it.
fn number(reader: &mut Reader<'_>) -> Result<usize, String> {
    let mut byte = skip_blank(reader)?;
    let mut value = 0_usize;
    let mut digits = 0;
    loop {
        match byte {
            b'0'..=b'9' if digits < 10 => value = value * 10 + usize::from(byte - b'0'),
            b if b.is_ascii_whitespace() && digits > 0 => return Ok(value),
            other => return Err(format!("expected a number, found byte {other:#04x}")),
        }
        digits += 1;
        match reader.take(1) {
            Ok(next) => byte = next[0],
            Err(_) => return Ok(value),
        }
    }
}

/// One of the digits of a bitmap as text, which need no blanks between them.
fn digit(reader: &mut Reader<'_>) -> Result<usize, String> {
    match skip_blank(reader)? {
        digit @ (b'0' | b'1') => Ok(usize::from(digit - b'0')),
        other => Err(format!("expected 0 or 1, found byte {other:#04x}")),
    }
}
