//! Any bytes behind JPEG's first two: an image or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::Image;
use ssl_datasets::decode::decode;

fuzz_target!(|data: &[u8]| {
    let file = [b"\xFF\xD8", data.strip_prefix(b"\xFF\xD8").unwrap_or(data)].concat();
    let mut image = Image::default();
    if decode(&file, &mut image).is_ok() {
        assert_eq!(image.data.len(), image.width * image.height * 3);
    }
});
