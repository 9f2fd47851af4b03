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
