//! A plugin that misbehaves as soon as it is loaded is refused by name, and others are found.

use crate::bench::{Ended, Place};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The healthy fixture and the rude one, in one folder.
fn place() -> (Place, PathBuf) {
    let place = Place::new();
    let name = format!("libfixture_rude.{}", std::env::consts::DLL_EXTENSION);
    let built = std::env::current_exe().unwrap().with_file_name(&name);
    let library = place.path().join("plugins").join(name);
    fs::copy(built, &library).unwrap();
    (place, library)
}

fn program(place: &Place, rude: &str, args: &[&str]) -> Ended {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .env_remove("SSL_LOTTERY_PLUGINS")
        .env_remove("SSL_LOTTERY_DATA")
        .env("FIXTURE_RUDE", rude)
        .args(args)
        .output()
        .unwrap()
        .into()
}

/// What `plugins` finds: whether the two fixtures are there, and why the rude one is refused.
fn plugins(place: &Place, rude: &str, more: &[&str]) -> (Ended, [bool; 2], Option<String>) {
    let args = ["plugins", "--format", "json", "--plugin-dir", "plugins"];
    let ended = program(place, rude, &[&args, more].concat());
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let frameworks = report["frameworks"].as_array().unwrap();
    let has = |id: &str| frameworks.iter().any(|it| it["id"] == id);
    let refused = report["refused"].as_array().unwrap().iter();
    let reason = refused
        .map(|it| it["reason"].as_str().unwrap().to_owned())
        .find(|reason| reason.contains("libfixture_rude"));
    (ended, [has("echo"), has("rude")], reason)
}

#[test]
fn library_output_and_children_do_not_disturb_the_probe() {
    let (place, _) = place();
    for rude in ["", "load:print", "load:stderr", "load:grandchild"] {
        let (ended, found, refused) = plugins(&place, rude, &["--strict"]);
        assert_eq!(
            (found, &refused),
            ([true, true], &None),
            "{rude}: {ended:?}"
        );
    }
}

#[test]
fn library_that_exits_or_hangs_on_load_is_refused() {
    let (place, _) = place();
    let ways = HashMap::from([
        ("load:exit", "exit code 0 before it answered"),
        ("load:hang", "no answer within 30 seconds"),
    ]);
    for (rude, why) in ways {
        let (ended, found, refused) = plugins(&place, rude, &["--limit", "30"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(found, [true, false], "{rude}: {ended:?}");
        let refused = refused.unwrap();
        assert!(refused.contains(why), "{refused}");
    }
    let (ended, ..) = plugins(&place, "load:exit", &["--strict"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let text = program(&place, "load:exit", &["plugins", "--plugin-dir", "plugins"]);
    assert!(
        text.out.contains("refused plugins/libfixture_rude"),
        "{text:?}"
    );

    let doctor = ["doctor", "--plugin-dir", "plugins"];
    let ended = program(&place, "load:exit", &doctor);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .out
            .contains("FAIL plugins  refused plugins/libfixture_rude"),
        "{ended:?}"
    );
    let json = program(
        &place,
        "load:exit",
        &[&doctor[..], &["--format", "json"]].concat(),
    );
    let findings: Value = serde_json::from_str(&json.out).unwrap();
    let failed = |it: &Value| it["ok"] == false && it["text"].to_string().contains("rude");
    assert!(findings.as_array().unwrap().iter().any(failed), "{json:?}");
}

/// A golden file of the rude framework; what it holds is never reached.
fn golden(place: &Place) -> PathBuf {
    let folder = place.path().join("golden");
    fs::create_dir(&folder).unwrap();
    let metadata = [
        ("format", "1"),
        ("framework", "rude"),
        ("config", "{}"),
        (
            "context",
            r#"{"epoch":0,"epochs":1,"step":0,"steps_per_epoch":1}"#,
        ),
    ];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let index = 0_i64.to_le_bytes();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::I64, vec![1], &index);
    let file = safetensors::serialize([("index", view.unwrap())], Some(metadata.into()));
    fs::write(folder.join("case.safetensors"), file.unwrap()).unwrap();
    folder
}

#[test]
fn conformance_hears_the_framework_and_not_its_noise() {
    let (place, library) = place();
    let golden = golden(&place);
    let (library, golden) = (library.to_str().unwrap(), golden.to_str().unwrap());
    let check = |rude: &str, limit: &str| {
        let args = [
            "conformance",
            library,
            "--golden",
            golden,
            "--format",
            "json",
            "--only",
            "^golden/",
        ];
        let ended = program(&place, rude, &[&args[..], &["--limit", limit]].concat());
        assert_eq!(ended.code, Some(1), "{rude}: {ended:?}");
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let check = &report["checks"][0];
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        (text("status"), text("message"))
    };
    for rude in ["", "create:print", "create:stderr", "create:grandchild"] {
        let (status, message) = check(rude, "120");
        assert_eq!(status, "failed", "{rude}: {message}");
        assert!(message.contains("cannot be trained"), "{rude}: {message}");
    }
    let (status, message) = check("create:exit", "120");
    assert_eq!(status, "crashed");
    assert!(
        message.contains("exit code 0 before it answered"),
        "{message}"
    );
    let (status, message) = check("create:hang", "20");
    assert_eq!(status, "crashed");
    assert!(message.contains("no answer within 20 seconds"), "{message}");

    let args = ["conformance", library, "--golden", golden];
    let ended = program(&place, "load:exit", &args);
    assert_eq!(ended.code, Some(70), "{ended:?}");
    assert!(ended.err.contains("libfixture_rude"), "{ended:?}");
}

/// A library without a framework, and words of the reason for it.
const NOTHING: [(&str, &str); 3] = [
    ("list:nothing", "found an empty list"),
    ("list:empty", "no framework was asked for"),
    ("list:refused", "no framework was asked for"),
];

#[test]
fn a_library_without_a_framework_is_never_certified() {
    let (place, library) = place();
    let library = library.to_str().unwrap();
    for (rude, why) in NOTHING {
        for more in [
            &[
                "--level",
                "3",
                "--certificate",
                "c.json",
                "--badge",
                "b.svg",
            ][..],
            &["--record", "golden"],
            &["--fuzz", "1"],
        ] {
            let ended = program(&place, rude, &[&["conformance", library], more].concat());
            assert_eq!(ended.code, Some(1), "{rude}: {ended:?}");
            let told = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
            for words in [why, "nothing is certified", "libfixture_rude"] {
                assert!(told.contains(words), "{rude}: {told}");
            }
            assert!(!ended.out.contains("passed"), "{rude}: {ended:?}");
        }
        for file in ["c.json", "b.svg"] {
            assert!(!place.path().join(file).exists(), "{rude}: {file}");
        }
        let ended = program(&place, rude, &["describe", library]);
        assert_eq!(ended.code, Some(65), "{rude}: {ended:?}");
        assert!(ended.err.contains(why), "{rude}: {ended:?}");
    }
}

#[test]
fn a_library_that_lists_nothing_in_silence_is_refused() {
    let (place, _) = place();
    for (rude, why) in NOTHING {
        let (ended, found, refused) = plugins(&place, rude, &["--strict"]);
        assert_eq!(found, [true, false], "{rude}: {ended:?}");
        // A reason why there is nothing is no fault.
        let is_refused = rude != "list:empty";
        assert_eq!(refused.is_some(), is_refused, "{rude}: {ended:?}");
        assert!(refused.is_none_or(|it| it.contains(why)), "{rude}");
        assert_eq!(ended.code, Some(i32::from(is_refused)), "{rude}");
    }
}
