//! Amounts of memory, as people write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// An amount of memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit(pub u64);

const UNITS: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        match unit {
            Some((name, size)) => write!(f, "{} {name}", self.0 / size),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl FromStr for MemoryLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let size = match unit.trim() {
            "B" => Some(1),
            unit => UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, size)| *size),
        };
        let number: Option<u64> = number.parse().ok();
        number
            .zip(size)
            .and_then(|(number, size)| number.checked_mul(size))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "expected an amount of memory such as `12 GiB` or `512 MiB`, found `{text}`"
                )
            })
    }
}

impl Serialize for MemoryLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MemoryLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Bytes(u64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Bytes(bytes) => Ok(Self(bytes)),
            Given::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory_are_read_and_written_with_their_units() {
        let bytes = |text: &str| text.parse::<MemoryLimit>().map(|limit| limit.0);
        assert_eq!(bytes("12 GiB"), Ok(12 << 30));
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("7 B"), Ok(7));
        for wrong in [
            "",
            "12",
            "GiB",
            "-1 GiB",
            "1.5 GiB",
            "12 GB",
            "99999999999 TiB",
        ] {
            let refused = bytes(wrong).expect_err(wrong);
            assert!(refused.contains("`12 GiB`"), "{refused}");
        }
        assert_eq!(MemoryLimit(12 << 30).to_string(), "12 GiB");
        assert_eq!(MemoryLimit((1 << 20) + 1).to_string(), "1048577 B");
    }
}
