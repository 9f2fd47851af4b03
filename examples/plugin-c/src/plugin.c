/* A plugin in plain C, without any tensor library: the smallest thing that trains.
 *
 * Two views of an image shall have the same weighted features:
 *     loss = sum_ik w_k^2 (x_ik - y_ik)^2 / 2B - mean_k log |w_k|
 * The host trains w; a counter of steps is the state. Every function is explained in ssl_lottery.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ssl_lottery.h"

#define ID "align"
#define NAME "Align"

typedef struct {
  float *w;
  int64_t dim;
  int64_t *steps;
} model;

static ssl_str str(const char *text) {
  ssl_str it = {text, strlen(text)};
  return it;
}

static int same(ssl_str it, const char *text) { return it.len == strlen(text) && memcmp(it.data, text, it.len) == 0; }

static ssl_fault fail(ssl_sink error, ssl_fault kind, const char *text) {
  error.put(error.context, str(text));
  return kind;
}

/* Tensors of ours: dense, on the CPU. With `owned`, the deleter frees the numbers too. */
typedef struct {
  ssl_tensor tensor;
  int64_t dims[4];
  void *owned;
} block;

static void drop(ssl_tensor *tensor) {
  block *it = (block *)tensor;
  free(it->owned);
  free(it);
}

static ssl_tensor *give(void *data, int owned, uint8_t code, uint8_t bits, int32_t ndim, int64_t rows, int64_t columns) {
  block *it = calloc(1, sizeof *it);
  it->dims[0] = rows;
  it->dims[1] = columns;
  it->dims[2] = ndim == 2 ? columns : 1;
  it->dims[3] = 1;
  it->owned = owned ? data : NULL;
  it->tensor.version.major = DLPACK_MAJOR_VERSION;
  it->tensor.version.minor = DLPACK_MINOR_VERSION;
  it->tensor.deleter = drop;
  it->tensor.dl_tensor.data = data;
  it->tensor.dl_tensor.device.device_type = kDLCPU;
  it->tensor.dl_tensor.ndim = ndim;
  it->tensor.dl_tensor.dtype.code = code;
  it->tensor.dl_tensor.dtype.bits = bits;
  it->tensor.dl_tensor.dtype.lanes = 1;
  it->tensor.dl_tensor.shape = it->dims;
  it->tensor.dl_tensor.strides = it->dims + 2;
  return &it->tensor;
}

/* Tensors of the host's. */
static void done(ssl_tensor *tensor) {
  if (tensor && tensor->deleter) tensor->deleter(tensor);
}

static const float *row(const ssl_tensor *tensor, int64_t n) {
  const DLTensor *raw = &tensor->dl_tensor;
  int64_t stride = raw->strides ? raw->strides[0] : raw->shape[1];
  return (const float *)((const char *)raw->data + raw->byte_offset) + n * stride;
}

static int64_t step_of_columns(const ssl_tensor *tensor) {
  return tensor->dl_tensor.strides ? tensor->dl_tensor.strides[1] : 1;
}

static int is(const ssl_tensor *tensor, uint8_t code, uint8_t bits, int32_t ndim) {
  const DLTensor *raw = &tensor->dl_tensor;
  return raw->device.device_type == kDLCPU && raw->dtype.code == code && raw->dtype.bits == bits && raw->ndim == ndim;
}

static ssl_fault parameters(void *it, ssl_named_sink out, ssl_sink error) {
  model *a = it;
  ssl_named w = {str("w"), give(a->w, 0, kDLFloat, 32, 1, a->dim, 0)};
  (void)error;
  out.put(out.context, w);
  return SSL_OK;
}

static ssl_fault state(void *it, ssl_named_sink out, ssl_sink error) {
  model *a = it;
  ssl_named steps = {str("steps"), give(a->steps, 0, kDLInt, 64, 1, 1, 0)};
  (void)error;
  out.put(out.context, steps);
  return SSL_OK;
}

static int named(const ssl_named *tensor, const char *name) {
  return same(tensor->name, name);
}

