//! Named tensors on disk: safetensors files, written so that a crash leaves the old file or the
//! new one, never half of either. Each carries the digest of its bytes in its metadata.

use crate::atomic;
use crate::checksum::{self, Checksum, Damage};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, TchError, Tensor};

/// What can go wrong with a tensor file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorFileError {
    /// The file could not be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("expected a safetensors file, found something else ({})", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SafeTensorError,
    },
    /// The bytes are not those that were written.
    #[error("expected the tensors that were written to {}, found {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// The tensors are whole, but not those that are asked for.
    #[error("expected tensors with digest {expected}, found others with {found} ({})", path.display())]
    Others {
        /// The file.
        path: PathBuf,
        /// The digest asked for.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// A tensor has an element type that cannot be converted.
    #[error("tensor {name}: expected an element type both sides know, found {found} ({})", path.display())]
    ElementType {
        /// The tensor.
        name: String,
        /// Its element type.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// libtorch refused.
    #[error("tensor {name} ({})", path.display())]
    Tensor {
        /// The tensor.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: TchError,
    },
}

/// Reads all tensors of a safetensors file onto the CPU, in the order of their names. A file of
/// another program has no digest and is read as it is.
///
/// # Errors
/// [`TensorFileError`] when the file is missing, damaged or of an unknown element type.
pub fn read(path: &Path) -> Result<Vec<(String, Tensor)>, TensorFileError> {
    let bytes = load(path)?;
    if digest(&bytes, path)?.is_some_and(|digest| !Checksum::default().fits(&bytes, &digest)) {
        return Err(damaged(path, Damage::Changed));
    }
    parse(&bytes, path)
}

/// Reads the very file that [`write()`] gave this digest for.
///
/// # Errors
/// As [`read`]; also when the file has no digest or another one.
pub fn read_exactly(path: &Path, expected: &str) -> Result<Vec<(String, Tensor)>, TensorFileError> {
    let bytes = load(path)?;
    let found = own_digest(&bytes, path)?;
    if found != expected {
        return Err(TensorFileError::Others {
            path: path.to_owned(),
            expected: expected.to_owned(),
            found,
        });
    }
    parse(&bytes, path)
}

/// The tensors of bytes that [`to_bytes`] made; `path` is where they came from, for errors.
pub(crate) fn from_bytes(
    bytes: &[u8],
    path: &Path,
) -> Result<Vec<(String, Tensor)>, TensorFileError> {
    own_digest(bytes, path)?;
    parse(bytes, path)
}

/// The digest that the bytes carry, which must be theirs.
fn own_digest(bytes: &[u8], path: &Path) -> Result<String, TensorFileError> {
    let found = digest(bytes, path)?.ok_or_else(|| damaged(path, Damage::NoDigest))?;
    if Checksum::default().fits(bytes, &found) {
        Ok(found)
    } else {
        Err(damaged(path, Damage::Changed))
    }
}

fn load(path: &Path) -> Result<Vec<u8>, TensorFileError> {
    crate::regular::read(path).map_err(|source| TensorFileError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    })
}

fn damaged(path: &Path, damage: Damage) -> TensorFileError {
    TensorFileError::Damaged {
        path: path.to_owned(),
        damage,
    }
}

/// The digest in the metadata.
fn digest(bytes: &[u8], path: &Path) -> Result<Option<String>, TensorFileError> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|source| TensorFileError::Format {
            path: path.to_owned(),
            source,
        })?;
    let metadata = header.metadata().as_ref();
    Ok(metadata.and_then(|pairs| pairs.get(checksum::KEY).cloned()))
}

fn parse(bytes: &[u8], path: &Path) -> Result<Vec<(String, Tensor)>, TensorFileError> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| TensorFileError::Format {
        path: path.to_owned(),
        source,
    })?;
    let mut tensors = file
        .iter()
        .map(|(name, view)| {
            let kind = kind_of(view.dtype()).ok_or_else(|| TensorFileError::ElementType {
                name: name.to_owned(),
                found: format!("{:?}", view.dtype()),
                path: path.to_owned(),
            })?;
            let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
            let tensor = Tensor::f_from_data_size(view.data(), &shape, kind).map_err(|source| {
                TensorFileError::Tensor {
                    name: name.to_owned(),
                    path: path.to_owned(),
                    source,
                }
            })?;
            Ok((name.to_owned(), tensor))
        })
        .collect::<Result<Vec<_>, _>>()?;
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(tensors)
}

/// Writes tensors to a safetensors file, which appears whole or not at all. Gives back its digest.
///
/// # Errors
/// [`TensorFileError`] when the file cannot be written or an element type is unknown to the format.
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
) -> Result<String, TensorFileError> {
    let (bytes, digest) = to_bytes(path, tensors)?;
    atomic::write(path, &bytes).map_err(|source| TensorFileError::Io {
        doing: "write",
        path: path.to_owned(),
        source,
    })?;
    Ok(digest)
}

