//! Where other people's training scripts put a backbone, and which of several is meant.

use crate::small;
use crate::torch_file::{self, Item, Layout};
use ssl_host::backbone::Backbone;
use ssl_host::import::{Imported, Selection, WhichEncoder};
use ssl_plugin_api::description::CheckpointMap;
use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

const ONLINE: WhichEncoder = WhichEncoder::Online;
const TARGET: WhichEncoder = WhichEncoder::Target;

/// A network in a file: the dictionary's keys joined by dots, what stands before its names, what
/// becomes of torchvision's names, and the seed that tells it from others.
type RowScore<'a> = (&'a str, &'a str, fn(&str) -> String, u64);

fn same(name: &str) -> String {
    name.to_owned()
}

fn numbered(name: &str, stages: u32) -> String {
    let (child, rest) = name.split_once('.').unwrap();
    let number = match child {
        "conv1" => 0,
        "bn1" => 1,
        stage => stages - 1 + stage.trim_start_matches("layer").parse::<u32>().unwrap(),
    };
    format!("{number}.{rest}")
}

fn children(name: &str) -> String {
    numbered(name, 4)
}

fn without_pooling(name: &str) -> String {
    numbered(name, 3)
}

fn without_modules(name: &str) -> String {
    numbered(name, 2)
}

fn shortcut(name: &str) -> String {
    name.replace("downsample", "shortcut")
}

/// Every stage compiled and every block re-computed.
fn wrapped_inside(name: &str) -> String {
    if !name.starts_with("layer") {
        return name.to_owned();
    }
    let (stage, rest) = name.split_once('.').unwrap();
    let (block, rest) = rest.split_once('.').unwrap();
    format!("{stage}._orig_mod.{block}._checkpoint_wrapped_module.{rest}")
}

/// Names that no rule but a map's tells.
fn renamed(name: &str) -> String {
    let (child, rest) = name.split_once('.').unwrap();
    let child = child
        .replace("conv1", "stem")
        .replace("bn1", "norm")
        .replace("layer", "stage");
    format!("{child}.{rest}")
}

fn insert(item: &mut Item, root: &str, key: String, tensor: Tensor) {
    let Item::Dict(pairs) = item else { panic!() };
    let Some((first, rest)) =
        (!root.is_empty()).then(|| root.split_once('.').unwrap_or((root, "")))
    else {
        pairs.push((key, Item::Tensor(tensor)));
        return;
    };
    let place = pairs.iter().position(|(key, _)| key == first);
    let place = place.unwrap_or_else(|| {
        pairs.push((first.to_owned(), Item::Dict(Vec::new())));
        pairs.len() - 1
    });
    insert(&mut pairs[place].1, rest, key, tensor);
}

fn network(seed: u64) -> Backbone {
    Backbone::new(&small(), seed, Device::Cpu).unwrap()
}

fn said(encoder: Option<WhichEncoder>, root: Option<&str>, prefix: Option<&str>) -> Selection {
    Selection {
        encoder,
        root: root.map(str::to_owned),
        prefix: prefix.map(str::to_owned),
    }
}

fn nothing_said() -> Selection {
    Selection::default()
}

/// Root, prefix, encoder and seed of the network that is read, or the error.
type Found<R, E> = Result<(R, R, WhichEncoder, u64), E>;

