//! Lists of images, as CSV and as JSON lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::source::check_manifest;

fuzz_target!(|data: &[u8]| {
    let _ = check_manifest(data, true);
    let _ = check_manifest(data, false);
});
