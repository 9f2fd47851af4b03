//! Tensors of the host that notice what becomes of them.
#![expect(
    unsafe_code,
    reason = "describes memory to a plugin as the C header says, and counts its releases"
)]

use super::inputs::{Batch, Input};
use super::tensors::tensor_bytes;
use ssl_plugin_api::{Fault, Feature, FfiTensor};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use tch::Tensor;

/// What memory holds after its release: no number.
const RELEASED: f32 = f32::NAN;

/// DLPack's `DLManagedTensorVersioned`, as the header declares it.
#[repr(C)]
struct Managed {
    version: [u32; 2],
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Managed)>,
    flags: u64,
    data: *mut c_void,
    device: [i32; 2],
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// A feature in memory that stays, whatever a plugin does with it.
struct Block {
    releases: AtomicU32,
    poison: bool,
    values: Vec<f32>,
    dims: Vec<i64>,
    strides: Vec<i64>,
}

/// Features lent to a plugin, of which it is known how often each was released. Their memory lives until this process ends, so nothing that a plugin does with it harms.
#[derive(Default)]
pub struct Lent {
    blocks: Vec<(&'static Block, String)>,
}

impl Lent {
    /// The features of a batch. With `poison` their values are gone once they are released.
    ///
    /// # Errors
    /// A feature that is not f32.
    pub fn features(&mut self, batch: &Batch, poison: bool) -> Result<Vec<Feature>, Fault> {
        batch
            .features
            .iter()
            .map(|input| {
                Ok(Feature {
                    encoder: input.encoder,
                    view: input.view,
                    level: input.level,
                    tensor: self.lend(input, poison)?,
                })
            })
            .collect()
    }

    fn lend(&mut self, input: &Input, poison: bool) -> Result<FfiTensor, Fault> {
        let flat = input.tensor.contiguous().flatten(0, -1);
        let values = Vec::<f32>::try_from(flat).map_err(Fault::internal)?;
        let dims = input.tensor.size();
        let strides = input.tensor.contiguous().stride();
        let block: &'static mut Block = Box::leak(Box::new(Block {
            releases: AtomicU32::new(0),
            poison,
            values,
            dims,
            strides,
        }));
        let managed = Box::leak(Box::new(Managed {
            version: [1, 1],
            context: std::ptr::null_mut(),
            deleter: Some(release),
            // Read-only.
            flags: 1,
            data: block.values.as_mut_ptr().cast(),
            device: [1, 0],
            ndim: block.dims.len() as i32,
            code: 2,
            bits: 32,
            lanes: 1,
            shape: block.dims.as_mut_ptr(),
            strides: block.strides.as_mut_ptr(),
            byte_offset: 0,
        }));
        managed.context = std::ptr::from_mut(block).cast();
        // SAFETY: leaked above; from here on it is only read, and written through its own pointer.
        let block: &'static Block = unsafe { &*managed.context.cast::<Block>() };
        self.blocks.push((block, input.name()));
        // SAFETY: a whole descriptor of leaked memory, whose deleter may be called any number of times.
        let tensor = unsafe { FfiTensor::from_raw(std::ptr::from_mut(managed).cast()) };
        tensor.ok_or_else(|| Fault::internal("expected a descriptor, found none"))
    }

    /// The first feature that was not released exactly once, with how often it was.
    #[must_use]
    pub fn released_otherwise(&self) -> Option<(&str, u32)> {
        let counted = self.blocks.iter().map(|(block, name)| {
            let count = block.releases.load(Ordering::Acquire);
            (&name[..], count)
        });
        counted.into_iter().find(|(_, count)| *count != 1)
    }
}

/// Counts a release, and spoils the memory where that is asked for.
unsafe extern "C" fn release(managed: *mut Managed) {
    // SAFETY: a descriptor made by `lend`, whose block is leaked; this is the only writer, as the
    // plugin has given the memory back.
    unsafe {
        let block = (*managed).context.cast::<Block>();
        (*block).releases.fetch_add(1, Ordering::AcqRel);
        if (*block).poison {
            (*block).values.fill(RELEASED);
        }
    }
}

/// The values of a batch as bytes, to see whether they were written.
#[must_use]
pub fn values(batch: &Batch) -> Vec<Vec<u8>> {
    let tensors = batch.features.iter().map(|input: &Input| &input.tensor);
    tensors
        .map(|tensor: &Tensor| tensor_bytes(tensor))
        .collect()
}
