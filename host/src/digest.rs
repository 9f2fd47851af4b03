//! SHA-256 of bytes, files and configurations, as lower-case hexadecimal.

use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

/// How much of a file is read at a time.
const BLOCK: usize = 1 << 20;

/// The bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The digest of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The digest of a file of any size.
pub(crate) fn sha256_of(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hasher.finalize())),
            n => hasher.update(&block[..n]),
        }
    }
}

/// The digest of a value's JSON with sorted keys and without white space: equal configurations have
/// equal digests, whatever the order of their keys.
///
/// # Errors
/// When the value cannot be written as JSON (a map whose keys are not strings).
pub(crate) fn sha256_of_json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    // Objects are sorted already, unless some crate of the build turns on serde_json's `preserve_order`.
    value.sort_all_objects();
    Ok(sha256(value.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn json_digest_ignores_key_order_but_not_values() {
        let value: Value =
            serde_json::from_str(r#"{"b":[1,{"y":0.1,"x":null}],"a":"é\n"}"#).unwrap();
        let sorted = r#"{"a":"é\n","b":[1,{"x":null,"y":0.1}]}"#;
        assert_eq!(sha256_of_json(&value).unwrap(), sha256(sorted.as_bytes()));
        assert_ne!(
            sha256_of_json(&json!({"lr": 0.1})).unwrap(),
            sha256_of_json(&json!({"lr": 0.2})).unwrap()
        );
    }

    #[test]
    fn sha256_matches_the_published_example() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_of(File::open(path).unwrap()).unwrap(), abc);
    }
}
