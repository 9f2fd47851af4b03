//! The crates that are compiled into the program and its plugins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::cargo;
use crate::error::Error;
use crate::paths::Checkout;
use crate::tasks::plugins;

/// A crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licences, as an SPDX expression.
    pub licence: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it is one of this workspace.
    pub own: bool,
}

/// What the program and every plugin are made of, sorted by name, without what only builds or tests need.
pub fn of_program(checkout: &Checkout) -> Result<Vec<Crate>, Error> {
    let args = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ];
    let output = cargo::cargo(checkout, &args)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Start {
            program: "cargo metadata".to_owned(),
            source,
        })?;
    let failed = || Error::Failed {
        command: "cargo metadata --locked".to_owned(),
    };
    if !output.status.success() {
        return Err(failed());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| failed())?;
    let mut roots = plugins(checkout.root())?;
    roots.extend(["ssl-host".to_owned(), "ssl-python".to_owned()]);
    Ok(below(&metadata, &roots))
}

/// The packages that those of these names reach by normal dependencies.
fn below(metadata: &Value, roots: &[String]) -> Vec<Crate> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|package| (text(&package["id"]), package))
        .collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let is_root = |package: &Value| roots.iter().any(|root| package["name"] == *root.as_str());
    let mut open: Vec<String> = packages
        .iter()
        .filter(|(_, package)| is_root(package))
        .map(|(id, _)| id.clone())
        .collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in list(&nodes.get(&id).unwrap_or(&Value::Null)["deps"]) {
            let kinds = list(&dependency["dep_kinds"]);
            if kinds.iter().any(|kind| kind["kind"].is_null()) {
                open.push(text(&dependency["pkg"]));
            }
        }
    }
    let mut crates: Vec<Crate> = seen
        .iter()
        .filter_map(|id| packages.get(id))
        .map(|package| Crate {
            name: text(&package["name"]),
            version: text(&package["version"]),
            licence: text(&package["license"])
                .replace(" / ", "/")
                .replace('/', " OR "),
            folder: PathBuf::from(text(&package["manifest_path"])).with_file_name(""),
            own: package["source"].is_null(),
        })
        .collect();
    crates.sort();
    crates
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_only_builds_or_tests_need_is_left_out() {
        let package = |name: &str| {
            json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0",
                    "manifest_path": "/p/Cargo.toml", "source": null })
        };
        let dependency =
            |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("host"), package("a"), package("b"), package("cc"), package("other")],
            "resolve": { "nodes": [
                { "id": "host", "deps": [dependency("a", Value::Null), dependency("cc", json!("build"))] },
                { "id": "a", "deps": [dependency("b", Value::Null), dependency("other", json!("dev"))] },
            ] },
        });
        let found = below(&metadata, &["host".to_owned()]);
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "host"]);
        assert_eq!(found[0].licence, "MIT OR Apache-2.0");
    }
}
