//! What several tests build: tiny images, archives, trees.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;
use std::sync::Arc;

use ssl_datasets::DataError;
use ssl_datasets::source::{Source, SourceConfig, open};

/// Opens a split from TOML.
pub fn try_open(toml: &str, root: &Path) -> Result<Arc<dyn Source>, DataError> {
    open(&toml::from_str::<SourceConfig>(toml).unwrap(), Some(root))
}

/// The error of a split that does not open.
pub fn error(toml: &str, root: &Path) -> String {
    try_open(toml, root).err().unwrap().to_string()
}

/// A grey PNG of 2 × 1 pixels: `value` and 200.
pub fn png(value: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[value, 200]).unwrap();
    drop(writer);
    bytes
}

/// Writes a file and the folders above it.
pub fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A tar archive of regular files; names over 100 bytes get a GNU long-name entry.
pub fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        if name.len() > 100 {
            entry(
                &mut archive,
                "././@LongLink",
                b'L',
                "",
                format!("{name}\0").as_bytes(),
            );
        }
        entry(&mut archive, &name[..name.len().min(100)], b'0', "", bytes);
    }
    archive.extend([0; 1024]);
    archive
}

/// A tar archive of members of any kind: name, kind, where a link leads, contents.
pub fn tar_of(members: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, target, bytes) in members {
        entry(&mut archive, name, *kind, target, bytes);
    }
    archive.extend([0; 1024]);
    archive
}

fn entry(archive: &mut Vec<u8>, name: &str, kind: u8, target: &str, bytes: &[u8]) {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[156] = kind;
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    archive.extend(header);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}
