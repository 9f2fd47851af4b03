// A plugin in C++ on libtorch, without Rust: SimSiam with a linear projector and a small predictor.
//
//     z_v = W h_v + b,   p_v = W' relu(z_v) + b'
//     loss = -1/2 (cos(p_0, sg z_1) + cos(p_1, sg z_0)), averaged over the batch
//
// Chen, He, "Exploring Simple Siamese Representation Learning", CVPR 2021, arXiv:2011.10566, equation 2.
// Every function is explained in ssl_lottery.h.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/DLConvertor.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ssl_lottery.h"

namespace {

constexpr const char* ID = "simsiam-cpp";
constexpr const char* NAME = "SimSiam in C++";

ssl_str str(const std::string& text) { return {text.data(), text.size()}; }
std::string string(ssl_str text) { return {text.data, static_cast<size_t>(text.len)}; }

// A fault of a kind of its own.
struct Fault {
  ssl_fault kind;
  std::string message;
};

// Exceptions must not leave a plugin; libtorch's come without their C++ frames.
template <class Body>
ssl_fault guarded(ssl_sink error, Body body) noexcept {
  auto fail = [&](ssl_fault kind, const std::string& message) {
    error.put(error.context, str(message));
    return kind;
  };
  try {
    body();
    return SSL_OK;
  } catch (const Fault& fault) {
    return fail(fault.kind, fault.message);
  } catch (const c10::Error& refusal) {
    return fail(SSL_FAULT_PANIC, std::string("libtorch: ") + refusal.what_without_backtrace());
  } catch (const std::exception& refusal) {
    return fail(SSL_FAULT_PANIC, refusal.what());
  } catch (...) {
    return fail(SSL_FAULT_PANIC, "an exception without a message");
  }
}

// The boundary's tensor as libtorch's; the memory lives as long as the result or a view of it.
at::Tensor take(ssl_tensor* tensor) { return at::fromDLPackVersioned(tensor); }
ssl_tensor* give(const at::Tensor& tensor) { return at::toDLPackVersioned(tensor.detach()); }

// All tensors of a list, taken over before any is looked at.
std::vector<std::pair<std::string, at::Tensor>> take(const ssl_named* list, uint64_t count) {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (uint64_t i = 0; i < count; i++) all.emplace_back(string(list[i].name), take(list[i].tensor));
  return all;
}

struct SimSiam {
  // Projector and predictor, `h -> 8` and `8 -> 8`; weights are [out, in].
  std::vector<std::pair<std::string, at::Tensor>> parameters;

  SimSiam(int64_t dim, uint64_t seed) {
    auto generator = at::detail::createCPUGenerator(seed);
    auto add = [&](const char* name, std::vector<int64_t> size, double bound) {
      auto values = at::empty(size).uniform_(-bound, bound, generator);
      parameters.emplace_back(name, values.requires_grad_());
    };
    add("projector.weight", {8, dim}, 1 / std::sqrt(static_cast<double>(dim)));
    add("projector.bias", {8}, 1 / std::sqrt(static_cast<double>(dim)));
    add("predictor.weight", {8, 8}, 1 / std::sqrt(8.0));
    add("predictor.bias", {8}, 1 / std::sqrt(8.0));
  }

