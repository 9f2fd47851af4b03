//! Where pickle and tensor data are in a file.

mod legacy;
mod storage;
mod zip;

use ssl_datasets::files::open_regular;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use tch::Tensor;

use super::pickle::{Loaded, StorageRef, TensorRef};
use super::{ImportError, Result};

/// An opened PyTorch file.
#[derive(Debug)]
pub struct TorchFile {
    path: PathBuf,
    loaded: Loaded,
    data: Data,
}

/// Where the storages are.
#[derive(Debug)]
enum Data {
    Zip(zip::Archive),
    Legacy(legacy::Storages),
}

/// Formats told apart by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// torch 1.6 and later.
    Zip,
    /// A pickle, as before torch 1.6.
    Pickle,
    /// safetensors.
    Safetensors,
}

impl Format {
    /// The format of a file.
    ///
    /// # Errors
    /// [`ImportError::Io`], and [`ImportError::Format`] for anything else.
    pub fn of(path: &Path) -> Result<Self> {
        let mut head = Vec::new();
        open_regular(path)
            .and_then(|file| file.take(300).read_to_end(&mut head))
            .map_err(io(path))?;
        let json_begins = head.get(8).is_some_and(|&byte| byte == b'{');
        match head.as_slice() {
            [b'P', b'K', 3, 4, ..] => Ok(Self::Zip),
            [0x80, 2..=5, ..] => Ok(Self::Pickle),
            _ if json_begins => Ok(Self::Safetensors),
            _ => Err(ImportError::Format {
                expected: "a PyTorch or safetensors file".to_owned(),
                found: describe(&head).to_owned(),
                path: path.to_owned(),
            }),
        }
    }
}

fn describe(head: &[u8]) -> &'static str {
    match head {
        [] => "an empty file",
        [0x1f, 0x8b, ..] => "a gzip file; unpack it first",
        [b'B', b'Z', b'h', ..] => "a bzip2 file; unpack it first",
        [b'P', b'K', 5 | 7, ..] => "an empty or split zip file",
        [b'<', ..] => "a web page; was the download redirected?",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file; convert it to safetensors first",
        _ if head.get(257..262) == Some(b"ustar") => {
            "a tar archive (torch 0.1 or several files); load and save it with a newer torch"
        }
        _ => "something else",
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ImportError {
    move |source| ImportError::Io {
        path: path.to_owned(),
        source,
    }
}

impl TorchFile {
    /// Reads the pickle of a zip or legacy file; tensor data stays in the file.
    ///
    /// # Errors
    /// [`ImportError::Format`] and [`ImportError::Pickle`] say what is damaged or refused.
    pub fn open(path: &Path, format: Format) -> Result<Self> {
        let file = open_regular(path).map_err(io(path))?;
        let (loaded, data) = if format == Format::Zip {
            let (loaded, archive) = zip::open(path, file)?;
            (loaded, Data::Zip(archive))
        } else {
            let (loaded, storages) = legacy::open(path, file)?;
            (loaded, Data::Legacy(storages))
        };
        Ok(Self {
            path: path.to_owned(),
            loaded,
            data,
        })
    }

    /// What the pickle built.
    #[must_use]
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// [`ImportError::Tensor`] when its description does not fit its data, [`ImportError::Io`].
    pub fn tensor(&self, name: &str, tensor: &TensorRef) -> Result<Tensor> {
        let place = self.place(&tensor.storage);
        let Some((start, bytes)) = place else {
            return Err(ImportError::Tensor {
                name: name.to_owned(),
                expected: format!("data of storage {} in the file", tensor.storage.key),
                found: "none".to_owned(),
            });
        };
        let range = storage::range(name, tensor, bytes)?;
        let mut file = File::open(&self.path).map_err(io(&self.path))?;
        file.seek(SeekFrom::Start(start + range.start))
            .map_err(io(&self.path))?;
        let mut data = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        file.read_exact(&mut data).map_err(io(&self.path))?;
        if let Data::Zip(archive) = &self.data
            && range == (0..bytes)
            && !archive.is_intact(&tensor.storage.key, &data)
        {
            return Err(ImportError::Tensor {
                name: name.to_owned(),
                expected: format!(
                    "the data that was written for storage {}",
                    tensor.storage.key
                ),
                found: "data of another checksum: the file is damaged".to_owned(),
            });
        }
        storage::tensor(tensor, &data)
    }

    /// First byte and length of a storage's data.
    fn place(&self, storage: &StorageRef) -> Option<(u64, u64)> {
        match &self.data {
            Data::Zip(archive) => archive.storage(&storage.key),
            Data::Legacy(storages) => storages.get(&storage.key),
        }
    }
}

fn malformed(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> ImportError {
    ImportError::Format {
        expected: expected.into(),
        found: found.into(),
        path: path.to_owned(),
    }
}
