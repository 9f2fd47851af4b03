//! Writes state dicts the way `torch.save` does, so that tests need no Python: pickle protocol 2,
//! either in a zip file of stored entries or as the sequence of pickles of torch before 1.6.

#![allow(dead_code, reason = "every test program uses its own part")]

use std::path::Path;
use tch::Tensor;

/// How a file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// torch 1.6 and later.
    Zip,
    /// torch before 1.6.
    Legacy,
}

/// What a file holds.
pub enum Item {
    /// A dictionary.
    Dict(Vec<(String, Self)>),
    /// f32 numbers.
    Tensor(Tensor),
    /// Pickle instructions that push one value.
    Raw(Vec<u8>),
}

/// Writes f32 tensors as a state dict below `roots`, outermost first.
pub fn write(path: &Path, layout: Layout, roots: &[&str], tensors: &[(String, Tensor)]) {
    let tensors = tensors.iter();
    let tensors =
        tensors.map(|(name, tensor)| (name.clone(), Item::Tensor(tensor.shallow_clone())));
    let nest = |item, root: &&str| Item::Dict(vec![((*root).to_owned(), item)]);
    let item = roots.iter().rev().fold(Item::Dict(tensors.collect()), nest);
    write_item(path, layout, &item);
}

/// Writes anything.
pub fn write_item(path: &Path, layout: Layout, item: &Item) {
    let mut pickle = vec![0x80, 2];
    let mut storages = Vec::new();
    push(&mut pickle, &mut storages, layout, item);
    pickle.push(b'.');
    let file = match layout {
        Layout::Zip => zip(&pickle, &storages),
        Layout::Legacy => legacy(&pickle, &storages),
    };
    std::fs::write(path, file).unwrap();
}

fn push(out: &mut Vec<u8>, storages: &mut Vec<Vec<u8>>, layout: Layout, item: &Item) {
    match item {
        Item::Dict(pairs) => {
            out.extend(b"}(");
            for (key, value) in pairs {
                text(out, key);
                push(out, storages, layout, value);
            }
            out.push(b'u');
        }
        Item::Tensor(tensor) => {
            rebuild(out, layout, storages.len(), tensor);
            storages.push(bytes(tensor));
        }
        Item::Raw(bytes) => out.extend(bytes),
    }
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    let values = Vec::<f32>::try_from(tensor.detach().contiguous().flatten(0, -1)).unwrap();
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn text(out: &mut Vec<u8>, words: &str) {
    out.push(b'X');
    out.extend((words.len() as u32).to_le_bytes());
    out.extend(words.as_bytes());
}

fn int(out: &mut Vec<u8>, value: i64) {
    out.push(b'J');
    out.extend((value as i32).to_le_bytes());
}

/// `torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())`.
fn rebuild(out: &mut Vec<u8>, layout: Layout, key: usize, tensor: &Tensor) {
    let size = tensor.size();
    let stride: Vec<i64> = (0..size.len())
        .map(|n| size[n + 1..].iter().product())
        .collect();
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage");
    out.extend(b"ctorch\nFloatStorage\n");
    text(out, &key.to_string());
    text(out, "cpu");
    int(out, tensor.numel() as i64);
    if layout == Layout::Legacy {
        out.push(b'N');
    }
    out.extend(b"tQ");
    int(out, 0);
    for numbers in [size, stride] {
        out.push(b'(');
        numbers.into_iter().for_each(|number| int(out, number));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
}

fn legacy(object: &[u8], storages: &[Vec<u8>]) -> Vec<u8> {
    // 0x1950a86a20f9469cfc6c, as a long of ten bytes.
    let mut out = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    out.extend(b"\x80\x02M\xe9\x03.\x80\x02}.");
    out.extend(object);
    out.extend(b"\x80\x02](");
    (0..storages.len()).for_each(|key| text(&mut out, &key.to_string()));
    out.extend(b"e.");
    for storage in storages {
        out.extend((storage.len() as u64 / 4).to_le_bytes());
        out.extend(storage);
    }
    out
}

fn zip(object: &[u8], storages: &[Vec<u8>]) -> Vec<u8> {
    let mut entries = vec![("archive/data.pkl".to_owned(), object.to_vec())];
    entries.extend(
        storages
            .iter()
            .enumerate()
            .map(|(n, storage)| (format!("archive/data/{n}"), storage.clone())),
    );
    zip_of(&entries)
}

/// A zip file of names and their data. Entries are stored; checksums are left at 0.
pub fn zip_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let count = entries.len() as u16;
    for (name, data) in entries {
        let sizes = [data.len() as u32, data.len() as u32];
        let start = out.len() as u32;
        out.extend(b"PK\x03\x04");
        out.extend([0; 14]);
        sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(data);
        directory.extend(b"PK\x01\x02");
        directory.extend([0; 16]);
        sizes
            .iter()
            .for_each(|size| directory.extend(size.to_le_bytes()));
        directory.extend((name.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    let length = directory.len() as u32;
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}
