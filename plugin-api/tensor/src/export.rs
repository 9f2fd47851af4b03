//! From libtorch to a descriptor.

#![expect(unsafe_code, reason = "describes memory that a libtorch tensor owns")]

use ssl_plugin_api::{Device, Fault, FfiTensor, Flags};

/// Keeps a tensor alive on whichever thread releases it.
struct Keeper(#[expect(dead_code, reason = "held for its ownership")] tch::Tensor);

/// Describes a tensor's memory; the descriptor shares ownership of it.
///
/// # Errors
/// A shape fault for an element type or device that does not cross, or a tensor without memory of
/// its own (sparse, undefined).
pub fn export(tensor: &tch::Tensor) -> Result<FfiTensor, Fault> {
    describe(tensor, Flags::default())
}

/// [`export`], with the note that the reader must not write.
///
/// # Errors
/// As [`export`].
pub fn export_read_only(tensor: &tch::Tensor) -> Result<FfiTensor, Fault> {
    describe(tensor, Flags::READ_ONLY)
}

fn describe(tensor: &tch::Tensor, flags: Flags) -> Result<FfiTensor, Fault> {
    if !tensor.defined() || tensor.is_sparse() {
        return Err(Fault::shape(
            "expected a dense tensor, found one without memory of its own",
        ));
    }
    let kind = tensor.kind();
    let dtype = crate::dtype(kind).ok_or_else(|| {
        Fault::shape(format!(
            "expected a tensor type that crosses, found {kind:?}"
        ))
    })?;
    let device = match tensor.device() {
        tch::Device::Cpu => Device::CPU,
        tch::Device::Cuda(index) => Device::cuda(index as i32),
        other => {
            return Err(Fault::shape(format!(
                "expected a tensor on cpu or cuda, found {other:?}"
            )));
        }
    };
    let keeper = tensor.detach();
    let (data, shape, strides) = (keeper.data_ptr(), keeper.size(), keeper.stride());
    // SAFETY: libtorch's own pointer, sizes and strides; the keeper holds the storage; libtorch's
    // reference counts are atomic, so it may be released on any thread.
    Ok(unsafe {
        FfiTensor::from_raw_parts(Keeper(keeper), data, device, dtype, &shape, &strides, flags)
    })
}
