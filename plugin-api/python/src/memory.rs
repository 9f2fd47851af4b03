//! The shared memory: one memfd in regions. A region is used again when neither side refers to it, so that gradients
//! which the host keeps, and features which a framework keeps, stay what they were.

#![expect(
    unsafe_code,
    reason = "shared memory is made, mapped and handed out as tensors"
)]

use memmap2::{MmapOptions, MmapRaw};
use serde_json::{Value, json};
use ssl_plugin_api::{Device, DeviceKind, Dtype, Fault, FfiTensor, Flags};
use std::collections::HashSet;
use std::fs::File;
use std::os::fd::FromRawFd as _;
use std::sync::Arc;

/// Bytes that regions are a multiple of: a page of any machine.
const PAGE: u64 = 64 << 10;
/// Bytes that places in a region are a multiple of.
const ALIGN: usize = 64;
/// A region is not used for a request this many times smaller.
const SPARE: u64 = 4;

/// One part of the memory, mapped.
pub struct Region {
    at: u64,
    map: MmapRaw,
}

/// Where a tensor lies.
#[derive(Clone)]
pub struct Spot {
    region: Arc<Region>,
    at: usize,
    dtype: Dtype,
    shape: Vec<i64>,
}

/// All of a worker's memory.
pub struct Memory {
    file: File,
    length: u64,
    regions: Vec<Arc<Region>>,
    /// Regions that the worker refers to, as it said last.
    held: HashSet<u64>,
}

/// A file in memory, without a name in any folder.
pub fn anonymous(name: &std::ffi::CStr) -> std::io::Result<File> {
    // SAFETY: the name outlives the call; the descriptor is then owned by the file and by nobody else.
    unsafe {
        match libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(std::io::Error::last_os_error()),
            fd => Ok(File::from_raw_fd(fd)),
        }
    }
}

const NAMES: [(&str, Dtype); 7] = [
    ("f32", Dtype::F32),
    ("f64", Dtype::F64),
    ("f16", Dtype::F16),
    ("bf16", Dtype::BF16),
    ("i64", Dtype::I64),
    ("u8", Dtype::U8),
    ("bool", Dtype::BOOL),
];

impl Memory {
    pub fn new() -> Result<Self, Fault> {
        Ok(Self {
            file: anonymous(c"ssl-lottery").map_err(Fault::internal)?,
            length: 0,
            regions: Vec::new(),
            held: HashSet::new(),
        })
    }

    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Takes note of what the worker refers to.
    pub fn hear(&mut self, message: &Value) {
        let held = message["held"].as_array().map(Vec::as_slice);
        self.held = held
            .unwrap_or_default()
            .iter()
            .filter_map(Value::as_u64)
            .collect();
    }

    /// A region of at least this many bytes that nobody refers to.
    pub fn region(&mut self, bytes: usize) -> Result<Arc<Region>, Fault> {
        let length = (bytes.max(1) as u64).div_ceil(PAGE) * PAGE;
        let free = |it: &&Arc<Region>| {
            let has = it.map.len() as u64;
            Arc::strong_count(it) == 1
                && !self.held.contains(&it.at)
                && (length..=length.saturating_mul(SPARE)).contains(&has)
        };
        if let Some(found) = self
            .regions
            .iter()
            .filter(free)
            .min_by_key(|it| it.map.len())
        {
            return Ok(Arc::clone(found));
        }
        let at = self.length;
        let end = at
            .checked_add(length)
            .ok_or_else(|| Fault::internal("too much memory"))?;
        self.file.set_len(end).map_err(Fault::internal)?;
        self.length = end;
        let map = MmapOptions::new()
            .offset(at)
            .len(length as usize)
            .map_raw(&self.file)
            .map_err(|error| {
                Fault::internal(format!("shared memory of {length} bytes: {error}"))
            })?;
        let region = Arc::new(Region { at, map });
        self.regions.push(Arc::clone(&region));
        Ok(region)
    }

    /// A region for the worker to write into: it is the worker's until its next message.
    pub fn lend(&mut self, bytes: usize) -> Result<Value, Fault> {
        let region = self.region(bytes)?;
        self.held.insert(region.at);
        Ok(json!({ "region": region.name() }))
    }