struct Files {
    folder: tempfile::TempDir,
    /// Those of the seeds 1 and 2.
    networks: [Backbone; 2],
    read: RefCell<Backbone>,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            networks: [network(1), network(2)],
            read: RefCell::new(network(3)),
        }
    }

    fn file(&self, networks: &[RowScore<'_>]) -> Item {
        let mut top = Item::Dict(Vec::new());
        for (root, prefix, rename, seed) in networks {
            for named in self.networks[*seed as usize - 1].tensors() {
                let key = format!("{prefix}{}", rename(&named.name));
                insert(&mut top, root, key, named.tensor.detach());
            }
            let head = Tensor::ones([2, 2], (Kind::Float, Device::Cpu));
            insert(&mut top, root, format!("{prefix}fc.weight"), head);
        }
        top
    }

    fn read(
        &self,
        item: &Item,
        map: &CheckpointMap,
        selection: &Selection,
    ) -> Found<String, String> {
        let path = self.folder.path().join("file.pth");
        torch_file::write_item(&path, Layout::Zip, item);
        let mut backbone = self.read.borrow_mut();
        let imported = Imported::read(&path, map, selection, &backbone, false);
        let imported = imported.map_err(|error| error.to_string())?;
        imported.fill(&mut backbone).unwrap();
        let which = self.networks.iter().position(|original| {
            let mut pairs = backbone.tensors().zip(original.tensors());
            pairs.all(|(ours, theirs)| ours.tensor == theirs.tensor)
        });
        let report = imported.report;
        Ok((
            report.root,
            report.prefix,
            report.encoder,
            which.unwrap() as u64 + 1,
        ))
    }

    fn check(
        &self,
        networks: &[RowScore<'_>],
        selection: &Selection,
        expected: Found<&str, &[&str]>,
    ) {
        self.check_with(&CheckpointMap::default(), networks, selection, expected);
    }

    fn check_with(
        &self,
        map: &CheckpointMap,
        networks: &[RowScore<'_>],
        selection: &Selection,
        expected: Found<&str, &[&str]>,
    ) {
        let what = format!("{networks:?} {selection:?}");
        match (self.read(&self.file(networks), map, selection), expected) {
            (Ok(found), Ok((root, prefix, encoder, seed))) => {
                assert_eq!(
                    found,
                    (root.to_owned(), prefix.to_owned(), encoder, seed),
                    "{what}"
                );
            }
            (Err(found), Err(words)) => {
                for word in words {
                    assert!(found.contains(word), "{what}: no `{word}` in: {found}");
                }
            }
            (found, expected) => panic!("{what}: expected {expected:?}, found {found:?}"),
        }
    }
}

#[test]
fn one_network_is_found_wherever_it_is() {
    let files = Files::new();
    for (root, prefix, rename) in [
        ("", "", same as fn(&str) -> String),
        ("state_dict", "", same),
        ("model", "module.", same),
        ("", "_orig_mod.", same),
        ("model", "module._orig_mod.", same),
        ("model", "_orig_mod.module.", same),
        ("", "_orig_mod.module._orig_mod.module.", same),
        ("state_dict", "model.backbone.", same),
        ("state_dict", "net.encoder.", same),
        ("state_dict", "module.model.net.0.", same),
        ("state_dict", "backbone.", same),
        ("state_dict", "encoder.", same),
        ("model", "encoder.module.", same),
        ("state_dict", "online_network.encoder.", same),
        ("state_dict", "student_backbone.", same),
        ("state_dict", "anything.at_all.", same),
        ("encoder", "", same),
        ("backbone", "", same),
        ("student", "module.backbone.", same),
        (
            "classy_state_dict.base_model.model.trunk",
            "_feature_blocks.",
            same,
        ),
        ("a.b.c.d", "", same),
        ("state_dict", "backbone.", children),
        ("", "", children),
        ("state_dict", "model.backbone.module.", children),
        ("state_dict", "backbone.", without_pooling),
        ("state_dict", "backbone.", without_modules),
        ("model", "encoder.module.", shortcut),
        ("model", "module.", wrapped_inside),
    ] {
        let expected = Ok((root, prefix, ONLINE, 1));
        let network = [(root, prefix, rename, 1)];
        files.check(&network, &nothing_said(), expected);
        files.check(&network, &said(Some(ONLINE), None, None), expected);
        let refused: Result<_, &[&str]> = Err(&["a target network", "momentum", "100 of 100"]);
        files.check(&network, &said(Some(TARGET), None, None), refused);
    }
}

#[test]
fn of_two_networks_the_right_one_is_read() {
    let files = Files::new();
    for (online, target) in [
        (
            ("state_dict", "backbone."),
            ("state_dict", "momentum_backbone."),
        ),
        (
            ("state_dict", "backbone."),
            ("state_dict", "backbone_momentum."),
        ),
        (
            ("state_dict", "encoder."),
            ("state_dict", "momentum_encoder."),
        ),
        (("state_dict", "student."), ("state_dict", "teacher.")),
        (
            ("state_dict", "student_backbone."),
            ("state_dict", "teacher_backbone."),
        ),
        (
            ("state_dict", "backbone."),
            ("state_dict", "teacher_backbone."),
        ),
        (
            ("student", "module.backbone."),
            ("teacher", "module.backbone."),
        ),
        (("student", "backbone."), ("teacher", "backbone.")),
        (
            ("", "online_network.encoder."),
            ("", "target_network.encoder."),
        ),
        (("", "online_encoder.net."), ("", "target_encoder.net.")),
        (
            ("state_dict", "online_net.0."),
            ("state_dict", "target_net.module.0."),
        ),
        (
            ("state_dict", "module.encoder_q."),
            ("state_dict", "module.encoder_k."),
        ),
        (
            ("state_dict", "encoder_q.0."),
            ("state_dict", "encoder_k.0."),
        ),
        (
            ("state_dict", "module.base_encoder."),
            ("state_dict", "module.momentum_encoder."),
        ),
        (
            ("state_dict", "query_encoder."),
            ("state_dict", "key_encoder."),
        ),
        (("state_dict", "model."), ("state_dict", "ema.")),
        (
            ("state_dict", "model."),
            ("state_dict", "ema_model.module."),
        ),
        (
            ("state_dict", "visual_encoder."),
            ("state_dict", "visual_encoder_m."),
        ),
        (("model", ""), ("model_ema", "")),
        (("state_dict", ""), ("state_dict_ema", "")),
        (("network", ""), ("averagedModel", "module.")),
    ] {
        let both = [
            (online.0, online.1, same as fn(&str) -> String, 1),
            (target.0, target.1, same, 2),
        ];
        let turned = [both[1], both[0]];
        let is_online = Ok((online.0, online.1, ONLINE, 1));
        let is_target = Ok((target.0, target.1, TARGET, 2));
        for networks in [both, turned] {
            files.check(&networks, &nothing_said(), is_online);
            files.check(&networks, &said(Some(ONLINE), None, None), is_online);
            files.check(&networks, &said(Some(TARGET), None, None), is_target);
        }
        // What is said about the place goes before what is not said about the encoder.
        files.check(
            &both,
            &said(None, Some(target.0), Some(target.1)),
            is_target,
        );
        // The target alone is the only network there is, and no online one.
        files.check(&both[1..], &nothing_said(), is_target);
        let refused: Result<_, &[&str]> = Err(&["an online network", target.1]);
        files.check(&both[1..], &said(Some(ONLINE), None, None), refused);
        let refused: Result<_, &[&str]> = Err(&["a target network", online.1, "root and prefix"]);
        files.check(&both[..1], &said(Some(TARGET), None, None), refused);
    }
}

#[test]
fn a_prefix_says_which_plain_network_is_the_target() {
    let files = Files::new();
    let plain = [("", "", same as fn(&str) -> String, 1)];
    let nested = [("state_dict", "backbone.", same as fn(&str) -> String, 1)];
    let (target, prefix) = (Some(TARGET), Some(""));
    files.check(&plain, &said(target, None, prefix), Ok(("", "", TARGET, 1)));
    files.check(
        &nested,
        &said(target, Some("state_dict"), Some("backbone")),
        Ok(("state_dict", "backbone.", TARGET, 1)),
    );
    // A root alone says where to look, not what is there.
    let refused: Result<_, &[&str]> = Err(&["a target network", "prefix `backbone.`"]);
    files.check(&nested, &said(target, Some("state_dict"), None), refused);
    // What contradicts itself is refused.
    let both = [
        ("", "online_encoder.", same as fn(&str) -> String, 1),
        ("", "target_encoder.", same, 2),
    ];
    let refused: Result<_, &[&str]> = Err(&["an online network", "target_encoder."]);
    files.check(
        &both,
        &said(Some(ONLINE), None, Some("target_encoder.")),
        refused,
    );
    let refused: Result<_, &[&str]> = Err(&["a target network", "online_encoder."]);
    files.check(&both, &said(target, None, Some("online_encoder")), refused);
}

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
fn a_gap_is_told_and_not_filled_from_the_other_network() {
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