/// The bytes of a safetensors file and their digest; `path` is where they are to go, for errors.
pub(crate) fn to_bytes<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
) -> Result<(Vec<u8>, String), TensorFileError> {
    let mut held = Vec::new();
    for (name, tensor) in tensors {
        held.push(Held::of(name, tensor, path)?);
    }
    let views = held
        .iter()
        .map(|h| TensorView::new(h.dtype, h.shape.clone(), &h.bytes).map(|v| (h.name.as_str(), v)))
        .collect::<Result<Vec<_>, _>>();
    let blank = HashMap::from([(checksum::KEY.to_owned(), checksum::BLANK.to_owned())]);
    let mut bytes = views
        .and_then(|views| serialize(views, Some(blank)))
        .map_err(|source| TensorFileError::Format {
            path: path.to_owned(),
            source,
        })?;
    let digest = Checksum::default().seal(&mut bytes);
    Ok((bytes, digest))
}

struct Held {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Held {
    fn of(name: String, tensor: &Tensor, path: &Path) -> Result<Self, TensorFileError> {
        let kind = tensor.kind();
        let Some(dtype) = dtype_of(kind) else {
            return Err(TensorFileError::ElementType {
                name,
                found: format!("{kind:?}"),
                path: path.to_owned(),
            });
        };
        let copied = (|| {
            let flat = tensor
                .f_detach()?
                .f_to_device(Device::Cpu)?
                .f_contiguous()?;
            let mut bytes = vec![0_u8; flat.numel() * kind.elt_size_in_bytes()];
            flat.f_copy_data_u8(&mut bytes, flat.numel())?;
            Ok(bytes)
        })();
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        match copied {
            Ok(bytes) => Ok(Self {
                name,
                dtype,
                shape,
                bytes,
            }),
            Err(source) => Err(TensorFileError::Tensor {
                name,
                path: path.to_owned(),
                source,
            }),
        }
    }
}

const KINDS: [(Kind, Dtype); 9] = [
    (Kind::Bool, Dtype::BOOL),
    (Kind::Uint8, Dtype::U8),
    (Kind::Int8, Dtype::I8),
    (Kind::Int, Dtype::I32),
    (Kind::Int64, Dtype::I64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
];

fn kind_of(dtype: Dtype) -> Option<Kind> {
    KINDS.iter().find(|(_, d)| *d == dtype).map(|(k, _)| *k)
}

fn dtype_of(kind: Kind) -> Option<Dtype> {
    KINDS.iter().find(|(k, _)| *k == kind).map(|(_, d)| *d)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]
    use super::*;

    #[test]
    fn tensor_file_round_trips_type_shape_and_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        let a = Tensor::from_slice(&[1.5_f32, -2.0, 3.25, 4.0, 5.0, 6.0]).reshape([2, 3]);
        let b = Tensor::from_slice(&[7_i64, -8]);
        let transposed = a.transpose(0, 1);
        write(
            &path,
            [
                ("b".to_owned(), &b),
                ("a".to_owned(), &a),
                ("c".to_owned(), &transposed),
            ],
        )
        .unwrap();
        let back = read(&path).unwrap();
        assert_eq!(
            back.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert_eq!(back[0].1, a);
        assert_eq!(back[1].1, b);
        assert_eq!(back[1].1.kind(), Kind::Int64);
        assert_eq!(back[2].1, transposed);
        assert!(!folder.path().join("t.safetensors.tmp").exists());
    }

    #[test]
    fn every_flipped_bit_of_a_tensor_file_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.safetensors");
        let a = Tensor::arange(9, (Kind::Float, Device::Cpu));
        let digest = write(&path, [("a".to_owned(), &a)]).unwrap();
        read_exactly(&path, &digest).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            let message = read_exactly(&path, &digest).unwrap_err().to_string();
            assert!(message.contains("t.safetensors"), "bit {bit}: {message}");
            // Without its digest the file counts as another program's; its tensors are then whole.
            assert!(
                read(&path).is_ok_and(|it| it[0].1 == a) || read(&path).is_err(),
                "bit {bit}"
            );
        }
        let other = write(&path, [("a".to_owned(), &(a + 1))]).unwrap();
        let refused = read_exactly(&path, &digest).unwrap_err().to_string();
        assert!(
            refused.contains(&digest) && refused.contains(&other),
            "{refused}"
        );
    }

    #[test]
    fn damaged_tensor_file_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.safetensors");
        std::fs::write(&path, b"not a tensor file").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("broken.safetensors"), "{error}");
    }
}
