/* A plugin as it could be built with the header of ABI 1.0, frozen: it declares what it uses of that
 * version by itself and includes nothing of this repository's, so that no later edit can change what it
 * is. Never edit it; what a later version adds gets a file of its own.
 *
 * Its one framework hands features back as their gradients. Flags make it other plugins:
 *   SHORT       its instance's table ends after `step`, as one of a leaner version would
 *   LONG        functions at the end of both tables that no host knows, minor version 7
 *   MAJOR=n     its table names another major version
 *   SYMBOL=s    it exports another symbol
 *   REQUIRES=s  its greeting asks for this capability; with IN_DESCRIBE its description does
 *   LIBTORCH=s  it was built for this libtorch
 *   MISSING     its instance's table has no `step`
 *   TINY        its plugin's table is too small for anything
 *   LENT        its gradient has no deleter
 *   SILENT      its step fails without a message
 *   NO_STRIDES  its gradient has no strides */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *data; uint64_t len; } text;
typedef struct { void *context; void (*put)(void *context, text it); } sink;
typedef struct tensor {
  uint32_t version_major, version_minor;
  void *context;
  void (*deleter)(struct tensor *self);
  uint64_t flags;
  void *data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} tensor;
typedef struct { text name; tensor *it; } named;
typedef struct { void *context; void (*put)(void *context, named it); } named_sink;
typedef struct { uint64_t size; uint32_t encoder, level, view, reserved; tensor *it; } feature;
typedef struct { uint64_t size; const void *at; tensor *indices; const feature *const *features; uint64_t feature_count; } step_in;
typedef struct {
  uint64_t size;
  double loss;
  tensor **feature_grads, **param_grads;
  uint64_t param_count;
  void *metric_context;
  void (*metric)(void *context, text name, double value);
  uint32_t parameters_moved, reserved;
} step_out;
typedef struct {
  uint64_t size;
  void (*release)(void *it);
  int32_t (*parameters)(void *it, named_sink out, sink error);
  int32_t (*step)(void *it, const step_in *in, step_out *out, sink error);
  void *state, *load, *after_update, *begin_epoch, *due, *begin_pass, *absorb, *end_pass, *cluster;
#ifdef LONG
  void (*of_the_future)(void);
#endif
} instance_table;
typedef struct {
  uint64_t size;
  uint32_t major, minor;
  int32_t (*hello)(sink json, sink error);
  int32_t (*describe)(text id, text config, sink json, sink error);
  int32_t (*create)(text id, text config, text run, const void *services, void **it, const instance_table **table, sink error);
#ifdef LONG
  void (*of_the_future)(void);
#endif
} plugin_table;

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef SYMBOL
#define SYMBOL ssl_lottery_plugin_v1
#endif
#ifdef LIBTORCH
#define BUILT_FOR "\"" QUOTE(LIBTORCH) "\""
#else
#define BUILT_FOR "null"
#endif
#ifdef REQUIRES
#define ASKED "\"requires\": [\"" QUOTE(REQUIRES) "\"], "
#else
#define ASKED ""
#endif
#ifdef IN_DESCRIBE
#define ASKED_IN_HELLO ""
#define ASKED_IN_DESCRIBE ASKED
#else
#define ASKED_IN_HELLO ASKED
#define ASKED_IN_DESCRIBE ""
#endif

static text str(const char *it) { text t = {it, strlen(it)}; return t; }

static int32_t parameters(void *it, named_sink out, sink error) {
  (void)it, (void)out, (void)error;
  return 0;
}

static int32_t step(void *it, const step_in *in, step_out *out, sink error) {
  (void)it, (void)error;
  for (uint64_t i = 0; i < in->feature_count; i++) {
    tensor *grad = in->features[i]->it;
#ifdef LENT
    grad->deleter = NULL;
#endif
#ifdef NO_STRIDES
    grad->strides = NULL;
#endif
    out->feature_grads[i] = grad;
  }
  in->indices->deleter(in->indices);
  out->loss = 0.25;
#ifdef SILENT
  return 5;
#else
  return 0;
#endif
}

static void release(void *it) { free(it); }

#ifdef LONG
static void future(void) { abort(); }
#endif

static const instance_table INSTANCE = {
#ifdef SHORT
    .size = offsetof(instance_table, state),
    /* Whatever lies behind the end is not to be looked at. */
    .state = (void *)16, .load = (void *)16, .after_update = (void *)16, .begin_epoch = (void *)16, .due = (void *)16,
#else
    .size = sizeof(instance_table),
#endif
    .release = release,
    .parameters = parameters,
#ifndef MISSING
    .step = step,
#endif
#ifdef LONG
    .of_the_future = future,
#endif
};

static int32_t hello(sink json, sink error) {
  (void)error;
  /* `tint` is a key that no host knows. */
  json.put(json.context, str("{\"api\": \"frozen\", \"tint\": 3, \"libtorch\": " BUILT_FOR ", " ASKED_IN_HELLO
                             "\"frameworks\": [{\"id\": \"frozen\", \"name\": \"Frozen\", \"family\": \"other\", "));
  json.put(json.context, str("\"paper\": \"none\", \"year\": 2026, \"version\": \"0.1.0\", \"license\": \"MIT\", \"schema\": []}]}"));
  return 0;
}

static int32_t describe(text id, text config, sink json, sink error) {
  (void)id, (void)config, (void)error;
  json.put(json.context, str("{" ASKED_IN_DESCRIBE "\"views\": [{\"name\": \"whole\", \"count\": 1, \"transforms\": [{\"op\": "
                             "\"random-resized-crop\", \"size\": 32, \"area\": [0.5, 1.0], \"ratio\": [0.75, 1.33], "
                             "\"interpolation\": \"bilinear\"}]}], \"encoders\": [{\"encoder\": \"online\", \"views\": [0], "
                             "\"levels\": [\"pooled\"], \"grouping\": \"per-view\"}], \"recipe\": {\"batch_size\": 64, "
                             "\"epochs\": 1, \"optimizer\": {\"kind\": \"sgd\", \"momentum\": 0.9}, \"lr\": {\"base\": 0.001, "
                             "\"decay\": {\"kind\": \"constant\"}}, \"weight_decay\": {\"start\": 0.0, \"end\": 0.0}}}"));
  return 0;
}

static int32_t create(text id, text config, text run, const void *services, void **it, const instance_table **table, sink error) {
  (void)id, (void)config, (void)run, (void)services, (void)error;
  *it = malloc(1);
  *table = &INSTANCE;
  return 0;
}

static const plugin_table PLUGIN = {
#ifdef TINY
    .size = 8,
#else
    .size = sizeof(plugin_table),
#endif
    .major = MAJOR,
#ifdef LONG
    .minor = 7,
    .of_the_future = future,
#endif
    .hello = hello,
    .describe = describe,
    .create = create,
};

const plugin_table *SYMBOL(void) { return &PLUGIN; }
