// Tensors of the bad plugin: dense, on the CPU.
#pragma once
#include "ssl_lottery.h"
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

inline ssl_str str(const std::string &text) { return {text.data(), text.size()}; }

inline ssl_fault fail(ssl_sink error, ssl_fault kind, const std::string &text) {
  error.put(error.context, str(text));
  return kind;
}

// A tensor that is given away. With `owned`, its deleter frees the numbers too.
struct block {
  ssl_tensor tensor;
  std::vector<int64_t> dims, strides;
  void *owned;
};

inline void drop(ssl_tensor *tensor) {
  auto *it = static_cast<block *>(tensor->manager_ctx);
  free(it->owned);
  delete it;
}

inline ssl_tensor *give(void *data, bool owned, std::vector<int64_t> dims, uint8_t code = kDLFloat, uint8_t bits = 32) {
  auto *it = new block{};
  it->dims = dims;
  it->strides.assign(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) it->strides[i - 1] = it->strides[i] * dims[i];
  it->owned = owned ? data : nullptr;
  it->tensor.version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  it->tensor.manager_ctx = it;
  it->tensor.deleter = drop;
  it->tensor.dl_tensor.data = data;
  it->tensor.dl_tensor.device = {(decltype(it->tensor.dl_tensor.device.device_type))kDLCPU, 0};
  it->tensor.dl_tensor.ndim = (int32_t)dims.size();
  it->tensor.dl_tensor.dtype = {code, bits, 1};
  it->tensor.dl_tensor.shape = it->dims.data();
  it->tensor.dl_tensor.strides = it->strides.data();
  return &it->tensor;
}

inline ssl_tensor *give_copy(const std::vector<float> &values, std::vector<int64_t> dims) {
  auto *data = (float *)malloc(values.size() * sizeof(float) + 1);
  memcpy(data, values.data(), values.size() * sizeof(float));
  return give(data, true, dims);
}

// Tensors of the host's.
inline void done(ssl_tensor *tensor) {
  if (tensor && tensor->deleter) tensor->deleter(tensor);
}

inline bool is_type(const ssl_tensor *tensor, uint8_t code, uint8_t bits) {
  const auto &raw = tensor->dl_tensor;
  return raw.device.device_type == kDLCPU && raw.dtype.code == code && raw.dtype.bits == bits;
}

inline bool has_shape(const ssl_tensor *tensor, const std::vector<int64_t> &dims) {
  const auto &raw = tensor->dl_tensor;
  if (raw.ndim != (int32_t)dims.size()) return false;
  for (int32_t i = 0; i < raw.ndim; i++)
    if (raw.shape[i] != dims[i]) return false;
  return true;
}

template <class T> T &element(const ssl_tensor *tensor, int64_t i, int64_t j = 0) {
  const auto &raw = tensor->dl_tensor;
  int64_t columns = raw.ndim > 1 ? raw.shape[1] : 1;
  int64_t row = raw.strides ? raw.strides[0] : columns, column = raw.ndim > 1 ? (raw.strides ? raw.strides[1] : 1) : 0;
  return ((T *)((char *)raw.data + raw.byte_offset))[i * row + j * column];
}