static ssl_fault load(void *it, const ssl_named *p, uint64_t np, const ssl_named *s, uint64_t ns, ssl_sink error) {
  model *a = it;
  ssl_fault code = SSL_OK;
  /* First everything is looked at, then everything is taken. */
  for (uint64_t i = 0; i < np && code == SSL_OK; i++)
    if (!named(p + i, "w") || !is(p[i].tensor, kDLFloat, 32, 1) || p[i].tensor->dl_tensor.shape[0] != a->dim)
      code = fail(error, SSL_FAULT_STATE, "expected a parameter w of the features' width, found another");
  for (uint64_t i = 0; i < ns && code == SSL_OK; i++)
    if (!named(s + i, "steps") || !is(s[i].tensor, kDLInt, 64, 1) || s[i].tensor->dl_tensor.shape[0] != 1)
      code = fail(error, SSL_FAULT_STATE, "expected a state steps of one number, found another");
  for (uint64_t i = 0; i < np; i++) {
    const DLTensor *raw = &p[i].tensor->dl_tensor;
    int64_t stride = raw->strides ? raw->strides[0] : 1;
    if (code == SSL_OK)
      for (int64_t k = 0; k < a->dim; k++) a->w[k] = ((const float *)((const char *)raw->data + raw->byte_offset))[k * stride];
    done(p[i].tensor);
  }
  for (uint64_t i = 0; i < ns; i++) {
    const DLTensor *raw = &s[i].tensor->dl_tensor;
    if (code == SSL_OK) *a->steps = *(const int64_t *)((const char *)raw->data + raw->byte_offset);
    done(s[i].tensor);
  }
  return code;
}

static ssl_fault train(model *a, const ssl_step_in *in, ssl_step_out *out, ssl_sink error) {
  const ssl_tensor *x, *y;
  int64_t batch, dim = a->dim;
  float *gx, *gy, *gw;
  double loss = 0;
  if (in->feature_count != 2 || out->param_count != 1)
    return fail(error, SSL_FAULT_SHAPE, "expected two views and one parameter, found another number");
  x = in->features[0]->tensor;
  y = in->features[1]->tensor;
  if (!is(x, kDLFloat, 32, 2) || !is(y, kDLFloat, 32, 2) || x->dl_tensor.shape[1] != dim ||
      y->dl_tensor.shape[1] != dim || x->dl_tensor.shape[0] != y->dl_tensor.shape[0])
    return fail(error, SSL_FAULT_SHAPE, "expected two f32 views of [batch, dim] on the CPU, found others");
  batch = x->dl_tensor.shape[0];
  gx = malloc((size_t)(batch * dim) * sizeof *gx);
  gy = malloc((size_t)(batch * dim) * sizeof *gy);
  gw = calloc((size_t)dim, sizeof *gw);
  for (int64_t i = 0; i < batch; i++)
    for (int64_t k = 0; k < dim; k++) {
      float w = a->w[k], apart = row(x, i)[k * step_of_columns(x)] - row(y, i)[k * step_of_columns(y)];
      loss += 0.5 * w * w * apart * apart / (double)batch;
      gx[i * dim + k] = w * w * apart / (float)batch;
      gy[i * dim + k] = -gx[i * dim + k];
      gw[k] += w * apart * apart / (float)batch;
    }
  for (int64_t k = 0; k < dim; k++) {
    loss -= log(fabs(a->w[k])) / (double)dim;
    gw[k] -= 1.0f / (a->w[k] * (float)dim);
  }
  if (!isfinite(loss)) {
    free(gx), free(gy), free(gw);
    return fail(error, SSL_FAULT_NUMERIC, "expected a finite loss, found NaN or infinity");
  }
  *a->steps += 1;
  out->loss = loss;
  out->feature_grads[0] = give(gx, 1, kDLFloat, 32, 2, batch, dim);
  out->feature_grads[1] = give(gy, 1, kDLFloat, 32, 2, batch, dim);
  out->param_grads[0] = give(gw, 1, kDLFloat, 32, 1, dim, 0);
  out->metrics.put(out->metrics.context, str("steps"), (double)*a->steps);
  return SSL_OK;
}

static ssl_fault step(void *it, const ssl_step_in *in, ssl_step_out *out, ssl_sink error) {
  ssl_fault code = train(it, in, out, error);
  for (uint64_t i = 0; i < in->feature_count; i++) done(in->features[i]->tensor);
  done(in->indices);
  return code;
}