  at::Tensor project(const at::Tensor& h) { return at::linear(h, parameters[0].second, parameters[1].second); }
  at::Tensor predict(const at::Tensor& z) {
    return at::linear(at::relu(z), parameters[2].second, parameters[3].second);
  }
};

SimSiam& self(void* it) { return *static_cast<SimSiam*>(it); }

ssl_fault parameters(void* it, ssl_named_sink out, ssl_sink error) {
  return guarded(error, [&] {
    for (auto& [name, tensor] : self(it).parameters) out.put(out.context, {str(name), give(tensor)});
  });
}

ssl_fault load(void* it, const ssl_named* p, uint64_t np, const ssl_named* s, uint64_t ns, ssl_sink error) {
  return guarded(error, [&] {
    auto given = take(p, np);
    auto state = take(s, ns);
    if (!state.empty()) throw Fault{SSL_FAULT_STATE, "expected no state, found " + state[0].first};
    std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
    for (auto& [name, tensor] : given) {
      bool found = false;
      for (auto& [own, to] : self(it).parameters)
        if (own == name && to.sizes() == tensor.sizes() && tensor.scalar_type() == at::kFloat) {
          pairs.emplace_back(to, tensor);
          found = true;
        }
      if (!found) throw Fault{SSL_FAULT_STATE, "expected names, shapes and types of this framework, found " + name};
    }
    c10::NoGradGuard no_grad;
    for (auto& [to, from] : pairs) to.copy_(from);
  });
}

ssl_fault step(void* it, const ssl_step_in* in, ssl_step_out* out, ssl_sink error) {
  return guarded(error, [&] {
    take(in->indices);
    std::vector<at::Tensor> wanted;
    for (uint64_t i = 0; i < in->feature_count; i++)
      wanted.push_back(take(in->features[i]->tensor).detach());
    if (wanted.size() != 2) throw Fault{SSL_FAULT_SHAPE, "expected two views, found " + std::to_string(wanted.size())};
    auto dim = self(it).parameters[0].second.size(1);
    for (auto& view : wanted)
      if (view.scalar_type() != at::kFloat || view.dim() != 2 || view.size(1) != dim || view.size(0) != wanted[0].size(0))
        throw Fault{SSL_FAULT_SHAPE, "expected two f32 views of [batch, " + std::to_string(dim) + "], found " +
                                         view.toString() + " of " + c10::str(view.sizes())};
    for (auto& view : wanted) view.requires_grad_();
    c10::AutoGradMode with_gradient(true);
    auto z_0 = self(it).project(wanted[0]), z_1 = self(it).project(wanted[1]);
    auto half = [](const at::Tensor& p, const at::Tensor& z) {
      return at::cosine_similarity(p, z.detach(), 1, 1e-8).mean() * -0.5;
    };
    auto loss = half(self(it).predict(z_0), z_1) + half(self(it).predict(z_1), z_0);
    out->loss = loss.item<double>();
    if (!std::isfinite(out->loss)) throw Fault{SSL_FAULT_NUMERIC, "expected a finite loss, found NaN or infinity"};
    for (auto& [name, tensor] : self(it).parameters) wanted.push_back(tensor);
    auto grads = torch::autograd::grad({loss}, wanted, {}, false, false, true);
    for (size_t i = 0; i < grads.size(); i++) {
      if (!grads[i].defined()) continue;
      auto*& place = i < 2 ? out->feature_grads[i] : out->param_grads[i - 2];
      place = give(grads[i].contiguous());
    }
  });
}

void release(void* it) { delete static_cast<SimSiam*>(it); }

const ssl_instance* instance() {
  static const ssl_instance table = [] {
    ssl_instance it{};
    it.size = sizeof it;
    it.release = release;
    it.parameters = parameters;
    it.step = step;
    it.load = load;
    return it;
  }();
  return &table;
}

ssl_fault hello(ssl_sink json, ssl_sink error) {
  return guarded(error, [&] {
    json.put(json.context, str(std::string(R"({"api": "C++", "libtorch": ")") + TORCH_VERSION +
                               R"(", "requires": [], "frameworks": [{"id": ")" + ID + R"(", "name": ")" + NAME + R"(",
      "family": "distillation", "paper": "arXiv:2011.10566", "year": 2020, "version": "0.1.0",
      "license": "MIT OR Apache-2.0", "schema": []}]})"));
  });
}

// The one framework here has no keys. A plugin with some takes a JSON library.
void check(ssl_str id, ssl_str config) {
  if (string(id) != "simsiam-cpp") throw Fault{SSL_FAULT_UNSUPPORTED, "expected the id simsiam-cpp, found " + string(id)};
  auto keys = string(config);
  if (keys != "{}" && keys != "null") throw Fault{SSL_FAULT_CONFIG, "expected no configuration keys, found " + keys};
}

ssl_fault describe(ssl_str id, ssl_str config, ssl_sink json, ssl_sink error) {
  return guarded(error, [&] {
    check(id, config);
    json.put(json.context, str(R"({"views": [{"name": "view", "count": 2, "transforms": [
        {"op": "random-resized-crop", "size": 32, "area": [0.2, 1.0], "ratio": [0.75, 1.3333], "interpolation": "bilinear"},
        {"op": "horizontal-flip", "p": 0.5}]}],
      "encoders": [{"encoder": "online", "views": [0, 1], "levels": ["pooled"], "grouping": "per-view"}],
      "stops_gradient": true,
      "recipe": {"batch_size": 64, "epochs": 10, "optimizer": {"kind": "sgd", "momentum": 0.9},
        "lr": {"base": 0.05, "decay": {"kind": "cosine"}}, "weight_decay": {"start": 0.0001, "end": 0.0001}}})"));
  });
}

// A number behind a key; a plugin with more to read takes a JSON library.
int64_t number(const std::string& json, const std::string& after, const std::string& key) {
  auto at = json.find("\"" + key + "\":", json.find(after));
  if (at == std::string::npos) throw Fault{SSL_FAULT_CONFIG, "expected " + key + " in the run, found none"};
  return std::stoll(json.substr(at + key.size() + 3));
}

ssl_fault create(ssl_str id, ssl_str config, ssl_str run, const ssl_services*, void** it, const ssl_instance** table,
                 ssl_sink error) {
  return guarded(error, [&] {
    check(id, config);
    auto json = string(run);
    auto seed = static_cast<uint64_t>(number(json, "{", "seed"));
    *it = std::make_unique<SimSiam>(number(json, "\"pooled\"", "dim"), seed).release();
    *table = instance();
  });
}

}  // namespace

const ssl_plugin* ssl_lottery_plugin_v1(void) {
  static const ssl_plugin table = {sizeof table, SSL_LOTTERY_MAJOR, SSL_LOTTERY_MINOR, hello, describe, create};
  return &table;
}
