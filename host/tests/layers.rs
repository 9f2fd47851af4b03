//! The order of the host's modules: each uses only those before it (docs/architecture.md).
#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules of the crate, lowest first. Those of one line do not use each other.
const LAYERS: [&[&str]; 13] = [
    &[
        "atomic",
        "cpu_tensor",
        "device",
        "digest",
        "exit",
        "heartbeat",
        "libtorch",
        "memory",
        "process",
        "progress",
        "regular",
        "scaffold",
        "terminal",
    ],
    &["checksum"],
    &["tensorfile"],
    &["augment", "backbone", "optim", "plugins"],
    &["evaluate", "import"],
    &["pretrain"],
    &["config"],
    &["ledger"],
    &["report"],
    &["run"],
    &["conformance"],
    &["cli"],
    &["lib", "main"],
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The first part of a path below `src`: the module that a file belongs to.
fn module(file: &Path) -> String {
    let inside = file.strip_prefix(source()).unwrap();
    let first = Path::new(inside.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The modules that a text names by `crate::`, outside comments.
fn used(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => found.extend(heads(list)),
            None => found.extend(word(part)),
        }
    }
    found
}

/// The first words of the entries of `{a::{b, c}, d}`, whose brace is open already.
fn heads(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut start = true;
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !letter.is_whitespace() => {
                found.extend(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let word = &text[..end.unwrap_or(text.len())];
    (!word.is_empty()).then(|| word.to_owned())
}

/// Every use of a module by one that is not above it, as `file: uses module`.
fn upward_uses(files: &[(PathBuf, String)]) -> Vec<String> {
    let level: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(level, modules)| modules.iter().map(move |module| (*module, level)))
        .collect();
    let mut found = Vec::new();
    for (file, text) in files {
        let own = module(file);
        let Some(own_level) = level.get(own.as_str()) else {
            found.push(format!("{own}: expected a module of LAYERS"));
            continue;
        };
        for other in used(text).into_iter().filter(|other| *other != own) {
            if level
                .get(other.as_str())
                .is_none_or(|level| level >= own_level)
            {
                let file = file.strip_prefix(source()).unwrap().display();
                found.push(format!("{file}: {own} uses {other}"));
            }
        }
    }
    found
}

#[test]
fn no_module_uses_one_above_it() {
    let mut paths = Vec::new();
    rust_files(&source(), &mut paths);
    assert!(
        paths.len() > 100,
        "expected the host's sources, found {paths:?}"
    );
    let files: Vec<(PathBuf, String)> = paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect();
    let found = upward_uses(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn upward_imports_are_found_in_every_form() {
    let file = |name: &str, text: &str| vec![(source().join(name), text.to_owned())];
    for text in [
        "use crate::run::Job;",
        "fn f() -> crate::run::Job {}",
        "use crate::{\n    checksum::{self, run},\n    run::{Job},\n};",
        "use crate::unheard_of::X;",
    ] {
        assert_eq!(upward_uses(&file("ledger/new.rs", text)).len(), 1, "{text}");
    }
    for text in [
        "// crate::run",
        "use crate::{atomic, checksum};",
        "use crate::ledger::Plan;",
    ] {
        assert_eq!(upward_uses(&file("ledger/new.rs", text)), [""; 0], "{text}");
    }
    assert_eq!(upward_uses(&file("unheard_of.rs", "")).len(), 1);
}

#[test]
fn architecture_page_names_every_module() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/architecture.md");
    let text = std::fs::read_to_string(page).unwrap();
    for module in LAYERS[..LAYERS.len() - 1].concat() {
        assert!(text.contains(&format!("`{module}`")), "{module}");
    }
}
