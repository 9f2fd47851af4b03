//! Numbers that no trained network holds, and objects that are no tensors.

use crate::small;
use crate::torch_file::{self, Item, Layout};
use ssl_host::backbone::Backbone;
use ssl_host::import::{ImportError, Imported, Selection};
use ssl_plugin_api::description::CheckpointMap;
use tch::{Device, Tensor};

/// A network under `state_dict`, changed by `change`, beside what `more` adds at the top.
fn import(
    change: impl Fn(&str, Tensor) -> Item,
    more: Vec<(String, Item)>,
) -> Result<Imported, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let backbone = Backbone::new(&small(), 3, Device::Cpu).unwrap();
    let state = backbone.tensors().map(|named| {
        let item = change(&named.name, named.tensor.detach().copy());
        (format!("backbone.{}", named.name), item)
    });
    let mut top = vec![("state_dict".to_owned(), Item::Dict(state.collect()))];
    top.extend(more);
    let mut read = Vec::new();
    for layout in [Layout::Legacy, Layout::Zip] {
        torch_file::write_item(&path, layout, &Item::Dict(top.iter().map(copy).collect()));
        read.push(Imported::read(
            &path,
            &CheckpointMap::default(),
            &Selection::default(),
            &backbone,
            false,
        ));
    }
    let [legacy, zip] = read.try_into().unwrap();
    let report =
        |read: &Result<Imported, ImportError>| read.as_ref().ok().map(|i| i.report.clone());
    assert_eq!(
        report(&legacy),
        report(&zip),
        "the format makes no difference"
    );
    zip
}

fn copy((key, item): &(String, Item)) -> (String, Item) {
    let item = match item {
        Item::Dict(pairs) => Item::Dict(pairs.iter().map(copy).collect()),
        Item::Tensor(tensor) => Item::Tensor(tensor.shallow_clone()),
        Item::Raw(bytes) => Item::Raw(bytes.clone()),
    };
    (key.clone(), item)
}

fn kept(_: &str, tensor: Tensor) -> Item {
    Item::Tensor(tensor)
}

/// One number of one tensor is another.
fn with(name: &'static str, value: f64) -> impl Fn(&str, Tensor) -> Item {
    move |found, tensor| {
        if found == name {
            let _ = tensor.flatten(0, -1).get(1).fill_(value);
        }
        Item::Tensor(tensor)
    }
}

#[test]
fn impossible_weights_are_refused_by_name() {
    for (name, value, words) in [
        (
            "bn1.running_var",
            -0.5,
            "variances >= 0, found 1 that are negative, the least -0.5",
        ),
        ("layer2.0.bn1.running_var", -1e-6, "variances >= 0"),
        (
            "layer2.0.bn1.running_var",
            f64::NAN,
            "finite weights, found 1",
        ),
        (
            "layer4.1.bn2.running_mean",
            f64::INFINITY,
            "finite weights, found 1",
        ),
        (
            "layer1.0.conv1.weight",
            f64::NEG_INFINITY,
            "finite weights, found 1",
        ),
    ] {
        let fault = import(with(name, value), Vec::new())
            .unwrap_err()
            .to_string();
        assert!(fault.contains(words), "{name}: {fault}");
        assert!(
            fault.contains(&format!("tensor `backbone.{name}`")),
            "{fault}"
        );
    }
    // A mean may be negative, and a variance 0.
    assert!(import(with("bn1.running_mean", -3.0), Vec::new()).is_ok());
    assert!(import(with("bn1.running_var", 0.0), Vec::new()).is_ok());
}

#[test]
fn constant_weights_are_a_warning() {
    let warnings =
        |change: &dyn Fn(&str, Tensor) -> Item| import(change, Vec::new()).unwrap().report.warnings;
    let seen = |name: &str, tensor: Tensor| {
        if name.ends_with("running_mean") {
            let _ = tensor.shallow_clone().fill_(0.1);
        }
        tensor
    };
    assert_eq!(
        warnings(&|name, tensor| kept(name, seen(name, tensor))),
        [""; 0]
    );
    let zeros = warnings(&|_, tensor| Item::Tensor(tensor.zeros_like()));
    assert!(
        zeros[0].contains("weights are constant, the first is bn1.weight (all 0)")
            || zeros[0].contains("weights are constant, the first is conv1.weight (all 0)"),
        "{zeros:?}"
    );
    let one = warnings(&|name, tensor| {
        let tensor = seen(name, tensor);
        kept(
            name,
            if name == "layer3.0.conv2.weight" {
                tensor.full_like(0.25)
            } else {
                tensor
            },
        )
    });
    assert_eq!(one.len(), 1, "{one:?}");
    assert!(
        one[0].starts_with("1 weights are constant, the first is layer3.0.conv2.weight (all 0.25)")
    );
    // As it was initialised.
    let fresh = warnings(&kept);
    assert_eq!(fresh.len(), 1, "{fresh:?}");
    assert!(fresh[0].contains("not seen an image"), "{fresh:?}");
}

