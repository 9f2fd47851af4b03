// c10d's stores and process groups behind C functions. A function gives back null, or a message from malloc.
#pragma once
#include <cstdint>

namespace at { class Tensor; }
struct SslStore;
struct SslGroup;
struct SslPending;

extern "C" {
// Connects to the store at host and port; `serve` starts it here, on a port of the system's choice for port 0.
char* ssl_dist_store(const char* host, uint16_t port, int serve, int64_t timeout_ms, SslStore** out);
uint16_t ssl_dist_store_port(const SslStore* store);
void ssl_dist_store_close(SslStore* store);
char* ssl_dist_store_set(SslStore* store, const char* key, const char* value, uint64_t length);
// Waits for the key; `value` is from malloc.
char* ssl_dist_store_get(SslStore* store, const char* key, int64_t timeout_ms, char** value, uint64_t* length);

// Meets all ranks. `loopback` keeps their connections on this machine.
char* ssl_dist_join(SslStore* store, const char* prefix, int rank, int world_size, int cuda, int loopback, int64_t timeout_ms, SslGroup** out);
void ssl_dist_leave(SslGroup* group);
// Why the collective of a backward pass has failed; null where none has.
char* ssl_dist_failure(SslGroup* group);
// `op`: 0 sum, 1 largest, 2 smallest. In place; complete when `ssl_dist_wait` returns.
char* ssl_dist_all_reduce(SslGroup* group, at::Tensor* tensor, int op, SslPending** out);
// `all` holds the ranks' tensors one after another along the first dimension.
char* ssl_dist_all_gather(SslGroup* group, at::Tensor* own, at::Tensor* all, SslPending** out);
// `part` is this rank's part of the sum, along the first dimension.
char* ssl_dist_reduce_scatter(SslGroup* group, at::Tensor* all, at::Tensor* part, SslPending** out);
char* ssl_dist_broadcast(SslGroup* group, at::Tensor* tensor, int root, SslPending** out);
// Waits, and frees `pending` in any case.
char* ssl_dist_wait(SslPending* pending);
// Batch norm in train mode with statistics over the ranks' batches; `out` is differentiable once.
char* ssl_dist_batch_norm(SslGroup* group, at::Tensor* x, at::Tensor* scale, at::Tensor* offset, at::Tensor* mean, at::Tensor* var, double momentum, double eps, at::Tensor** out);
}
