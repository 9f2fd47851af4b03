/* The boundary between ssl-lottery and its plugins, in plain C. This file is the contract; docs/abi.md
 * explains it. C11 or C++17.
 *
 * A plugin is a shared library that exports
 *
 *     const ssl_plugin *ssl_lottery_plugin_v1(void);
 *
 * SIZES. Every table and every struct that may grow begins with `size`: its size in bytes as its writer
 * compiled it. A reader takes whatever lies beyond that size as absent: functions as NULL, numbers as 0.
 * New members are only ever added at the end. A table's memory lives as long as the library; any other
 * struct only during the call that it is handed to.
 *
 * TENSORS are DLPack's, by pointer, in both directions. Whoever receives a pointer owns it: it calls
 * `deleter` exactly once, when it needs the memory no longer, from whichever thread; until then the giver
 * keeps memory, sizes and strides alive and does not write them (parameters are the exception, see there).
 * A NULL deleter means that the giver keeps the tensor: from the host until the call returns, from a
 * plugin (in `parameters` and `state` only) until `release`.
 * Types: f32, f64, f16, bf16, i64, u8, bool. Devices: CPU and CUDA. `strides` may be NULL for dense rows.
 *
 * CALLS. Functions return an ssl_fault. With anything but SSL_OK, one sentence goes into `error`: what was
 * expected, what was found. Calls on one instance come one at a time, perhaps from different threads.
 * Neither C++ exceptions nor anything else may unwind out of a function. An argument that passes tensors
 * passes their ownership whether or not the call succeeds.
 */
#ifndef SSL_LOTTERY_H
#define SSL_LOTTERY_H

#include <stdint.h>

/* DLPack 1.x: the includer's own header, libtorch's, or, where there is none, the same types here. */
#ifndef DLPACK_DLPACK_H_
#ifdef __has_include
#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#elif __has_include(<ATen/dlpack.h>)
#include <ATen/dlpack.h>
#endif
#endif
#endif
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
#define DLPACK_MAJOR_VERSION 1
#define DLPACK_MINOR_VERSION 1
#define DLPACK_FLAG_BITMASK_READ_ONLY (1UL << 0UL)
enum { kDLCPU = 1, kDLCUDA = 2 };
enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLBool = 6 };
typedef struct { uint32_t major, minor; } DLPackVersion;
typedef struct { int32_t device_type, device_id; } DLDevice;
typedef struct { uint8_t code, bits; uint16_t lanes; } DLDataType;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;   /* [ndim] */
  int64_t *strides; /* [ndim], in elements */
  uint64_t byte_offset;
} DLTensor;
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  DLTensor dl_tensor;
};
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SSL_LOTTERY_MAJOR 1
#define SSL_LOTTERY_MINOR 0

typedef struct DLManagedTensorVersioned ssl_tensor;

/* UTF-8, not terminated, valid during the call. */
typedef struct ssl_str {
  const char *data;
  uint64_t len;
} ssl_str;

/* Where text goes. For one text (JSON, an error, a name) several calls append; for a list each call is one
 * item. The sink is valid until the function that received it returns. One call puts at most 16 MiB of text, and at
 * most 65,536 items into a list. */
typedef struct ssl_sink {
  void *context;
  void (*put)(void *context, ssl_str text);
} ssl_sink;

/* Kinds of faults, as int32_t. */
enum {
  SSL_OK = 0,
  SSL_FAULT_CONFIG = 1,      /* a configuration key: unknown, wrong type, out of range, at odds with the run */
  SSL_FAULT_SHAPE = 2,       /* a tensor of a wrong shape, type or device */
  SSL_FAULT_NUMERIC = 3,     /* NaN or infinity */
  SSL_FAULT_STATE = 4,       /* parameters or state of another framework or configuration */
  SSL_FAULT_UNSUPPORTED = 5, /* something that this framework does not do */
  SSL_FAULT_PANIC = 6,       /* a panic or an exception, caught where it happened */
  SSL_FAULT_INTERNAL = 7,    /* any other fault of the plugin's own */
  SSL_FAULT_CANCELLED = 8,   /* the host asked to stop */
  SSL_FAULT_COLLECTIVE = 9   /* a collective failed */
};
typedef int32_t ssl_fault;

