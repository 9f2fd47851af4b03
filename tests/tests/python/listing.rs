//! What the library says of its frameworks, with and without Python, torch and frameworks.

use super::driven::python;
use super::{Needs, Outcome, Part, again, library, says};
use serde_json::Value;
use ssl_host::plugins::{InspectError, inspect};
use ssl_plugin_api::foreign::Plugin;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

pub const WITHOUT_PYTHON: Part = Part {
    name: "without_python_the_library_is_empty_and_says_why",
    frameworks: "",
    needs: Needs::Nothing,
    run: without_python,
};

pub const BROKEN_INTERPRETER: Part = Part {
    name: "an_interpreter_that_fails_is_refused_in_one_line",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Nothing,
    run: broken_interpreter,
};

pub const WITHOUT_TORCH: Part = Part {
    name: "without_torch_frameworks_are_refused_with_the_fix",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Nothing,
    run: without_torch,
};

pub const BAD_VARIABLES: Part = Part {
    name: "variables_out_of_range_are_refused",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Torch,
    run: bad_variables,
};

pub const REMEMBERED: Part = Part {
    name: "listing_again_imports_nothing_and_a_broken_cache_is_made_anew",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Torch,
    run: remembered,
};

pub const PARTLY: Part = Part {
    name: "frameworks_that_cannot_be_imported_are_refused_and_the_others_offered",
    frameworks: "mistaken:Mistaken,broken_import:X,broken_syntax:X,mistaken:Missing,mistaken:torch,nonsense",
    needs: Needs::Torch,
    run: partly,
};

fn without_python() -> Outcome {
    if std::env::var_os("PATH").is_some_and(|path| path != "/nowhere") {
        return again("PATH", "/nowhere");
    }
    let plugin = python()?;
    let hello = plugin.hello();
    if !(hello.frameworks.is_empty() && hello.refused.is_empty()) {
        return Err(format!("expected nothing, found {hello:?}"));
    }
    says(
        hello.empty.as_deref().unwrap_or_default(),
        &["no python3 is on PATH", "SSL_LOTTERY_PYTHON"],
    )
}

/// An interpreter that is a shell script.
fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("python");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file is written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode is set");
    path.display().to_string()
}

