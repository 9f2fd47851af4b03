// Stores, groups and collectives.
#include "group.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <cstdlib>

using std::chrono::milliseconds;

struct SslStore {
  c10::intrusive_ptr<c10d::TCPStore> tcp;
};
struct SslPending {
  c10::intrusive_ptr<c10d::Work> work;
};

// The network that Gloo uses: loopback, the interface of `GLOO_SOCKET_IFNAME`, or the host name's.
static std::shared_ptr<gloo::transport::Device> device(bool loopback) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME")) return Gloo::createDeviceForInterface(name);
  return loopback ? Gloo::createDeviceForHostname("127.0.0.1") : Gloo::createDefaultDevice();
}

static c10d::ReduceOp operation(int op) {
  switch (op) {
    case 0: return c10d::ReduceOp::SUM;
    case 1: return c10d::ReduceOp::MAX;
    default: return c10d::ReduceOp::MIN;
  }
}

extern "C" {
char* ssl_dist_store(const char* host, uint16_t port, int serve, int64_t timeout_ms, SslStore** out) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = serve != 0;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout_ms);
    *out = new SslStore{c10::make_intrusive<c10d::TCPStore>(host, options)};
  });
}

uint16_t ssl_dist_store_port(const SslStore* store) { return store->tcp->getPort(); }

void ssl_dist_store_close(SslStore* store) { delete store; }

char* ssl_dist_store_set(SslStore* store, const char* key, const char* value, uint64_t length) {
  return guarded([&] { store->tcp->set(key, std::vector<uint8_t>(value, value + length)); });
}

char* ssl_dist_store_get(SslStore* store, const char* key, int64_t timeout_ms, char** value, uint64_t* length) {
  return guarded([&] {
    store->tcp->wait({key}, milliseconds(timeout_ms));
    const auto found = store->tcp->get(key);
    *value = static_cast<char*>(std::malloc(found.size() + 1));
    std::memcpy(*value, found.data(), found.size());
    *length = found.size();
  });
}

char* ssl_dist_join(SslStore* store, const char* prefix, int rank, int world_size, int cuda, int loopback, int64_t timeout_ms, SslGroup** out) {
  return guarded([&] {
    const milliseconds timeout(timeout_ms);
    const auto own = c10::make_intrusive<c10d::PrefixStore>(prefix, store->tcp);
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(device(loopback != 0));
    options->threads = 2;
    auto group = c10::make_intrusive<SslGroup>();
    group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(own, rank, world_size, options);
    if (cuda) {
#ifdef USE_C10D_NCCL
      auto options = c10d::ProcessGroupNCCL::Options::create();
      options->timeout = timeout;
      group->nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(own, rank, world_size, options);
#else
      TORCH_CHECK(false, "this ssl-lottery was built without NCCL, which ranks on GPUs need");
#endif
    }
    *out = group.release();
  });
}

void ssl_dist_leave(SslGroup* group) { c10::intrusive_ptr<SslGroup>::reclaim(group); }

char* ssl_dist_failure(SslGroup* group) {
  const std::lock_guard<std::mutex> held(group->lock);
  return group->failure.empty() ? nullptr : strdup(group->failure.c_str());
}

char* ssl_dist_all_reduce(SslGroup* group, at::Tensor* tensor, int op, SslPending** out) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = operation(op);
    *out = new SslPending{group->of(*tensor).allreduce(tensors, options)};
  });
}

char* ssl_dist_all_gather(SslGroup* group, at::Tensor* own, at::Tensor* all, SslPending** out) {
  return guarded([&] { *out = new SslPending{group->of(*own)._allgather_base(*all, *own)}; });
}

char* ssl_dist_reduce_scatter(SslGroup* group, at::Tensor* all, at::Tensor* part, SslPending** out) {
  return guarded([&] { *out = new SslPending{group->of(*all)._reduce_scatter_base(*part, *all)}; });
}

char* ssl_dist_broadcast(SslGroup* group, at::Tensor* tensor, int root, SslPending** out) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    *out = new SslPending{group->of(*tensor).broadcast(tensors, options)};
  });
}

char* ssl_dist_wait(SslPending* pending) {
  char* message = guarded([&] { pending->work->wait(); });
  delete pending;
  return message;
}
}