/* Where training is. */
typedef struct ssl_train_step {
  uint64_t size;
  uint64_t epoch, epochs; /* this epoch, from 0, and the number of epochs */
  uint64_t step;          /* optimiser steps done since the start of the run */
  uint64_t steps_per_epoch;
  uint64_t seed;
} ssl_train_step;

/* A tensor under a name in the habit of PyTorch's state dicts. Never grows. */
typedef struct ssl_named {
  ssl_str name;
  ssl_tensor *tensor;
} ssl_named;

typedef struct ssl_named_sink {
  void *context;
  void (*put)(void *context, ssl_named tensor);
} ssl_named_sink;

enum { SSL_ENCODER_ONLINE = 0, SSL_ENCODER_TARGET = 1 };
enum { SSL_LEVEL_POOLED = 0, SSL_LEVEL_LAYER1 = 1, SSL_LEVEL_LAYER2 = 2, SSL_LEVEL_LAYER3 = 3, SSL_LEVEL_LAYER4 = 4 };

/* One level of one view from one encoder: [batch, dim] when pooled, else [batch, channels, height, width]. */
typedef struct ssl_feature {
  uint64_t size;
  uint32_t encoder, level;
  uint32_t view; /* from 0, through all groups of views */
  uint32_t reserved;
  ssl_tensor *tensor; /* read-only */
} ssl_feature;

typedef struct ssl_step_in {
  uint64_t size;
  const ssl_train_step *at;
  ssl_tensor *indices;                /* place of each sample in the training set: [batch], i64, CPU */
  const ssl_feature *const *features; /* in the order of the description's encoder requests */
  uint64_t feature_count;
} ssl_step_in;

typedef struct ssl_metric_sink {
  void *context;
  void (*put)(void *context, ssl_str name, double value);
} ssl_metric_sink;

/* Filled in by the plugin; the host has set everything to 0 and NULL. */
typedef struct ssl_step_out {
  uint64_t size;
  double loss;                 /* of this rank's batch; NaN until the plugin sets it */
  ssl_tensor **feature_grads;  /* host's array, one for each feature: f32, of the feature's shape; NULL for zero */
  ssl_tensor **param_grads;    /* host's array, one for each of `parameters`, in its order; NULL for none */
  uint64_t param_count;
  ssl_metric_sink metrics;     /* numbers to log */
  uint32_t parameters_moved;   /* 1: parameters changed in number or address, ask anew */
  uint32_t reserved;
} ssl_step_out;

/* Filled in by the plugin; the host has set everything to 0 and NULL. */
typedef struct ssl_epoch_plan {
  uint64_t size;
  ssl_tensor *order;        /* samples of the epoch, i64, CPU; may repeat and omit. NULL: the host shuffles */
  ssl_sink reset_optimizer; /* a list: parameters whose optimiser state starts afresh */
  uint32_t parameters_moved;
  uint32_t reserved;
} ssl_epoch_plan;

enum { SSL_LOG_DEBUG = 0, SSL_LOG_INFO = 1, SSL_LOG_WARN = 2 };
enum { SSL_REDUCE_SUM = 0, SSL_REDUCE_MAX = 1 };

/* What the host offers. The context lives as long as the instance; who needs it longer calls `retain`, and
 * `release` afterwards. All functions may be called from any thread. */
typedef struct ssl_services {
  uint64_t size;
  void *context;
  void (*retain)(void *context);
  void (*release)(void *context);
  void (*log)(void *context, uint32_t level, ssl_str message);
  uint32_t (*cancelled)(void *context); /* 1: stop soon, with SSL_FAULT_CANCELLED */
  /* Collectives; with one rank they change nothing. The first and the last overwrite the tensor. */
  ssl_fault (*all_reduce)(void *context, ssl_tensor *tensor, uint32_t reduce, ssl_sink error);
  ssl_fault (*all_gather)(void *context, ssl_tensor *tensor, ssl_tensor **gathered, ssl_sink error);
  ssl_fault (*broadcast)(void *context, ssl_tensor *tensor, uint32_t root, ssl_sink error);
} ssl_services;

