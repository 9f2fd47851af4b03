//! The crates that plugin authors depend on can be packaged, and fit into other builds than this one.

use std::path::Path;
use toml::{Table, Value};

const PACKAGES: [&str; 3] = ["plugin-api", "plugin-api/tensor", "plugin-api/kit"];

fn manifest(folder: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let text = std::fs::read_to_string(path.join("Cargo.toml")).expect("a manifest");
    text.parse().expect("a manifest is TOML")
}

#[test]
fn what_plugin_authors_depend_on_names_ranges_of_versions() {
    let workspace = manifest(".");
    let versions = workspace["workspace"]["dependencies"]
        .as_table()
        .expect("a table");
    for package in PACKAGES {
        let manifest = manifest(package);
        let build = manifest.get("build-dependencies").and_then(Value::as_table);
        let own = manifest["dependencies"].as_table().expect("a table");
        for name in own.keys().chain(build.into_iter().flat_map(Table::keys)) {
            let version = match &versions[name] {
                Value::String(version) => Some(version.as_str()),
                entry => entry.get("version").and_then(Value::as_str),
            };
            let version = version.unwrap_or_else(|| panic!("{package}: {name} has no version"));
            assert!(
                !version.starts_with('='),
                "{package}: {name} is pinned to {version}"
            );
        }
    }
}

#[test]
fn packages_say_what_they_are_and_may_be_published() {
    for package in PACKAGES {
        let manifest = manifest(package);
        let about = manifest["package"].as_table().expect("a table");
        assert!(
            about.contains_key("description") && about.contains_key("license"),
            "{package}"
        );
        assert!(
            !about.contains_key("publish"),
            "{package} forbids its publication"
        );
    }
}
