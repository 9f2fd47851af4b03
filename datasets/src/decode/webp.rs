//! WebP: lossy and lossless, of an animation the first frame; alpha is dropped.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::check_size;
use crate::Image;

/// Memory that the decoder may take.
const MEMORY: usize = 1 << 30;

pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    decoder.set_memory_limit(MEMORY);
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let size = decoder.output_buffer_size();
    let size = size.ok_or_else(|| "expected an image that fits in memory".to_owned())?;
    let mut raw = vec![0; size];
    if decoder.is_animated() {
        decoder.read_frame(&mut raw).map_err(|e| e.to_string())?;
    } else {
        decoder.read_image(&mut raw).map_err(|e| e.to_string())?;
    }
    image.reshape(width, height);
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let pixels = raw.chunks_exact(channels);
    for (pixel, out) in pixels.zip(image.data.chunks_exact_mut(3)) {
        out.copy_from_slice(&pixel[..3]);
    }
    Ok(())
}
