// Batch norm over all ranks: libtorch's own kernels for what is local, one exchange each way.
#include "group.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdlib>
#include <tuple>

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {
// Σ over all dimensions but the channels'.
std::vector<int64_t> places(const Tensor& x) {
  std::vector<int64_t> dims{0};
  for (int64_t dim = 2; dim < x.dim(); ++dim) dims.push_back(dim);
  return dims;
}

// The sums over ranks, in place.
void add_up(SslGroup& group, std::vector<Tensor>& sums) {
  char* message = guarded([&] { group.of(sums[0]).allreduce(sums)->wait(); });
  if (!message) return;
  const std::string failure(message);
  std::free(message);
  const std::lock_guard<std::mutex> held(group.lock);
  group.failure = failure;
  TORCH_CHECK(false, failure);
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  // With n_r values, mean m_r and variance v_r of rank r, N = Σ n_r and the mean m = Σ n_r m_r / N, the variance is
  // Σ n_r (v_r + (m_r − m)²) / N: no difference of large numbers.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& scale, const Tensor& offset, Tensor running_mean, Tensor running_var, double momentum, double eps, int64_t address) {
    const auto group = c10::intrusive_ptr<SslGroup>::reclaim_copy(reinterpret_cast<SslGroup*>(address));
    const int64_t channels = x.size(1);
    const auto count = x.numel() / channels;
    const auto like = scale.options();
    auto own = at::zeros({1, 2 * channels + 1}, like);
    if (count > 0) {
      const auto [var, mean] = at::var_mean(x.to(at::kFloat), places(x), /*correction=*/0);
      own = at::cat({at::full({1}, double(count), like), mean, var}).unsqueeze(0);
    }
    auto& backend = group->of(own);
    auto all = at::empty({backend.getSize(), 2 * channels + 1}, like);
    backend._allgather_base(all, own)->wait();
    const auto counts = all.narrow(1, 0, 1), means = all.narrow(1, 1, channels), vars = all.narrow(1, 1 + channels, channels);
    const auto total = counts.sum();
    const auto mean = (means * counts).sum(0) / total;
    const auto var = ((vars + (means - mean).square()) * counts).sum(0) / total;
    running_mean.mul_(1 - momentum).add_(mean, momentum);
    running_var.mul_(1 - momentum).add_(var * (total / (total - 1)), momentum);
    context->save_for_backward({x, scale, mean, var, total});
    context->saved_data["eps"] = eps;
    // The group lives as long as the graph.
    context->saved_data["group"] = at::IValue::make_capsule(group);
    // libtorch's kernels divide by the size of a batch.
    if (count == 0) return x.clone();
    // What "evaluation" computes with these statistics.
    return std::get<0>(at::native_batch_norm(x, scale, offset, mean, var, /*training=*/false, 0.0, eps));
  }

  // With x̂ = (x − m)/σ: dx = s/σ · (dy − (Σ dy + x̂ Σ dy·x̂)/N), the sums over all ranks. The gradients of scale and
  // offset are this rank's sums.
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &scale = saved[1], &mean = saved[2], &var = saved[3], &total = saved[4];
    const double eps = context->saved_data["eps"].toDouble();
    const auto capsule = context->saved_data["group"].toCapsule();
    auto& group = static_cast<SslGroup&>(*capsule);
    const int64_t channels = x.size(1);
    Tensor dx = at::zeros_like(x), dscale = at::zeros_like(scale), doffset = at::zeros_like(scale);
    if (x.numel() > 0) std::tie(dx, dscale, doffset) = at::native_batch_norm_backward(grads[0], x, scale, mean, var, {}, {}, /*train=*/false, eps, {true, true, true});
    std::vector<Tensor> sums{at::cat({dscale, doffset})};
    add_up(group, sums);
    const auto inverse = (var + eps).rsqrt();
    const auto slope = inverse.square() * scale * sums[0].narrow(0, 0, channels) / total;
    const auto constant = inverse * scale * sums[0].narrow(0, channels, channels) / total - slope * mean;
    std::vector<int64_t> shape(x.dim(), 1);
    shape[1] = channels;
    if (dx.scalar_type() == at::kFloat) {
      dx.addcmul_(x, slope.reshape(shape), -1).sub_(constant.reshape(shape));
    } else {
      dx = (dx.to(at::kFloat) - x * slope.reshape(shape) - constant.reshape(shape)).to(x.scalar_type());
    }
    return {dx, dscale, doffset, {}, {}, {}, {}, {}};
  }
};
}  // namespace

extern "C" char* ssl_dist_batch_norm(SslGroup* group, Tensor* x, Tensor* scale, Tensor* offset, Tensor* mean, Tensor* var, double momentum, double eps, Tensor** out) {
  return guarded([&] {
    *out = new Tensor(BatchNorm::apply(*x, *scale, *offset, *mean, *var, momentum, eps, reinterpret_cast<int64_t>(group)));
  });
}
