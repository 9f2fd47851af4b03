//! Which of a checkpoint's networks is imported and judged, and what the record says of it.

use crate::bench::{Ended, Place, record};
use crate::checkpoints::{NETWORK, of_seed, state, write};
use serde_json::Value;
use std::process::Command;

fn import(place: &Place, file: &str, args: &[&str]) -> Ended {
    let network = NETWORK.split_once('=').unwrap().1;
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(place.path())
        .env_remove("SSL_LOTTERY_PLUGINS")
        .args([
            "import",
            "--plugin-dir",
            "plugins",
            "--framework",
            "elsewhere",
        ])
        .args(["--checkpoint", file, "--backbone", network.trim()])
        .args(args)
        .output()
        .unwrap()
        .into()
}

/// The record of an evaluation alone.
fn evaluate(place: &Place, file: &str, args: &[&str]) -> (Ended, Value) {
    let common: &[&str] = &[
        "--checkpoint",
        file,
        "--framework",
        "elsewhere",
        "--bench-backbone",
        "--out",
        "alone",
        "--set",
        "evaluate.protocols=[\"knn\"]",
    ];
    let ended = place.evaluate(&[common, args].concat());
    let cells = std::fs::read_dir(place.path().join("alone/cells")).unwrap();
    let record = record(&cells.into_iter().next().unwrap().unwrap().path());
    std::fs::remove_dir_all(place.path().join("alone")).unwrap();
    (ended, record)
}

fn write_pair(place: &Place) {
    let mut pair = of_seed(1, "backbone.");
    pair.extend(of_seed(2, "momentum_backbone."));
    write(place.path(), "pair.pth", &pair);
}

#[test]
fn import_and_evaluate_take_the_encoder_that_is_named() {
    let place = Place::new();
    write_pair(&place);
    for (args, prefix, encoder) in [
        (&[][..], "backbone.", "online"),
        (&["--encoder", "online"], "backbone.", "online"),
        (&["--encoder", "target"], "momentum_backbone.", "target"),
        (
            &["--root", "state_dict", "--prefix", "momentum_backbone"],
            "momentum_backbone.",
            "target",
        ),
    ] {
        let ended = import(&place, "pair.pth", &[args, &["--format", "json"]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let (_, record) = evaluate(&place, "pair.pth", args);
        let kept = &record["results"]["pretrain"]["checkpoint"];
        for found in [&report, kept] {
            assert_eq!(found["root"], "state_dict", "{found}");
            assert_eq!(found["prefix"], prefix, "{found}");
            assert_eq!(found["encoder"], encoder, "{found}");
        }
    }
}

#[test]
fn a_target_that_is_not_there_is_refused_and_nothing_else_is_judged() {
    let place = Place::new();
    write(place.path(), "plain.pth", &state(""));
    for ended in [
        import(&place, "plain.pth", &["--encoder", "target"]),
        evaluate(&place, "plain.pth", &["--encoder", "target"]).0,
    ] {
        assert_eq!(ended.code, Some(65), "{ended:?}");
        let err: String = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "expected a target network",
            "prefix `` (100 of 100 tensors)",
        ] {
            assert!(err.contains(words), "{err}");
        }
    }
    let (ended, record) = evaluate(
        &place,
        "plain.pth",
        &["--encoder", "target", "--prefix", ""],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        record["results"]["pretrain"]["checkpoint"]["encoder"],
        "target"
    );
}

#[test]
fn strange_weights_are_a_warning_on_the_terminal_and_in_the_record() {
    let place = Place::new();
    let network = state("");
    let constant = network
        .iter()
        .find(|(name, _)| name == "layer3.0.conv2.weight");
    let _ = constant.unwrap().1.shallow_clone().fill_(0.25);
    write(place.path(), "constant.pth", &network);
    let words = "1 weights are constant, the first is layer3.0.conv2.weight (all 0.25)";
    let (ended, record) = evaluate(&place, "constant.pth", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains(words), "{ended:?}");
    let kept = record["results"]["pretrain"]["checkpoint"]["warnings"][0].as_str();
    assert!(kept.unwrap().contains(words), "{record}");
    let ended = import(&place, "constant.pth", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains(words), "{ended:?}");
}

/// A pipe without a writer would be waited for.
#[test]
fn folder_or_pipe_as_checkpoint_is_refused() {
    let place = Place::new();
    let made = Command::new("mkfifo")
        .arg(place.path().join("pipe.pth"))
        .status();
    assert!(made.unwrap().success());
    for (file, words) in [("pipe.pth", "found a pipe"), ("plugins", "found a folder")] {
        let ended = import(&place, file, &[]);
        assert_eq!(ended.code, Some(65), "{ended:?}");
        assert!(ended.err.contains(words), "{ended:?}");
        let entry = format!("checkpoint=[{{ framework = \"elsewhere\", file = \"{file}\" }}]");
        let ended = place.run(&[&entry]);
        assert_eq!(ended.code, Some(65), "{ended:?}");
        assert!(ended.err.contains(words), "{ended:?}");
    }
}