static void release(void *it) {
  model *a = it;
  free(a->w);
  free(a->steps);
  free(a);
}

/* Members that are not named are NULL: this framework has no passes and no clustering. */
static const ssl_instance INSTANCE = {
    .size = sizeof(ssl_instance),
    .release = release,
    .parameters = parameters,
    .step = step,
    .state = state,
    .load = load,
};

static ssl_fault hello(ssl_sink json, ssl_sink error) {
  (void)error;
  json.put(json.context, str("{\"api\": \"C\", \"libtorch\": null, \"requires\": [], \"frameworks\": [{"
                             "\"id\": \"" ID "\", \"name\": \"" NAME "\", \"family\": \"other\", \"paper\": \"none\", "
                             "\"year\": 2026, \"version\": \"0.1.0\", \"license\": \"MIT OR Apache-2.0\", \"schema\": []}]}"));
  return SSL_OK;
}

/* The one framework here has no keys. */
static ssl_fault check(ssl_str id, ssl_str config, ssl_sink error) {
  if (!same(id, "align")) return fail(error, SSL_FAULT_UNSUPPORTED, "expected the id align, found another");
  if (same(config, "{}") || same(config, "null")) return SSL_OK;
  error.put(error.context, str("expected no configuration keys, found "));
  error.put(error.context, config);
  return SSL_FAULT_CONFIG;
}

static ssl_fault describe(ssl_str id, ssl_str config, ssl_sink json, ssl_sink error) {
  ssl_fault code = check(id, config, error);
  if (code != SSL_OK) return code;
  json.put(json.context,
           str("{\"views\": [{\"name\": \"view\", \"count\": 2, \"transforms\": [{\"op\": \"random-resized-crop\", "
               "\"size\": 32, \"area\": [0.2, 1.0], \"ratio\": [0.75, 1.3333], \"interpolation\": \"bilinear\"}]}], "
               "\"encoders\": [{\"encoder\": \"online\", \"views\": [0, 1], \"levels\": [\"pooled\"], "
               "\"grouping\": \"per-view\"}], \"stops_gradient\": false, "));
  json.put(json.context,
           str("\"recipe\": {\"batch_size\": 64, \"epochs\": 10, \"optimizer\": {\"kind\": \"sgd\", \"momentum\": 0.9}, "
               "\"lr\": {\"base\": 0.01, \"decay\": {\"kind\": \"constant\"}}, "
               "\"weight_decay\": {\"start\": 0.0, \"end\": 0.0}}}"));
  return SSL_OK;
}

/* The channels of the pooled features in {"features": [{"level": "pooled", "dim": 512}], ...}. A plugin with
 * more to read takes a JSON library. */
static int64_t pooled_dim(ssl_str run) {
  char *text = calloc(1, run.len + 1), *at;
  int64_t dim = 0;
  memcpy(text, run.data, run.len);
  at = strstr(text, "\"pooled\"");
  at = at ? strstr(at, "\"dim\":") : NULL;
  if (at) dim = atoll(at + 6);
  free(text);
  return dim;
}

static ssl_fault create(ssl_str id, ssl_str config, ssl_str run, const ssl_services *services, void **it,
                        const ssl_instance **table, ssl_sink error) {
  model *a;
  int64_t dim = pooled_dim(run);
  ssl_fault code = check(id, config, error);
  (void)services;
  if (code != SSL_OK) return code;
  if (dim <= 0) return fail(error, SSL_FAULT_CONFIG, "expected pooled features in the run, found none");
  a = calloc(1, sizeof *a);
  a->dim = dim;
  a->w = malloc((size_t)dim * sizeof *a->w);
  a->steps = calloc(1, sizeof *a->steps);
  for (int64_t k = 0; k < dim; k++) a->w[k] = 1.0f;
  *it = a;
  *table = &INSTANCE;
  return SSL_OK;
}

static const ssl_plugin PLUGIN = {sizeof(ssl_plugin), SSL_LOTTERY_MAJOR, SSL_LOTTERY_MINOR, hello, describe, create};

const ssl_plugin *ssl_lottery_plugin_v1(void) { return &PLUGIN; }