fn broken_interpreter() -> Outcome {
    if let Some(words) = std::env::var_os("EXPECTED_WORDS") {
        let words = words.to_string_lossy().into_owned();
        let plugin = python()?;
        let [refused] = &plugin.hello().refused[..] else {
            return Err(format!("expected one refusal, found {:?}", plugin.hello()));
        };
        let words: Vec<&str> = words.split('|').collect();
        says(refused, &words)?;
        // `describe` says the same, and does not take the library for one of another version.
        return match inspect(&library("python"), None, &Value::Null, None) {
            Err(InspectError::Nothing { reason }) => says(&reason, &words),
            other => Err(format!("expected nothing offered, found {other:?}")),
        };
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let cases = [
        (
            script(folder.path(), "exit 3"),
            "start: the worker process|ended with exit code 3",
        ),
        (
            "/no/such/python".to_owned(),
            "SSL_LOTTERY_PYTHON|found no program /no/such/python|set it to the path of a python",
        ),
    ];
    for (python, words) in cases {
        super::apart_with(&[("SSL_LOTTERY_PYTHON", &python), ("EXPECTED_WORDS", words)])?;
    }
    let killed = script(folder.path(), "kill -9 $$");
    super::apart_with(&[
        ("SSL_LOTTERY_PYTHON", &killed),
        ("EXPECTED_WORDS", "signal 9 (SIGKILL"),
    ])?;
    let garbled = script(folder.path(), "printf 'aaaaaaaaaa' >&$3; exec sleep 5");
    let words = "expected a message as JSON";
    super::apart_with(&[("SSL_LOTTERY_PYTHON", &garbled), ("EXPECTED_WORDS", words)])
}

fn bad_variables() -> Outcome {
    if let Some(words) = std::env::var_os("EXPECTED_WORDS") {
        let plugin = python()?;
        let refused = plugin.hello().refused.first().cloned().unwrap_or_default();
        return says(&refused, &[&words.to_string_lossy()]);
    }
    for (name, value, words) in [
        (
            "SSL_LOTTERY_PYTHON_THREADS",
            "two",
            "expected a whole number of at least 1, found 'two'",
        ),
        (
            "SSL_LOTTERY_PYTHON_THREADS",
            "0",
            "expected a whole number of at least 1, found '0'",
        ),
        // What a run's cell says of its own threads is followed where the other is not set.
        (
            "SSL_LOTTERY_THREADS",
            "0",
            "expected a whole number of at least 1, found '0'",
        ),
        (
            "SSL_LOTTERY_PYTHON_LIMIT",
            "soon",
            "expected seconds for a call, 0 for no limit, found \"soon\"",
        ),
        (
            "SSL_LOTTERY_PYTHON_LIMIT",
            "-1",
            "expected seconds for a call, 0 for no limit, found \"-1\"",
        ),
    ] {
        super::apart_with(&[(name, value), ("EXPECTED_WORDS", words)])?;
    }
    Ok(())
}

fn without_torch() -> Outcome {
    let plain = Command::new("/usr/bin/python3")
        .args(["-c", "import sys; print(sys.version)"])
        .output();
    let has_torch = super::imports(Path::new("/usr/bin/python3"), "torch");
    if has_torch || !plain.is_ok_and(|output| output.status.success()) {
        println!("left out: /usr/bin/python3 is not there, or has torch");
        return Ok(());
    }
    if std::env::var_os("SSL_LOTTERY_PYTHON").is_none() {
        return again("SSL_LOTTERY_PYTHON", "/usr/bin/python3");
    }
    let plugin = python()?;
    let [refused] = &plugin.hello().refused[..] else {
        return Err(format!("expected one refusal, found {:?}", plugin.hello()));
    };
    says(
        refused,
        &["expected torch", "/usr/bin/python3", "pip install torch"],
    )
}

fn remembered() -> Outcome {
    let list = || Plugin::open(&library("python")).map_err(|error| error.to_string());
    if std::env::var_os("AGAIN").is_some() {
        let plugin = list()?;
        let ids: Vec<&str> = plugin
            .frameworks()
            .iter()
            .map(|it| it.id.as_str())
            .collect();
        return if ids == ["mistaken"] {
            Ok(())
        } else {
            Err(format!("expected one framework, found {ids:?}"))
        };
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").ok_or("expected a cache of its own")?;
    let entries = || -> Vec<std::path::PathBuf> {
        let folder = Path::new(&cache).join("ssl-lottery/python");
        let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
        read.map(|entry| entry.path()).collect()
    };
    super::apart_with(&[("AGAIN", "1")])?;
    let [entry] = &entries()[..] else {
        return Err(format!("expected one entry, found {:?}", entries()));
    };
    // With a limit that is over before any interpreter has started, only the cache can answer.
    let hurry = [("AGAIN", "1"), ("SSL_LOTTERY_PYTHON_LIMIT", "0.000001")];
    super::apart_with(&hurry)?;
    std::fs::write(entry, "{\"version\": 1, \"frame").map_err(|error| error.to_string())?;
    if super::apart_with(&hurry).is_ok() {
        return Err("expected a broken entry not to answer".to_owned());
    }
    super::apart_with(&[("AGAIN", "1")])?;
    super::apart_with(&hurry)
}

fn partly() -> Outcome {
    let plugin = python()?;
    let ids: Vec<&str> = plugin
        .frameworks()
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    if ids != ["mistaken"] {
        return Err(format!("expected the sound framework alone, found {ids:?}"));
    }
    let expected: [&[&str]; 5] = [
        &[
            "broken_import:X (SSL_LOTTERY_FRAMEWORKS)",
            "ModuleNotFoundError",
            "no_such_module",
            "broken_import.py:1",
        ],
        &["broken_syntax:X", "SyntaxError", "broken_syntax.py:1"],
        &["mistaken:Missing", "AttributeError", "Missing"],
        &[
            "mistaken:torch",
            "expected a subclass of ssl_lottery.Framework",
        ],
        &["nonsense", "expected module:Class"],
    ];
    let refused = &plugin.hello().refused;
    if refused.len() != expected.len() {
        return Err(format!(
            "expected {} refusals, found {refused:?}",
            expected.len()
        ));
    }
    for (line, words) in refused.iter().zip(expected) {
        says(line, words)?;
    }
    Ok(())
}