/* A framework at work. `it` is the instance's own pointer. Functions marked (optional) may be NULL. */
typedef struct ssl_instance {
  uint64_t size;
  /* Ends it. The host has dropped every tensor of `parameters` and `state` before. */
  void (*release)(void *it);
  /* The trained parameters, f32: views of the plugin's memory, which the host updates in place. Order and
   * addresses stay until a call reports `parameters_moved`. */
  ssl_fault (*parameters)(void *it, ssl_named_sink out, ssl_sink error);
  /* One pretext step: loss and gradients. */
  ssl_fault (*step)(void *it, const ssl_step_in *in, ssl_step_out *out, ssl_sink error);
  /* (optional) Everything else that a resumed run needs: views, which the host reads before its next call.
   * So a large queue may be updated in place and is copied only when a checkpoint is written. */
  ssl_fault (*state)(void *it, ssl_named_sink out, ssl_sink error);
  /* (optional without parameters and state) Takes over parameters and state by name; what is not named
   * stays. A name that does not exist or a shape that does not fit changes nothing: SSL_FAULT_STATE. */
  ssl_fault (*load)(void *it, const ssl_named *parameters, uint64_t parameter_count, const ssl_named *state,
                    uint64_t state_count, ssl_sink error);
  /* (optional) After the optimiser; `momentum` is NULL without a target encoder. */
  ssl_fault (*after_update)(void *it, const ssl_train_step *at, const double *momentum, ssl_sink error);
  /* (optional) Before an epoch. */
  ssl_fault (*begin_epoch)(void *it, const ssl_train_step *at, ssl_epoch_plan *plan, ssl_sink error);
  /* (optional) The id of the feature pass to run now; nothing for none. Asked before each epoch and each
   * step, and again after each pass, if the description lists passes. */
  ssl_fault (*due)(void *it, const ssl_train_step *at, ssl_sink pass, ssl_sink error);
  ssl_fault (*begin_pass)(void *it, const ssl_train_step *at, ssl_str pass, uint64_t samples, ssl_sink error);
  /* One batch of the pass: indices as in ssl_step_in, one feature for each view. */
  ssl_fault (*absorb)(void *it, ssl_tensor *indices, const ssl_feature *const *features, uint64_t feature_count,
                      ssl_sink error);
  ssl_fault (*end_pass)(void *it, ssl_sink error);
  /* (optional) What the framework's clustering makes of a given bank; for conformance tests. */
  ssl_fault (*cluster)(void *it, const ssl_train_step *at, const ssl_named *bank, uint64_t bank_count,
                       ssl_named_sink out, ssl_sink error);
} ssl_instance;

typedef struct ssl_plugin {
  uint64_t size;
  uint32_t major, minor; /* SSL_LOTTERY_MAJOR and SSL_LOTTERY_MINOR of the header it was compiled with */
  /* JSON: api, libtorch, requires, frameworks. */
  ssl_fault (*hello)(ssl_sink json, ssl_sink error);
  /* A framework's id and configuration (JSON) to its description (JSON). Pure. */
  ssl_fault (*describe)(ssl_str id, ssl_str config, ssl_sink json, ssl_sink error);
  /* Starts a framework. `run` is JSON: feature sizes, samples, batch, epochs, ranks, device, seed. */
  ssl_fault (*create)(ssl_str id, ssl_str config, ssl_str run, const ssl_services *services, void **it,
                      const ssl_instance **table, ssl_sink error);
} ssl_plugin;

#if defined(_WIN32)
__declspec(dllexport)
#elif defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const ssl_plugin *ssl_lottery_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
