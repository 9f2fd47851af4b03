// Stands in for `group.cpp` and `batch_norm.cpp` where libtorch has no c10d: nothing can be opened.
#include "distributed.h"

#include <cstring>

static char* absent() { return strdup("this ssl-lottery was built without data parallelism: " SSL_WITHOUT); }

extern "C" {
char* ssl_dist_store(const char*, uint16_t, int, int64_t, SslStore**) { return absent(); }
uint16_t ssl_dist_store_port(const SslStore*) { return 0; }
void ssl_dist_store_close(SslStore*) {}
char* ssl_dist_store_set(SslStore*, const char*, const char*, uint64_t) { return absent(); }
char* ssl_dist_store_get(SslStore*, const char*, int64_t, char**, uint64_t*) { return absent(); }
char* ssl_dist_join(SslStore*, const char*, int, int, int, int, int64_t, SslGroup**) { return absent(); }
void ssl_dist_leave(SslGroup*) {}
char* ssl_dist_failure(SslGroup*) { return nullptr; }
char* ssl_dist_all_reduce(SslGroup*, at::Tensor*, int, SslPending**) { return absent(); }
char* ssl_dist_all_gather(SslGroup*, at::Tensor*, at::Tensor*, SslPending**) { return absent(); }
char* ssl_dist_reduce_scatter(SslGroup*, at::Tensor*, at::Tensor*, SslPending**) { return absent(); }
char* ssl_dist_broadcast(SslGroup*, at::Tensor*, int, SslPending**) { return absent(); }
char* ssl_dist_wait(SslPending*) { return absent(); }
char* ssl_dist_batch_norm(SslGroup*, at::Tensor*, at::Tensor*, at::Tensor*, at::Tensor*, at::Tensor*, double, double, at::Tensor**) { return absent(); }
}
