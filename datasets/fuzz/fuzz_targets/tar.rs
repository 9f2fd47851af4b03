//! Archives: a list of members or an error. Checksums are put right, or hardly any header would
//! come past the first check.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_datasets::files::list_tar;

fuzz_target!(|data: &[u8]| {
    let _ = list_tar(data);
    let mut archive = data.to_vec();
    for header in archive.chunks_exact_mut(512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    archive.extend([0; 1024]);
    let _ = list_tar(&archive);
});
