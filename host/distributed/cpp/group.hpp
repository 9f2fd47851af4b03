// What `group.cpp` and `batch_norm.cpp` share.
#pragma once
#include "distributed.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstring>
#include <mutex>
#include <string>

struct SslGroup : torch::CustomClassHolder {
  c10::intrusive_ptr<c10d::Backend> gloo;
  // Null where the ranks compute on processors.
  c10::intrusive_ptr<c10d::Backend> nccl;
  // Why a backward pass has failed, for which no caller of this library is there to be told.
  std::mutex lock;
  std::string failure;

  c10d::Backend& of(const at::Tensor& tensor) const {
    TORCH_CHECK(!tensor.is_cuda() || nccl, "expected a tensor on the processor, found one on a GPU");
    return tensor.is_cuda() ? *nccl : *gloo;
  }
};

// Runs `work`; an exception becomes a message.
template <class Work>
char* guarded(Work work) noexcept {
  try {
    work();
    return nullptr;
  } catch (const c10::Error& refusal) {
    return strdup(refusal.what_without_backtrace());
  } catch (const std::exception& refusal) {
    return strdup(refusal.what());
  } catch (...) {
    return strdup("an exception without a message");
  }
}
