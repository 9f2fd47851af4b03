//! Arrays as `numpy.save` writes them: a line of text about type, order and shape, then the numbers.

use crate::evaluate::{EvaluateError, Result};
use regex::Regex;
use ssl_datasets::files::open_regular;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::LazyLock;
use tch::{Device, Kind, Tensor};

/// What every file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// More than any array of plain numbers has.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 26;

/// The header of a plain array; numpy sorts its three keys.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = r"^\{'descr': (?P<descr>.*), 'fortran_order': (?P<fortran>True|False), 'shape': \((?P<shape>[0-9, L]*)\),? *\}\s*$";
    Regex::new(pattern).ok()
});

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    kind: Kind,
    /// Whether the first axis varies fastest.
    fortran: bool,
    shape: Vec<i64>,
}

/// The array of a file, which holds floating-point numbers of 16, 32 or 64 bits in either order of axes.
///
/// # Errors
/// [`EvaluateError::Io`]; [`EvaluateError::File`] for another format, other numbers, and a file that is shorter or
/// longer than its shape.
pub(super) fn read(path: &Path) -> Result<Tensor> {
    let io = |error| EvaluateError::io("read", path)(error);
    let file = open_regular(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut file = BufReader::new(file);
    let (text, begin) = header(&mut file, path)?;
    let Header {
        kind,
        fortran,
        shape,
    } = parse(&text).map_err(|(expected, found)| refuse(path, expected, found))?;
    let size = kind.elt_size_in_bytes() as u64;
    let mut sides = shape.iter().map(|&side| side as u64);
    let bytes = sides.try_fold(size, u64::checked_mul);
    let found = length - begin.min(length);
    if bytes != Some(found) {
        let expected = format!("{shape:?} numbers of {size} bytes each");
        let found = format!("{found} bytes; was the file cut off? write it again");
        return Err(refuse(path, &expected, found));
    }
    let mut stored = shape;
    if fortran {
        stored.reverse();
    }
    let numbers = numbers(&mut file, &stored, kind, path)?;
    if !fortran {
        return Ok(numbers);
    }
    let axes: Vec<i64> = (0..stored.len() as i64).rev().collect();
    Ok(numbers.f_permute(axes)?.f_contiguous()?)
}

fn refuse(path: &Path, expected: &str, found: impl Into<String>) -> EvaluateError {
    EvaluateError::File {
        expected: expected.to_owned(),
        found: found.into(),
        path: path.to_owned(),
    }
}

/// The text of the header, and where the numbers begin.
fn header(file: &mut impl Read, path: &Path) -> Result<(String, u64)> {
    let other = |found: &str| refuse(path, "an array as `numpy.save` writes it", found);
    let mut take = |count: usize| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.take(count as u64)
            .read_to_end(&mut bytes)
            .map_err(EvaluateError::io("read", path))?;
        Ok(bytes)
    };
    let head = take(MAGIC.len() + 2)?;
    if head.starts_with(b"PK") {
        return Err(other("a zip archive; use `numpy.save`, not `numpy.savez`"));
    }
    let Some(&[version, _]) = head.strip_prefix(MAGIC) else {
        return Err(other("something else"));
    };
    let length = take(if version == 1 { 2 } else { 4 })?;
    let length = length
        .iter()
        .rev()
        .fold(0_usize, |all, &byte| all << 8 | usize::from(byte));
    if length > LONGEST_HEADER {
        return Err(other("a header too long for an array of plain numbers"));
    }
    let text = take(length)?;
    if text.len() < length || length == 0 {
        return Err(other("a file that ends within its header"));
    }
    let begin = MAGIC.len() + 2 + if version == 1 { 2 } else { 4 } + length;
    Ok((String::from_utf8_lossy(&text).into_owned(), begin as u64))
}

/// Reads a header; the error is what was expected and found.
fn parse(text: &str) -> std::result::Result<Header, (&'static str, String)> {
    const FLOATS: &str = "an array of 16-, 32- or 64-bit floating-point numbers";
    let parts = HEADER.as_ref().and_then(|header| header.captures(text));
    let Some(parts) = parts else {
        let found = format!("the header {:?}", text.trim_end());
        return Err(("an array as `numpy.save` writes it", found));
    };
    let kind = match &parts["descr"] {
        "'<f2'" => Kind::Half,
        "'<f4'" => Kind::Float,
        "'<f8'" => Kind::Double,
        "'|O'" => {
            let found = "Python objects; convert with `.astype(\"float32\")`, rows of one length";
            return Err((FLOATS, found.to_owned()));
        }
        other => {
            let found = format!("the type {other}; convert with `.astype(\"<f4\")`");
            return Err((FLOATS, found));
        }
    };
    let sides = parts["shape"].split(',').map(str::trim);
    let sides = sides.filter(|side| !side.is_empty());
    let shape: std::result::Result<Vec<i64>, _> = sides.map(str::parse).collect();
    let shape = shape.map_err(|_| {
        let found = format!("the shape ({})", &parts["shape"]);
        ("a shape of whole numbers", found)
    })?;
    Ok(Header {
        kind,
        fortran: &parts["fortran"] == "True",
        shape,
    })
}

/// The numbers in the order of the file, read piece by piece, so that they are in memory once.
fn numbers(file: &mut impl Read, shape: &[i64], kind: Kind, path: &Path) -> Result<Tensor> {
    let count: i64 = shape.iter().product();
    let size = kind.elt_size_in_bytes();
    let all = Tensor::f_empty([count], (kind, Device::Cpu))?;
    let per_block = (BLOCK / size) as i64;
    let mut block = Vec::new();
    for start in (0..count).step_by(per_block as usize) {
        let here = per_block.min(count - start);
        block.resize(here as usize * size, 0);
        file.read_exact(&mut block)
            .map_err(EvaluateError::io("read", path))?;
        let piece = Tensor::f_from_data_size(&block, &[here], kind)?;
        all.f_narrow(0, start, here)?.f_copy_(&piece)?;
    }
    Ok(all.f_reshape(shape)?)
}
