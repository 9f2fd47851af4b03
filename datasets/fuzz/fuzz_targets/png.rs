//! Any bytes behind PNG's signature: an image or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::Image;
use ssl_datasets::decode::decode;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

fuzz_target!(|data: &[u8]| {
    let file = [SIGNATURE, data.strip_prefix(SIGNATURE).unwrap_or(data)].concat();
    let mut image = Image::default();
    if decode(&file, &mut image).is_ok() {
        assert_eq!(image.data.len(), image.width * image.height * 3);
    }
});
