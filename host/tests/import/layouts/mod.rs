//! Where other people's training scripts put a backbone, and which of several is meant.

use crate::small;
use crate::torch_file::{self, Item, Layout};
use ssl_host::backbone::Backbone;
use ssl_host::import::{Imported, Selection, WhichEncoder};
use ssl_plugin_api::description::CheckpointMap;
use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

mod one_network;
mod several_networks;

const ONLINE: WhichEncoder = WhichEncoder::Online;
const TARGET: WhichEncoder = WhichEncoder::Target;

/// A network in a file: the dictionary's keys joined by dots, what stands before its names, what
/// becomes of torchvision's names, and the seed that tells it from others.
type PlacedNetwork<'a> = (&'a str, &'a str, fn(&str) -> String, u64);

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

    fn file(&self, networks: &[PlacedNetwork<'_>]) -> Item {
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
        networks: &[PlacedNetwork<'_>],
        selection: &Selection,
        expected: Found<&str, &[&str]>,
    ) {
        self.check_with(&CheckpointMap::default(), networks, selection, expected);
    }

    fn check_with(
        &self,
        map: &CheckpointMap,
        networks: &[PlacedNetwork<'_>],
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
