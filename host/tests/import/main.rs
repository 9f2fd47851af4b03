//! Checkpoints written by PyTorch, read without Python.
#![expect(clippy::unwrap_used, reason = "tests")]

mod layouts;
mod numbers;
#[path = "../torch_file/mod.rs"]
mod torch_file;

use std::path::{Path, PathBuf};

use ssl_host::backbone::{Backbone, BackboneConfig, Depth};
use ssl_host::import::{Checkpoint, ImportError, Imported, Selection};
use ssl_host::tensorfile;
use ssl_plugin_api::description::CheckpointMap;
use tch::{Device, Kind, Tensor};

/// A file made by `data/checkpoints/make.py`.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/checkpoints")
        .join(name)
}

fn check_values(file: &str, prefix: &str) {
    let checkpoint = Checkpoint::open(&data(file)).unwrap();
    let states = checkpoint.states().unwrap();
    let entries = &states[0].entries;
    assert_eq!(entries.len(), 10, "{file}");
    let tensor = |name: &str| {
        let key = format!("{prefix}{name}");
        let entry = entries.iter().find(|entry| entry.key == key).unwrap();
        let tensor = checkpoint.tensor(entry).unwrap();
        assert_eq!(tensor.size(), entry.shape);
        tensor
    };
    let base = Tensor::arange(24, (Kind::Float, Device::Cpu)).reshape([4, 6]) / 8.0;
    assert_eq!(tensor("conv1.weight"), base);
    assert_eq!(tensor("transposed"), base.tr());
    assert_eq!(tensor("part"), base.narrow(0, 1, 2).narrow(1, 2, 3));
    let half = tensor("half");
    assert_eq!(half.kind(), Kind::Half);
    assert_eq!(
        half.to_kind(Kind::Float),
        Tensor::from_slice(&[0.5_f32, -1.25, 3.0])
    );
    let bfloat = tensor("bfloat");
    assert_eq!((bfloat.kind(), bfloat.size()), (Kind::BFloat16, vec![2, 1]));
    assert_eq!(bfloat.double_value(&[1, 0]), -7.0);
    let ten = Tensor::arange(10, (Kind::Double, Device::Cpu));
    assert_eq!(tensor("head"), ten.narrow(0, 0, 4));
    assert_eq!(tensor("tail"), ten.narrow(0, 4, 6));
    assert_eq!(tensor("num_batches_tracked").int64_value(&[]), 41);
    assert_eq!(tensor("empty").size(), [0, 3]);
    assert_eq!(tensor("parameter"), Tensor::from_slice(&[1.0_f32, 2.0]));
}

#[test]
fn zip_legacy_and_flat_files_hold_the_same_values() {
    check_values("zip.pth", "module.");
    check_values("legacy.pth.tar", "module.");
    check_values("flat.pt", "");
}

#[test]
fn code_and_compression_are_refused_by_name() {
    for (file, words) in [
        ("evil.pth", "system"),
        ("evil-legacy.pth", "system"),
        ("bomb.pth", "compressed"),
    ] {
        let fault = Checkpoint::open(&data(file)).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
        assert!(fault.contains(file), "{fault}");
    }
}

#[test]
fn every_truncated_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["zip.pth", "legacy.pth.tar"] {
        let bytes = std::fs::read(data(file)).unwrap();
        let path = folder.path().join(file);
        for cut in (0..bytes.len()).rev().step_by(7) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(Checkpoint::open(&path).is_err(), "{file} cut at {cut}");
        }
    }
}

#[test]
fn flipped_bytes_of_a_checkpoint_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["zip.pth", "legacy.pth.tar"] {
        let bytes = std::fs::read(data(file)).unwrap();
        let path = folder.path().join(file);
        for at in (0..bytes.len()).step_by(3) {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(checkpoint) = Checkpoint::open(&path)
                && let Ok(states) = checkpoint.states()
            {
                for entry in states.iter().flat_map(|state| &state.entries) {
                    let _ = checkpoint.tensor(entry);
                }
            }
        }
    }
}

/// Files that torch wrote carry checksums.
#[test]
fn flipped_bits_of_a_checkpoint_are_located() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let original = std::fs::read(data("zip.pth")).unwrap();
    let fault_of = |bytes: &[u8]| {
        let place = original
            .windows(bytes.len())
            .position(|window| window == bytes);
        let mut damaged = original.clone();
        damaged[place.unwrap()] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let checkpoint = Checkpoint::open(&path)?;
        for entry in &checkpoint.states()?[0].entries {
            let _ = checkpoint.tensor(entry)?;
        }
        Ok::<_, ImportError>(())
    };
    let key = fault_of(b"module.conv1.weight").unwrap_err().to_string();
    assert!(key.contains("data.pkl with the checksum"), "{key}");
    // Two numbers of `module.conv1.weight`, and -1.25 and 3 of `module.half`.
    let numbers: Vec<u8> = [2.75_f32, 2.875]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    for (bytes, name) in [
        (&numbers[..], "module.conv1.weight"),
        (&[0x00, 0xbd, 0x00, 0x42], "module.half"),
    ] {
        let fault = fault_of(bytes).unwrap_err().to_string();
        assert!(fault.contains(name) && fault.contains("damaged"), "{fault}");
    }
}

