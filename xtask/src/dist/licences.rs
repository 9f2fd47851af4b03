//! The texts of the licences of what a wheel holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::crates::Crate;
use crate::error::Error;
use crate::paths::Checkout;

/// Files of texts by name: this project's own, those of the crates in one, and those of libtorch where it is inside.
pub fn texts(
    checkout: &Checkout,
    crates: &[Crate],
    with_libtorch: bool,
) -> Result<BTreeMap<String, String>, Error> {
    let mut texts = BTreeMap::new();
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        texts.insert(
            name.to_owned(),
            super::read_text(&checkout.root().join(name))?,
        );
    }
    texts.insert("crates.txt".to_owned(), of_crates(crates)?);
    if with_libtorch {
        let found = files(&checkout.libtorch().join("licenses"), &|_| true)?;
        if found.is_empty() {
            eprintln!(
                "warning: this libtorch was set up without its licences; before you hand the wheel on, remove \
                 its folder (`readlink .libtorch`) and run `cargo xtask setup`"
            );
        }
        for (name, text) in found {
            texts.insert(format!("libtorch/{name}"), text);
        }
    }
    Ok(texts)
}

/// One file for all crates; equal texts stand there once, below the names of all crates that have them.
fn of_crates(crates: &[Crate]) -> Result<String, Error> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for it in crates.iter().filter(|it| !it.own) {
        let title = format!("{} {} ({})", it.name, it.version, it.licence);
        let found = files(&it.folder, &is_licence)?;
        if found.is_empty() {
            let none = "its package has no text of its licence".to_owned();
            by_text.entry(none).or_default().push(title.clone());
        }
        for text in found.into_values() {
            by_text.entry(text).or_default().push(title.clone());
        }
    }
    let mut parts: Vec<(Vec<String>, String)> = by_text
        .into_iter()
        .map(|(text, mut titles)| {
            titles.sort();
            titles.dedup();
            (titles, text)
        })
        .collect();
    parts.sort();
    let rule = "=".repeat(80);
    Ok(parts
        .iter()
        .map(|(titles, text)| format!("{rule}\n{}\n\n{}\n\n", titles.join("\n"), text.trim()))
        .collect())
}

fn is_licence(name: &str) -> bool {
    let name = name.to_uppercase();
    [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "COPYRIGHT",
        "NOTICE",
        "UNLICENSE",
    ]
    .iter()
    .any(|word| name.starts_with(word))
}

/// The texts of a folder by file name; none where there is no folder.
fn files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(found);
    };
    for entry in entries {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && wanted(&name) {
            let bytes = super::read(&path)?;
            found.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(found)
}
