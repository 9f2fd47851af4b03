// The names of Gloo that libtorch 2.9's `ProcessGroupGloo.hpp` uses. Gloo itself is inside of libtorch, and only
// libtorch calls it; these declarations let the header compile.
#pragma once
#include <chrono>

namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds);
};
namespace transport {
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer();
};
}  // namespace transport
}  // namespace gloo