    /// The worker has this place until its next message.
    pub fn hold(&mut self, spot: &Spot) {
        self.held.insert(spot.region.at);
    }

    /// Room for tensors of these types and shapes, in one region.
    pub fn spots(&mut self, wanted: &[(Dtype, &[i64])]) -> Result<Vec<Spot>, Fault> {
        let mut places = Vec::with_capacity(wanted.len());
        let mut end = 0_usize;
        for (dtype, shape) in wanted {
            places.push(end);
            end += bytes(*dtype, shape)?.next_multiple_of(ALIGN);
        }
        let region = self.region(end)?;
        let spot = |(at, (dtype, shape)): (usize, &(Dtype, &[i64]))| Spot {
            region: Arc::clone(&region),
            at,
            dtype: *dtype,
            shape: shape.to_vec(),
        };
        Ok(places.into_iter().zip(wanted).map(spot).collect())
    }

    /// Copies of these tensors in one region.
    pub fn copies(&mut self, tensors: &[&FfiTensor]) -> Result<Vec<Spot>, Fault> {
        let wanted: Vec<_> = tensors.iter().map(|it| (it.dtype(), it.shape())).collect();
        let spots = self.spots(&wanted)?;
        for (spot, tensor) in spots.iter().zip(tensors) {
            spot.fill(tensor)?;
        }
        Ok(spots)
    }

    /// The place that the worker names.
    pub fn spot(&self, spec: &Value) -> Result<Spot, Fault> {
        let wrong = || Fault::internal(format!("expected a place in shared memory, found {spec}"));
        let read = || {
            let dtype = NAMES
                .iter()
                .find(|(name, _)| spec["dtype"] == *name)
                .map(|(_, dtype)| *dtype)?;
            let shape = spec["shape"]
                .as_array()?
                .iter()
                .map(|size| size.as_i64().filter(|size| *size >= 0))
                .collect::<Option<Vec<_>>>()?;
            let at = usize::try_from(spec["at"].as_u64()?).ok()?;
            Some((dtype, shape, at, spec["region"][0].as_u64()?))
        };
        let (dtype, shape, at, region) = read().ok_or_else(wrong)?;
        let bytes = bytes(dtype, &shape)?;
        // Tensors without elements lie nowhere.
        let region = match bytes {
            0 => self.regions.first(),
            _ => self.regions.iter().find(|it| it.at == region),
        };
        let region = match region {
            Some(region) => Arc::clone(region),
            None if bytes == 0 => Arc::new(Region {
                at: 0,
                map: MmapOptions::new()
                    .len(1)
                    .map_anon()
                    .map_err(Fault::internal)?
                    .into(),
            }),
            None => return Err(wrong()),
        };
        let fits = at
            .checked_add(bytes)
            .is_some_and(|end| end <= region.map.len());
        if !fits || at % ALIGN != 0 {
            return Err(wrong());
        }
        Ok(Spot {
            region,
            at,
            dtype,
            shape,
        })
    }
}

fn bytes(dtype: Dtype, shape: &[i64]) -> Result<usize, Fault> {
    shape
        .iter()
        .try_fold(dtype.size(), |product, &size| {
            product.checked_mul(usize::try_from(size).ok()?)
        })
        .filter(|bytes| *bytes <= isize::MAX as usize / 2)
        .ok_or_else(|| Fault::shape(format!("expected sizes that fit memory, found {shape:?}")))
}

impl Region {
    /// How messages name it: place and length.
    fn name(&self) -> Value {
        json!([self.at, self.map.len()])
    }
}

impl Spot {
    /// How messages name it.
    pub fn spec(&self) -> Value {
        let name = NAMES.iter().find(|(_, dtype)| *dtype == self.dtype);
        json!({
            "region": self.region.name(),
            "at": self.at,
            "dtype": name.map(|(name, _)| *name),
            "shape": self.shape,
        })
    }

    pub fn shape(&self) -> &[i64] {
        &self.shape
    }

