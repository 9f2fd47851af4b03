//! Any bytes behind the first ones of a format: an image or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::Image;
use ssl_datasets::decode::decode;

const BEGINNINGS: [&[u8]; 8] = [
    b"RIFF\0\x10\0\0WEBP",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"P3",
    b"P4",
    b"P6",
];

fuzz_target!(|data: &[u8]| {
    let Some((&format, rest)) = data.split_first() else {
        return;
    };
    let beginning = BEGINNINGS[usize::from(format) % BEGINNINGS.len()];
    let file = [beginning, rest].concat();
    let mut image = Image::default();
    if decode(&file, &mut image).is_ok() {
        assert_eq!(image.data.len(), image.width * image.height * 3);
    }
});
