//! Label lists and class maps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::source::{check_class_map, check_label_lists};

fuzz_target!(|data: &[u8]| {
    let _ = check_label_lists(data);
    let _ = check_class_map(data);
});