#[test]
fn an_archive_with_two_pickles_or_two_entries_of_one_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let fault_of = |names: &[&str]| {
        // An empty dictionary each.
        let entries: Vec<_> = names
            .iter()
            .map(|name| ((*name).to_owned(), b"\x80\x02}.".to_vec()))
            .collect();
        std::fs::write(&path, torch_file::zip_of(&entries)).unwrap();
        Checkpoint::open(&path).err().map(|error| error.to_string())
    };
    assert_eq!(fault_of(&["a/data.pkl", "a/b/data.pkl"]), None);
    let two = fault_of(&["b/data.pkl", "a/data.pkl"]).unwrap();
    assert!(two.contains("a/data.pkl and b/data.pkl"), "{two}");
    let twice = fault_of(&["a/data.pkl", "a/data.pkl"]).unwrap();
    assert!(twice.contains("two entries \"a/data.pkl\""), "{twice}");
}

#[test]
fn foreign_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, words) in [
        (&b""[..], "empty file"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"<!DOCTYPE html>", "web page"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"some text", "something else"),
    ] {
        let path = folder.path().join("file.pth");
        std::fs::write(&path, bytes).unwrap();
        let fault = Checkpoint::open(&path).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
    assert!(matches!(
        Checkpoint::open(&folder.path().join("none.pth")),
        Err(ImportError::Io { .. })
    ));
}

fn small() -> BackboneConfig {
    BackboneConfig {
        depth: Depth::Resnet18,
        width: 0.125,
        ..BackboneConfig::default()
    }
}

fn read(
    path: &Path,
    map: &CheckpointMap,
    backbone: &Backbone,
    allow_partial: bool,
) -> Result<Imported, ImportError> {
    Imported::read(path, map, &Selection::default(), backbone, allow_partial)
}

fn map() -> CheckpointMap {
    CheckpointMap::new(
        &["state_dict"],
        &[
            (r"module\.encoder_q\.fc\.(.*)", "param.projector.$1"),
            (r"module\.encoder_q\.(.*)", "backbone.$1"),
        ],
    )
}

/// The backbone's tensors under MoCo's names, changed by `change`, as a file.
fn checkpoint(
    folder: &Path,
    change: impl Fn(&str, Tensor) -> Option<Tensor>,
) -> (PathBuf, Backbone) {
    let backbone = Backbone::new(&small(), 7, Device::Cpu).unwrap();
    let mut tensors: Vec<(String, Tensor)> = backbone
        .tensors()
        .filter_map(|named| {
            let tensor = change(&named.name, named.tensor.detach().copy())?;
            Some((format!("module.encoder_q.{}", named.name), tensor))
        })
        .collect();
    tensors.push((
        "module.encoder_q.fc.0.weight".to_owned(),
        Tensor::ones([2, 2], (Kind::Float, Device::Cpu)),
    ));
    tensors.push((
        "module.queue".to_owned(),
        Tensor::ones([2], (Kind::Float, Device::Cpu)),
    ));
    let path = folder.join("checkpoint.safetensors");
    tensorfile::write(&path, tensors.iter().map(|(name, t)| (name.clone(), t))).unwrap();
    (path, backbone)
}

#[test]
fn a_full_match_fills_the_backbone_and_accounts_for_every_key() {
    let folder = tempfile::tempdir().unwrap();
    let (path, original) = checkpoint(folder.path(), |_, tensor| Some(tensor));
    let mut backbone = Backbone::new(&small(), 8, Device::Cpu).unwrap();
    let imported = read(&path, &map(), &backbone, false).unwrap();
    assert_eq!(imported.report.unused, ["module.queue"]);
    assert_eq!(imported.report.used.len(), original.tensors().count() + 1);
    imported.fill(&mut backbone).unwrap();
    for (ours, theirs) in backbone.tensors().zip(original.tensors()) {
        assert_eq!(ours.tensor, theirs.tensor, "{}", ours.name);
    }
}

#[test]
fn gaps_and_misfits_are_refused_unless_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = checkpoint(folder.path(), |name, tensor| match name {
        "bn1.bias" => None,
        "conv1.weight" => Some(tensor.narrow(0, 0, 3).copy()),
        _ => Some(tensor),
    });
    let mut backbone = Backbone::new(&small(), 8, Device::Cpu).unwrap();
    let fault = read(&path, &map(), &backbone, false).unwrap_err();
    let ImportError::Partial { report, .. } = fault else {
        panic!("{fault}")
    };
    assert_eq!(report.missing, ["backbone.bn1.bias"]);
    assert_eq!(report.wrong_shape[0].key, "module.encoder_q.conv1.weight");
    assert_eq!(report.wrong_shape[0].found[0], 3);

    let before = backbone.parameters()[0].tensor.detach().copy();
    let imported = read(&path, &map(), &backbone, true).unwrap();
    imported.fill(&mut backbone).unwrap();
    assert_eq!(backbone.parameters()[0].tensor, before);
}

#[test]
fn nan_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backbone) = checkpoint(folder.path(), |name, tensor| {
        if name == "layer1.0.conv1.weight" {
            let _ = tensor.flatten(0, -1).get(5).fill_(f64::NAN);
        }
        Some(tensor)
    });
    let fault = read(&path, &map(), &backbone, false).unwrap_err();
    assert!(matches!(
        fault,
        ImportError::NotFinite { ref name, count: 1 } if name == "module.encoder_q.layer1.0.conv1.weight"
    ));
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backbone) = checkpoint(folder.path(), |_, tensor| Some(tensor));
    let map = CheckpointMap::new(
        &[],
        &[
            (r"module\.queue", "param.projector.0.weight"),
            (r"module\.encoder_q\.fc\.(.*)", "param.projector.$1"),
            (r"module\.encoder_q\.(.*)", "backbone.$1"),
        ],
    );
    assert!(matches!(
        read(&path, &map, &backbone, false),
        Err(ImportError::Collision { .. })
    ));
}
