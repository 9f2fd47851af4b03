//! Canonical JSON and its hash: equal configurations have equal names.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// JSON without white space, keys sorted at every level, numbers in their shortest form.
///
/// # Errors
/// When the value cannot be written as JSON (a map whose keys are not strings).
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    write(&serde_json::to_value(value)?, &mut out);
    Ok(out)
}

/// SHA-256 of the canonical JSON, in lower-case hexadecimal.
///
/// # Errors
/// As [`json`].
pub fn hash<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    Ok(sha256_hex(json(value)?.as_bytes()))
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde_json::json as j;

    #[test]
    fn key_order_does_not_matter_and_values_do() {
        let a: Value = serde_json::from_str(r#"{"b":[1,{"y":0.1,"x":null}],"a":"é\n"}"#).unwrap();
        assert_eq!(
            json(&a).unwrap(),
            r#"{"a":"é\n","b":[1,{"x":null,"y":0.1}]}"#
        );
        assert_ne!(
            hash(&j!({"lr": 0.1})).unwrap(),
            hash(&j!({"lr": 0.2})).unwrap()
        );
    }

    #[test]
    fn the_hash_is_sha256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
