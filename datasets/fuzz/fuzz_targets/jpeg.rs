//! Any bytes behind JPEG's first two: an image or an error, whole and in part.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::Image;
use ssl_datasets::decode::{decode, decode_rows};

fuzz_target!(|data: &[u8]| {
    let mut file = [b"\xFF\xD8", data.strip_prefix(b"\xFF\xD8").unwrap_or(data)].concat();
    let mut image = Image::default();
    if decode(&file, &mut image).is_ok() {
        assert_eq!(image.data.len(), image.width * image.height * 3);
    }
    if decode_rows(&mut file, &mut image, &|_, height| height / 2).is_ok() {
        assert_eq!(image.data.len(), image.width * image.height * 3);
    }
});
