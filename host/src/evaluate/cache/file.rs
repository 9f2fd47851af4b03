//! Reading and writing one entry.
//!
//! The header has a fixed length so that it can be written last, when the number of rows is known,
//! and so that the data is aligned when the file is mapped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use ssl_datasets::files::open_regular;
use tch::{Device, Tensor};

use super::rows::Rows;
use super::{CacheKey, FeaturePrecision};
use crate::atomic::AtomicFile;
use crate::checksum::{self, Checksum};
use crate::evaluate::{EvaluateError, Result};

/// Bytes before the data: the length of the header, the header, spaces.
const HEAD: u64 = 8192;

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<String, String>,
    features: Entry,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: [u64; 2],
    data_offsets: [u64; 2],
}

fn metadata(key: &CacheKey) -> BTreeMap<String, String> {
    // Keys may be long (a whole configuration); what matters is that they are the same.
    BTreeMap::from([
        ("key".to_owned(), key.hash()),
        (checksum::KEY.to_owned(), checksum::BLANK.to_owned()),
    ])
}

/// Files whose bytes this process has checked: name, length, time of change.
static CHECKED: Mutex<BTreeSet<(PathBuf, u64, Option<SystemTime>)>> = Mutex::new(BTreeSet::new());

/// Writes rows as they come.
pub(super) struct Writer<'a> {
    file: BufWriter<AtomicFile>,
    path: &'a Path,
    key: &'a CacheKey,
    checksum: Checksum,
    rows: u64,
    dim: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(path: &'a Path, key: &'a CacheKey) -> Result<Self> {
        let file = AtomicFile::create(path).map_err(EvaluateError::io("create", path))?;
        let mut file = BufWriter::new(file);
        file.write_all(&[b' '; HEAD as usize])
            .map_err(EvaluateError::io("write", path))?;
        Ok(Self {
            file,
            path,
            key,
            checksum: Checksum::default(),
            rows: 0,
            dim: 0,
        })
    }

    /// Appends rows.
    pub(super) fn push(&mut self, rows: &Rows) -> Result<()> {
        self.rows += rows.count;
        self.dim = rows.dim;
        self.checksum.update(&rows.bytes);
        self.file
            .write_all(&rows.bytes)
            .map_err(EvaluateError::io("write", self.path))
    }

    /// Writes the header and gives the file its name.
    pub(super) fn finish(mut self) -> Result<()> {
        let path = self.path;
        let fault = || EvaluateError::io("write", path);
        let header = Header {
            metadata: metadata(self.key),
            features: Entry {
                dtype: self.key.precision.name().to_owned(),
                shape: [self.rows, self.dim],
                data_offsets: [0, self.rows * self.dim * self.key.precision.bytes()],
            },
        };
        let mut json = serde_json::to_vec(&header).map_err(|e| fault()(e.into()))?;
        json.resize(HEAD as usize - 8, b' ');
        let mut head = (HEAD - 8).to_le_bytes().to_vec();
        head.append(&mut json);
        self.checksum.seal(&mut head);
        self.file.seek(SeekFrom::Start(0)).map_err(fault())?;
        self.file.write_all(&head).map_err(fault())?;
        let file = self.file.into_inner();
        file.map_err(|error| fault()(error.into_error()))?
            .commit()
            .map_err(fault())
    }
}

/// Features `[batch, dim]`, f32, as the bytes that an entry has of them.
pub(super) fn rows(features: &Tensor, precision: FeaturePrecision) -> Result<Rows> {
    let (count, dim) = features.size2()?;
    let raw = features
        .f_to_kind(precision.kind())?
        .f_view_dtype(tch::Kind::Uint8)?;
    let mut bytes = vec![0_u8; raw.numel()];
    let len = bytes.len();
    raw.f_copy_data(&mut bytes, len)?;
    Ok(Rows {
        count: count as u64,
        dim: dim as u64,
        bytes,
    })
}

/// Maps the features of an entry into memory.
pub(super) fn map(path: &Path, key: &CacheKey) -> Result<Tensor> {
    let refuse = |expected: String, found: String| EvaluateError::File {
        expected,
        found,
        path: path.to_owned(),
    };
    let mut file = open_regular(path).map_err(EvaluateError::io("read", path))?;
    let about = file.metadata().map_err(EvaluateError::io("read", path))?;
    let (length, changed) = (about.len(), about.modified().ok());
    if length < HEAD {
        return Err(refuse(
            format!("a feature file of at least {HEAD} bytes"),
            format!("{length} bytes"),
        ));
    }
    let mut head = [0_u8; HEAD as usize];
    file.read_exact(&mut head)
        .map_err(EvaluateError::io("read", path))?;
    let mut header: Header = serde_json::from_slice(&head[8..])
        .map_err(|e| refuse("the header of a feature file".to_owned(), e.to_string()))?;
    let digest = header.metadata.get_mut(checksum::KEY);
    let digest = digest.map(|digest| std::mem::replace(digest, checksum::BLANK.to_owned()));
    if header.metadata != metadata(key) || header.features.dtype != key.precision.name() {
        return Err(refuse(
            format!("{} features of key {}", key.precision.name(), key.hash()),
            format!(
                "{} features of {:?}",
                header.features.dtype, header.metadata
            ),
        ));
    }
    let [rows, dim] = header.features.shape;
    let values = rows.checked_mul(dim);
    let expected = values
        .and_then(|values| values.checked_mul(key.precision.bytes()))
        .and_then(|bytes| bytes.checked_add(HEAD));
    if expected != Some(length) {
        return Err(refuse(
            format!("{rows} x {dim} features"),
            format!("{length} bytes"),
        ));
    }
    let about = (path.to_owned(), length, changed);
    let checked = || CHECKED.lock().unwrap_or_else(PoisonError::into_inner);
    if !checked().contains(&about) {
        if !fits(file, &head, &digest.unwrap_or_default())
            .map_err(EvaluateError::io("read", path))?
        {
            return Err(refuse(
                "the features that were written".to_owned(),
                "other bytes: the file is damaged; remove it, and the features are computed again"
                    .to_owned(),
            ));
        }
        checked().insert(about);
    }
    let name = path.to_str().ok_or_else(|| {
        refuse(
            "a path in UTF-8".to_owned(),
            path.to_string_lossy().into_owned(),
        )
    })?;
    let total = length / key.precision.bytes();
    let skip = HEAD / key.precision.bytes();
    let values = Tensor::f_from_file(
        name,
        false,
        Some(total as i64),
        (key.precision.kind(), Device::Cpu),
    )?;
    Ok(values
        .f_narrow(0, skip as i64, (total - skip) as i64)?
        .f_view([rows as i64, dim as i64])?)
}

/// Whether the header and the rest of the file have the digest.
fn fits(mut file: File, head: &[u8], digest: &str) -> std::io::Result<bool> {
    let mut checksum = Checksum::default();
    let mut block = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(checksum.fits(head, digest)),
            n => checksum.update(&block[..n]),
        }
    }
}
