// A libtorch tensor over a DLPack tensor's memory that calls the deleter when the last reference
// to the memory goes. The binding's own `from_blob` takes no deleter, and libtorch's converter
// passes over `byte_offset`.
#include <ATen/DLConvertor.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <torch/version.h>

#include <cstring>
#include <memory>

extern "C" {

// The version of libtorch whose headers this was compiled with.
const char* ssl_tensor_libtorch() { return TORCH_VERSION; }

// Takes `source` over, whatever happens. Null and a message from malloc if libtorch refuses.
void* ssl_tensor_adopt(DLManagedTensorVersioned* source, char** error) noexcept {
  try {
    std::shared_ptr<DLManagedTensorVersioned> owner(source, [](DLManagedTensorVersioned* it) {
      if (it->deleter) it->deleter(it);
    });
    const DLTensor& raw = source->dl_tensor;
    const auto dims = static_cast<size_t>(raw.ndim);
    const auto device = raw.device.device_type == kDLCPU
        ? at::Device(at::kCPU)
        : at::Device(at::kCUDA, static_cast<at::DeviceIndex>(raw.device.device_id));
    return new at::Tensor(at::from_blob(
        static_cast<char*>(raw.data) + raw.byte_offset,
        at::IntArrayRef(raw.shape, dims),
        at::IntArrayRef(raw.strides, dims),
        [owner](void*) {},
        at::device(device).dtype(at::toScalarType(raw.dtype)),
        device));
  } catch (const c10::Error& refusal) {
    *error = strdup(refusal.what_without_backtrace());
  } catch (const std::exception& refusal) {
    *error = strdup(refusal.what());
  } catch (...) {
    *error = strdup("an exception without a message");
  }
  return nullptr;
}
}
