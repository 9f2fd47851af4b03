//! The frameworks of the interpreter's environment, found once a process.

use crate::cache::Entry;
use crate::framework::Python;
use crate::worker::{Declared, Worker, limit};
use crate::{cache, interpreter};
use serde_json::{Value, json};
use ssl_plugin_api::Fault;
use ssl_plugin_api::description::Metadata;
use ssl_plugin_api::export::{Framework, Remarks};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// How long finding the frameworks may take, whatever a call may: the host waits for all libraries together.
const LIMIT: Duration = Duration::from_secs(45);

/// What to do where that was too short.
const AGAIN: &str = "run the command again: the first import of an environment is the slowest";

/// What was found.
#[derive(Default)]
struct Catalogue {
    frameworks: Vec<Python>,
    remarks: Remarks,
}

fn catalogue() -> &'static Catalogue {
    static FOUND: OnceLock<Catalogue> = OnceLock::new();
    FOUND.get_or_init(|| {
        look().unwrap_or_else(|fault| Catalogue {
            remarks: Remarks {
                refused: vec![fault.message],
                empty: None,
            },
            ..Catalogue::default()
        })
    })
}

/// The frameworks, as the table lists them.
pub fn frameworks() -> Vec<&'static dyn Framework> {
    let all = &catalogue().frameworks;
    all.iter().map(|it| it as &dyn Framework).collect()
}

/// Why some or all frameworks are not among them.
pub fn remarks() -> Remarks {
    catalogue().remarks.clone()
}

fn look() -> Result<Catalogue, Fault> {
    let Some(python) = interpreter::find()? else {
        return Ok(nothing(
            "no python3 is on PATH and SSL_LOTTERY_PYTHON is not set",
        ));
    };
    let key = cache::key(&python);
    let (entry, refused) = match cache::read(&key) {
        Some(entry) => (entry, Vec::new()),
        None => {
            let (entry, refused) = import(&python)?;
            if refused.is_empty() {
                cache::write(&key, &entry);
            }
            (entry, refused)
        }
    };
    if entry.frameworks.is_empty() && refused.is_empty() {
        return Ok(nothing(&format!(
            "{} declares none: install a package with the entry-point group ssl_lottery.frameworks, or set \
             SSL_LOTTERY_FRAMEWORKS=module:Class",
            python.display()
        )));
    }
    let frameworks = entry.frameworks.into_iter();
    Ok(Catalogue {
        frameworks: frameworks
            .map(|(metadata, at)| Python::new(metadata, at, python.clone()))
            .collect(),
        remarks: Remarks {
            refused,
            empty: None,
        },
    })
}

fn nothing(why: &str) -> Catalogue {
    Catalogue {
        remarks: Remarks {
            refused: Vec::new(),
            empty: Some(format!("no framework in Python: {why}")),
        },
        ..Catalogue::default()
    }
}

/// Imports what the interpreter declares; also one line for each framework that cannot be imported.
fn import(python: &Path) -> Result<(Entry, Vec<String>), Fault> {
    let limit = limit()?.at_most(LIMIT, AGAIN);
    let (mut worker, Declared { frameworks, paths }) = Worker::start(python, limit)?;
    if frameworks.is_empty() {
        return Ok((Entry::new(Vec::new(), Vec::new(), &paths), Vec::new()));
    }
    worker.ready()?;
    let said = worker.ask("find", json!({ "only": null }), None)?;
    let list = |name: &str| said[name].as_array().cloned().unwrap_or_default();
    let texts = |name: &str| {
        list(name)
            .into_iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()))
    };
    let mut refused: Vec<String> = texts("faults").collect();
    let mut found = Vec::new();
    for it in list("frameworks") {
        let at = it["at"].as_str().unwrap_or_default().to_owned();
        match card(it["card"].clone()) {
            Ok(metadata) => found.push((metadata, at)),
            Err(error) => refused.push(format!("{at}: {error}")),
        }
    }
    let files = texts("files").map(PathBuf::from).collect();
    Ok((Entry::new(found, files, &paths), refused))
}

fn card(card: Value) -> Result<Metadata, String> {
    serde_json::from_value(card)
        .map_err(|error| format!("expected a framework's attributes, found: {error}"))
}