    /// The tensor there: a view, which keeps the region.
    pub fn tensor(&self) -> FfiTensor {
        let mut strides = vec![1; self.shape.len()];
        for d in (1..self.shape.len()).rev() {
            strides[d - 1] = strides[d] * self.shape[d].max(1);
        }
        // SAFETY: every spot was checked to lie inside its region, which stays mapped as long as the tensor keeps it.
        // The memory is shared with the worker, which writes only while this side waits for its answer.
        unsafe {
            FfiTensor::from_raw_parts(
                Arc::clone(&self.region),
                self.region.map.as_mut_ptr().add(self.at).cast(),
                Device::CPU,
                self.dtype,
                &self.shape,
                &strides,
                Flags::default(),
            )
        }
    }

    /// Copies a tensor of this type and shape here, row by row without gaps.
    fn fill(&self, tensor: &FfiTensor) -> Result<(), Fault> {
        tensor.validate()?;
        if tensor.device().kind() != DeviceKind::Cpu {
            return Err(Fault::unsupported(format!(
                "expected tensors in main memory, found one on {}: frameworks in Python compute on the CPU",
                tensor.device()
            )));
        }
        if tensor.is_empty() {
            return Ok(());
        }
        let (shape, strides) = (tensor.shape(), tensor.strides());
        // The dimensions from `inner` on lie without gaps.
        let (mut inner, mut block) = (shape.len(), 1);
        while inner > 0 && (shape[inner - 1] == 1 || strides[inner - 1] == block) {
            inner -= 1;
            block *= shape[inner];
        }
        let size = self.dtype.size();
        let length = block as usize * size;
        let mut place = vec![0_i64; inner];
        for n in 0..tensor.len() / block as usize {
            let offset: i64 = place.iter().zip(strides).map(|(p, s)| p * s).sum();
            let from = tensor
                .data()
                .cast::<u8>()
                .wrapping_offset(offset as isize * size as isize);
            // SAFETY: `place` is inside the tensor's shape, so the block is the giver's, alive in this call; the spot
            // has room for all blocks, as it was made for this type and shape.
            unsafe {
                let to = self.region.map.as_mut_ptr().add(self.at + n * length);
                std::ptr::copy_nonoverlapping(from, to, length);
            }
            for (p, size) in place.iter_mut().zip(shape).rev() {
                *p += 1;
                if *p < *size {
                    break;
                }
                *p = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;

    #[test]
    fn a_region_is_used_again_once_neither_side_refers_to_it() {
        let mut memory = Memory::new().unwrap();
        let first = memory.region(100).unwrap();
        let at = first.at;
        assert_ne!(memory.region(100).unwrap().at, at, "the host refers to it");
        drop(first);
        memory.hear(&json!({ "held": [at] }));
        assert_ne!(
            memory.region(100).unwrap().at,
            at,
            "the worker refers to it"
        );
        memory.hear(&json!({ "held": [] }));
        assert_eq!(memory.region(100).unwrap().at, at);
    }

    #[test]
    fn strided_tensors_are_copied_row_by_row() {
        let mut memory = Memory::new().unwrap();
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let pointer = values.as_ptr().cast_mut().cast();
        // SAFETY: shape and strides stay inside the vector, which is the owner.
        let columns = unsafe {
            FfiTensor::from_raw_parts(
                values,
                pointer,
                Device::CPU,
                Dtype::F32,
                &[4, 2],
                &[1, 4],
                Flags::default(),
            )
        };
        let spots = memory.copies(&[&columns]).unwrap();
        let copied = spots[0].tensor();
        let expected = [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0];
        assert_eq!(copied.as_slice::<f32>().unwrap(), expected);
        let again = memory.spot(&spots[0].spec()).unwrap();
        assert_eq!(again.tensor().as_slice::<f32>().unwrap(), expected);
    }

    #[test]
    fn places_outside_of_the_memory_are_refused() {
        let mut memory = Memory::new().unwrap();
        let spots = memory.spots(&[(Dtype::F32, &[16])]).unwrap();
        let good = spots[0].spec();
        assert!(memory.spot(&good).is_ok());
        for (key, wrong) in [
            ("region", json!([1_i64 << 40, 64])),
            ("at", json!(PAGE)),
            ("at", json!(3)),
            ("shape", json!([1 << 20])),
            ("shape", json!([-1])),
            ("dtype", json!("f8")),
        ] {
            let mut spec = good.clone();
            spec[key] = wrong;
            assert!(memory.spot(&spec).is_err(), "{spec}");
        }
    }
}
