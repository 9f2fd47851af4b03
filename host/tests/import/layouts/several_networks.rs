//! Files with several networks: what is listed, chosen and refused.

use super::*;

#[test]
fn several_networks_that_differ_are_listed_and_named() {
    let files = Files::new();
    let two = [
        ("state_dict", "first.", same as fn(&str) -> String, 1),
        ("state_dict", "second.backbone.", children, 2),
    ];
    let refused: Result<_, &[&str]> = Err(&[
        "one backbone network",
        "root `state_dict`, prefix `first.` (100 of 100 tensors)",
        "root `state_dict`, prefix `second.backbone.` (100 of 100 tensors)",
        "root and prefix",
    ]);
    files.check(&two, &nothing_said(), refused);
    for prefix in ["second.backbone.", "second.backbone", "second", "second."] {
        files.check(
            &two,
            &said(None, None, Some(prefix)),
            Ok(("state_dict", "second.backbone.", ONLINE, 2)),
        );
    }
    let refused: Result<_, &[&str]> = Err(&["under prefix `third`", "prefix `first.`"]);
    files.check(&two, &said(None, None, Some("third")), refused);
    let refused: Result<_, &[&str]> = Err(&["under root `model`", "root `state_dict`"]);
    files.check(&two, &said(None, Some("model"), None), refused);
    // `first` is no beginning of `firs`.
    let refused: Result<_, &[&str]> = Err(&["under prefix `firs`"]);
    files.check(&two, &said(None, None, Some("firs")), refused);
    // Two roots.
    let roots = [("a", "", same as fn(&str) -> String, 1), ("b", "", same, 2)];
    let refused: Result<_, &[&str]> = Err(&["root `a`, prefix ``", "root `b`, prefix ``"]);
    files.check(&roots, &nothing_said(), refused);
    files.check(
        &roots,
        &said(None, Some("b"), None),
        Ok(("b", "", ONLINE, 2)),
    );
}

#[test]
fn the_same_network_under_two_names_is_one() {
    let files = Files::new();
    let twice = [
        ("state_dict", "net.", same as fn(&str) -> String, 1),
        ("state_dict", "online_encoder.net.", same, 1),
        ("state_dict", "target_encoder.net.", same, 2),
    ];
    files.check(
        &twice,
        &nothing_said(),
        Ok(("state_dict", "net.", ONLINE, 1)),
    );
    files.check(
        &twice,
        &said(Some(TARGET), None, None),
        Ok(("state_dict", "target_encoder.net.", TARGET, 2)),
    );
}

#[test]
fn the_frameworks_map_decides_where_nothing_is_said() {
    let files = Files::new();
    // The authors evaluate the teacher.
    let map = CheckpointMap::new(
        &["teacher"],
        &[(
            r"(?:module\.)?backbone\.((?:conv1|bn1|layer[1-4])\..+)",
            "backbone.$1",
        )],
    );
    let both = [
        ("student", "module.backbone.", same as fn(&str) -> String, 1),
        ("teacher", "module.backbone.", same, 2),
    ];
    let teacher = Ok(("teacher", "module.backbone.", TARGET, 2));
    files.check_with(&map, &both, &nothing_said(), teacher);
    files.check_with(&map, &both, &said(Some(TARGET), None, None), teacher);
    let student = Ok(("student", "module.backbone.", ONLINE, 1));
    files.check_with(&map, &both, &said(Some(ONLINE), None, None), student);

    // Names that only the map knows, behind wrappers.
    let rules: Vec<(String, String)> = [("a", "backbone"), ("b", "target.backbone")]
        .iter()
        .flat_map(|(from, to)| {
            [("stem", "conv1"), ("norm", "bn1")]
                .map(|(theirs, ours)| {
                    (
                        format!(r"{from}\.{theirs}\.(.+)"),
                        format!("{to}.{ours}.$1"),
                    )
                })
                .into_iter()
                .chain([(
                    format!(r"{from}\.stage([1-4])\.(.+)"),
                    format!("{to}.layer$1.$2"),
                )])
        })
        .collect();
    let rules: Vec<(&str, &str)> = rules.iter().map(|(from, to)| (&**from, &**to)).collect();
    let map = CheckpointMap::new(&["model"], &rules);
    let both = [
        (
            "model",
            "_orig_mod.module.a.",
            renamed as fn(&str) -> String,
            1,
        ),
        ("model", "_orig_mod.module.b.", renamed, 2),
    ];
    let online = Ok(("model", "_orig_mod.module.a.", ONLINE, 1));
    files.check_with(&map, &both, &nothing_said(), online);
    files.check_with(&map, &both, &said(Some(ONLINE), None, None), online);
    let target = Ok(("model", "_orig_mod.module.b.", TARGET, 2));
    files.check_with(&map, &both, &said(Some(TARGET), None, None), target);
}

/// A trained network with a gap is not passed over for a whole momentum encoder, nor the other way.
#[test]
fn missing_tensors_are_not_taken_from_the_other_network() {
    let files = Files::new();
    let mut item = files.file(&[
        ("", "backbone.", same, 1),
        ("", "momentum_backbone.", same, 2),
    ]);
    let Item::Dict(pairs) = &mut item else {
        panic!()
    };
    pairs.retain(|(key, _)| key != "backbone.layer3.0.conv1.weight");
    let map = CheckpointMap::default();
    for encoder in [None, Some(ONLINE)] {
        let fault = files
            .read(&item, &map, &said(encoder, None, None))
            .unwrap_err();
        for words in [
            "1 missing",
            "first missing: backbone.layer3.0.conv1.weight",
            "under prefix `backbone.`",
            "these would match: prefix `momentum_backbone.` (100 of 100 tensors)",
        ] {
            assert!(fault.contains(words), "{fault}");
        }
    }
    let found = files
        .read(&item, &map, &said(Some(TARGET), None, None))
        .unwrap();
    assert_eq!(
        found,
        (String::new(), "momentum_backbone.".to_owned(), TARGET, 2)
    );
}
