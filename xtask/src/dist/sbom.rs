//! The list of what a wheel holds, in CycloneDX's format.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::content::Entry;
use super::crates::Crate;
use crate::libtorch;

/// The document: every crate with its package URL and licence, and every bundled library with its SHA-256, from `digests`
/// by place in the wheel. It has no time and no serial number, so that equal builds have equal wheels.
pub fn cyclonedx(
    version: &str,
    crates: &[Crate],
    libraries: &[Entry],
    digests: &BTreeMap<String, String>,
) -> String {
    let crates = crates.iter().map(|it| {
        let purl = format!("pkg:cargo/{}@{}", it.name, it.version);
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": it.name,
            "version": it.version,
            "purl": purl,
            "licenses": [{ "expression": it.licence }],
        })
    });
    let libraries = libraries.iter().map(|file| {
        let name = file.to.rsplit('/').next().unwrap_or(&file.to);
        json!({
            "type": "library",
            "bom-ref": name,
            "name": name,
            "description": format!("from the wheels of torch {} and what it depends on", libtorch::VERSION),
            "hashes": [{ "alg": "SHA-256", "content": digests.get(&file.to) }],
        })
    });
    let components: Vec<Value> = crates.chain(libraries).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "ssl-lottery",
                "name": "ssl-lottery",
                "version": version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
    });
    format!("{document:#}\n")
}
