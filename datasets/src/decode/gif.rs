//! GIF: the first frame. What it leaves free has the transparent colour, or else the first.

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::check_size;
use crate::Image;

/// Memory that the decoder may take.
const MEMORY: u64 = 1 << 30;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(false);
    if let Some(limit) = std::num::NonZeroU64::new(MEMORY) {
        options.set_memory_limit(MemoryLimit::Bytes(limit));
    }
    let mut decoder = options.read_info(bytes).map_err(|e| e.to_string())?;
    let screen = (usize::from(decoder.width()), usize::from(decoder.height()));
    let frame = decoder.next_frame_info().map_err(|e| e.to_string())?;
    let frame = frame.ok_or_else(|| "expected a frame, found none".to_owned())?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (across, down) = (usize::from(frame.width), usize::from(frame.height));
    let fill = frame.transparent.unwrap_or(0);
    let (width, height) = (screen.0.max(left + across), screen.1.max(top + down));
    check_size(width, height)?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder
        .read_into_buffer(&mut indices)
        .map_err(|e| e.to_string())?;
    // Colours that the palette lacks are grey, as without a palette.
    let mut colours: [[u8; 3]; 256] = std::array::from_fn(|index| [index as u8; 3]);
    let palette = decoder.palette().unwrap_or_default();
    for (colour, entry) in colours.iter_mut().zip(palette.chunks_exact(3)) {
        colour.copy_from_slice(entry);
    }
    image.reshape(width, height);
    for out in image.data.chunks_exact_mut(3) {
        out.copy_from_slice(&colours[usize::from(fill)]);
    }
    for (row, line) in indices.chunks_exact(across.max(1)).enumerate() {
        let start = ((top + row) * width + left) * 3;
        let out = image.data[start..].chunks_exact_mut(3);
        for (index, out) in line.iter().zip(out) {
            out.copy_from_slice(&colours[usize::from(*index)]);
        }
    }
    Ok(())
}