fn raw(bytes: &[u8]) -> Item {
    Item::Raw(bytes.to_vec())
}

fn companions() -> Vec<(String, Item)> {
    [
        ("out", &b"cpathlib\nPosixPath\n(X\x01\x00\x00\x00/tR"[..]),
        ("when", b"cdatetime\ndatetime\nC\x0a\x07\xe8\x01\x02\x03\x04\x05\x00\x00\x00\x85R"),
        ("steps", b"c__builtin__\nxrange\nK\x00K\x05K\x01\x87R"),
        ("config", b"cproject.config\nConfig\n)\x81}X\x02\x00\x00\x00lrK\x01sb"),
        ("args", b"cargparse\nNamespace\n)\x81}X\x02\x00\x00\x00lrK\x01sb"),
        ("device", b"ctorch\ndevice\nX\x03\x00\x00\x00cpu\x85R"),
        ("dtype", b"ctorch\nfloat32\n"),
        ("size", b"ctorch\nSize\n(K\x01K\x02t\x85R"),
        ("counts", b"ccollections\ndefaultdict\nc__builtin__\nint\n\x85R"),
        (
            "best",
            b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00f8K\x00K\x01\x87RC\x08\x00\x00\x00\x00\x00\x00\x00\x00\x86R",
        ),
        ("mode", b"c__builtin__\ngetattr\ncproject\nMode\nX\x01\x00\x00\x00A\x86R"),
        ("hyper", b"cproject\nAttrDict\n)\x81X\x02\x00\x00\x00lrK\x01s"),
    ]
    .map(|(key, bytes)| (key.to_owned(), raw(bytes)))
    .into()
}

#[test]
fn objects_beside_the_weights_are_passed_over_and_named() {
    let imported = import(kept, companions()).unwrap();
    assert_eq!(imported.report.used.len(), 100);
    for name in [
        "pathlib.PosixPath",
        "datetime.datetime",
        "__builtin__.xrange",
        "project.config.Config",
    ] {
        assert!(
            imported.report.objects.iter().any(|n| n == name),
            "{:?}",
            imported.report.objects
        );
    }
}

#[test]
fn an_object_in_place_of_a_wanted_tensor_is_refused_by_name() {
    let fault = import(
        |name, tensor| match name {
            "layer1.0.bn1.weight" => {
                raw(b"ctorch._utils\n_rebuild_sparse_tensor\ncproject\nlayout\nK\x01\x86R")
            }
            _ => Item::Tensor(tensor),
        },
        Vec::new(),
    );
    let fault = fault.unwrap_err().to_string();
    let words = "tensor `backbone.layer1.0.bn1.weight`: expected a tensor of numbers, found an object of `torch._utils._rebuild_sparse_tensor`";
    assert!(fault.contains(words), "{fault}");
}

#[test]
fn pickles_that_start_a_program_are_refused() {
    for harmful in [
        &b"cos\nsystem\nX\x04\x00\x00\x00true\x85R"[..],
        b"c__builtin__\neval\nX\x01\x00\x00\x001\x85R",
    ] {
        let fault = import(kept, vec![("x".to_owned(), raw(harmful))]).unwrap_err();
        assert!(fault.to_string().contains("runs a program"), "{fault}");
    }
}

#[test]
fn a_file_without_a_network_says_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let backbone = Backbone::new(&small(), 3, Device::Cpu).unwrap();
    for (item, words) in [
        (Item::Dict(Vec::new()), "found none in an empty dictionary"),
        (raw(b"K\x01"), "found none in an integer"),
        (
            raw(b"cproject\nNet\n)\x81"),
            "found none in a whole object of `project.Net`",
        ),
        (
            Item::Dict(vec![("epoch".to_owned(), raw(b"K\x01"))]),
            "found none in the keys epoch",
        ),
    ] {
        torch_file::write_item(&path, Layout::Zip, &item);
        for allow_partial in [false, true] {
            let fault = Imported::read(
                &path,
                &CheckpointMap::default(),
                &Selection::default(),
                &backbone,
                allow_partial,
            );
            let fault = fault.unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}

/// A dictionary in itself and dictionaries that double at each level end, with a word or without.
#[test]
fn cyclic_pickled_dictionaries_terminate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pth");
    let backbone = Backbone::new(&small(), 3, Device::Cpu).unwrap();
    // Every level holds the one before under 64 keys, and the first one itself.
    let mut bytes = b"}q\x00X\x01\x00\x00\x00ah\x00s".to_vec();
    for level in 1..12_u8 {
        bytes.extend([b'}', b'q', level, b'(']);
        for key in 0..64_u8 {
            bytes.extend([b'X', 2, 0, 0, 0, b'k', b'0' + key, b'h', level - 1]);
        }
        bytes.push(b'u');
    }
    torch_file::write_item(&path, Layout::Zip, &raw(&bytes));
    let fault = Imported::read(
        &path,
        &CheckpointMap::default(),
        &Selection::default(),
        &backbone,
        false,
    );
    let fault = fault.unwrap_err().to_string();
    assert!(fault.contains("contain each other"), "{fault}");
}
