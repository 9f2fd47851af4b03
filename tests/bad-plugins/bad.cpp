// A plugin that learns, and makes one mistake if its file's name says so (faults.hpp). The tests compile it:
//
//     c++ -std=c++17 -O1 -fPIC -shared -I plugin-api/include tests/bad-plugins/bad.cpp -o libssl_bad-prints.so
//
// Its framework is contrastive: with z = W h - m for the two views a and b of an image, m the running mean of z,
//     loss = gain (tr(C_a C_b) - 2 mean_i z_ai . z_bi),   C = mean_i z_i z_i^T over all ranks.
#include "config.hpp"
#include "faults.hpp"
#include "model.hpp"
#include "tensors.hpp"

static int64_t number_after(const std::string &text, const std::string &mark, const char *key) {
  size_t at = text.find(mark);
  if (at != std::string::npos) at = text.find(key, at);
  return at == std::string::npos ? 0 : atoll(text.c_str() + at + strlen(key));
}

static std::string of(ssl_str it) { return std::string(it.data, it.len); }

static void sum_over_ranks(model *m, std::vector<float> &values, int64_t rows, int64_t columns) {
  if (m->world_size == 1 || is("local-statistics")) return;
  std::string message;
  ssl_sink error = {&message, [](void *to, ssl_str text) { static_cast<std::string *>(to)->append(text.data, text.len); }};
  m->services->all_reduce(m->services->context, give(values.data(), false, {rows, columns}), SSL_REDUCE_SUM, error);
}

static ssl_fault check(model *m, const ssl_step_in *in, ssl_sink error) {
  uint64_t wanted = is("target-gradient") ? 4 : 2;
  if (in->feature_count != wanted && !(is("takes-a-view-less") && in->feature_count == 1))
    return fail(error, SSL_FAULT_SHAPE, "expected two views, found another number");
  for (uint64_t v = 0; v < in->feature_count; v++) {
    const ssl_tensor *h = in->features[v]->tensor;
    if (!is_type(h, kDLFloat, 32) || h->dl_tensor.ndim != 2 || h->dl_tensor.shape[1] != m->dim)
      return fail(error, SSL_FAULT_SHAPE, "expected f32 views of [batch, dim] on the CPU, found others");
    for (int64_t i = 0; i < h->dl_tensor.shape[0]; i++)
      for (int64_t k = 0; k < m->dim; k++)
        if (!std::isfinite(element<float>(h, i, k)) && !is("skips-what-is-no-number"))
          return fail(error, SSL_FAULT_NUMERIC, "expected finite features, found NaN in row " + std::to_string(i));
  }
  return SSL_OK;
}

static ssl_fault train(model *m, const ssl_step_in *in, ssl_step_out *out, ssl_sink error) {
  if (ssl_fault code = check(m, in, error)) return code;
  stumble();
  if (is("cancel-is-internal") && m->services->cancelled(m->services->context))
    return fail(error, SSL_FAULT_INTERNAL, "something went wrong");
  if (is("default-fails") && m->width > 64) return fail(error, SSL_FAULT_INTERNAL, "this is too wide");
  if (is("range-is-too-wide") && m->other) return fail(error, SSL_FAULT_INTERNAL, "this kind does not work");
  const ssl_tensor *h[2] = {in->features[0]->tensor, in->features[in->feature_count > 1 ? 1 : 0]->tensor};
  const int64_t n = h[0]->dl_tensor.shape[0], d = m->dim, w = m->width;
  const double all = (double)(n * (is("local-statistics") ? 1 : m->world_size));
  if (is("writes-into-inputs")) element<float>(h[0], 0, 0) *= 0.5f;
  std::vector<float> z[2], c[2], mean(w);
  for (int v = 0; v < 2; v++) {
    z[v] = project(m, h[v], n);
    c[v] = second_moment(z[v], n, w);
    for (float &x : c[v]) x /= (float)all;
  }
  if (is("a-rank-leaves-out-a-collective") && m->rank == 1) {
    sum_over_ranks(m, c[0], w, w);
  } else {
    sum_over_ranks(m, c[0], w, w);
    sum_over_ranks(m, c[1], w, w);
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < w; k++) mean[k] += (z[0][i * w + k] + m->mean()[k]) / (float)all;
  sum_over_ranks(m, mean, 1, w);
  m->next_mean = mean;

  double loss = 0, gain = m->gain * m->drift();
  for (size_t i = 0; i < c[0].size(); i++) loss += (double)c[0][i] * c[1][i];
  for (int64_t i = 0; i < n; i++) {
    double row = 1;
    if (is("weighs-by-place")) row = 1 + (double)i / (double)n;
    for (int64_t k = 0; k < w; k++) loss -= row * 2.0 / (double)n * z[0][i * w + k] * z[1][i * w + k];
  }
  loss *= gain;
  if (is("no-number-for-one-sample") && n == 1) loss = NAN;
  if (is("overflows")) loss += std::exp(std::fabs((double)element<float>(h[0], 0, 0))) * 1e-30;
  if (is("divides-by-spread")) {
    double spread = 0;
    for (int64_t i = 0; i < n; i++) spread += std::fabs(element<float>(h[0], i, 0) - element<float>(h[0], 0, 0));
    loss += 1e-9 / spread;
  }
  if (m->kept) loss += 1e-6 * element<float>(m->kept, 0, 0);

  std::vector<float> gw((size_t)(w * d));
  for (int v = 0; v < 2; v++) {
    std::vector<float> gh((size_t)(n * d));
    const auto &other = z[1 - v], &moment = c[1 - v];
    for (int64_t i = 0; i < n; i++) {
      double row = is("weighs-by-place") ? 1 + (double)i / (double)n : 1;
      for (int64_t k = 0; k < w; k++) {
        double g = -row * other[i * w + k];
        if (!is("missing-term") || k % 4 != 0)
          for (int64_t l = 0; l < w; l++) g += moment[k * w + l] * z[v][i * w + l];
        g *= 2.0 * gain / (double)n;
        for (int64_t j = 0; j < d; j++) {
          gh[i * d + j] += (float)(g * m->weight[k * d + j]);
          gw[k * d + j] += (float)(g * element<float>(h[v], i, j));
        }
      }
    }
    finish_feature(out, v, gh, n, d);
  }
  finish_step(m, in, out, loss, gw);
  return SSL_OK;
}

static ssl_fault step(void *it, const ssl_step_in *in, ssl_step_out *out, ssl_sink error) {
  auto *m = static_cast<model *>(it);
  ssl_fault code = train(m, in, out, error);
  for (uint64_t i = 0; i < in->feature_count; i++) {
    ssl_tensor *h = in->features[i]->tensor;
    if (is("never-releases") && i == 0) continue;
    if (is("keeps-what-it-released") && i == 0) m->kept = h;
    done(h);
    if (is("releases-twice") && i == 0) done(h);
  }
  done(in->indices);
  return code;
}

static ssl_fault after_update(void *it, const ssl_train_step *, const double *, ssl_sink) {
  auto *m = static_cast<model *>(it);
  if (!m->next_mean.empty())
    for (int64_t k = 0; k < m->width; k++) m->mean()[k] = 0.9f * m->mean()[k] + 0.1f * m->next_mean[k];
  if (is("replaces-a-weight")) m->move();
  return SSL_OK;
}

static void release(void *it) {
  auto *m = static_cast<model *>(it);
  if (is("release-needs-a-step") && m->next_mean.empty()) abort();
  if (m->services && m->services->release) m->services->release(m->services->context);
  delete m;
}

static const ssl_instance INSTANCE = [] {
  ssl_instance table{};
  table.size = sizeof(ssl_instance);
  table.release = release;
  table.parameters = give_parameters;
  table.step = step;
  table.state = give_state;
  table.load = load;
  table.after_update = after_update;
  return table;
}();

static ssl_fault hello(ssl_sink json, ssl_sink) {
  std::string keys =
      "{\"key\": \"width\", \"kind\": {\"type\": \"int\", \"min\": 1, \"max\": 512}, \"default\": 128, "
      "\"doc\": \"width of the projections\", \"source\": \"" + std::string(is("bare-key") ? "" : "ours") + "\"}, "
      "{\"key\": \"gain\", \"kind\": {\"type\": \"float\", \"min\": 0.0, \"max\": 10.0, \"above\": true}, \"default\": " +
      std::string(is("default-out-of-range") ? "11.0" : "0.1") + ", \"doc\": \"factor of the loss\", \"source\": \"ours\"}, "
      "{\"key\": \"kind\", \"kind\": {\"type\": \"choice\", \"of\": [\"plain\", \"other\"]}, \"default\": \"plain\", "
      "\"doc\": \"nothing\", \"source\": \"ours\"}";
  if (is("lists-nothing")) {
    json.put(json.context, str("{\"api\": \"C++\", \"libtorch\": null, \"requires\": [], \"frameworks\": []}"));
    return SSL_OK;
  }
  std::string refused = is("leaves-out-a-framework") ? ", \"refused\": [\"other: expected a licence, found none\"]" : "";
  std::string framework = "{\"id\": \"" + id() + "\", \"name\": \"Bad\", \"family\": \"contrastive\", \"paper\": \"none\", \"year\": 2026, "
                          "\"version\": \"0.1.0\", \"license\": \"" + (is("no-licence") ? "" : "MIT") + "\", \"schema\": [" + keys + "]}";
  if (is("lists-itself-twice")) framework += ", " + framework;
  json.put(json.context, str("{\"api\": \"C++\", \"libtorch\": null, \"requires\": []" + refused + ", \"frameworks\": [" + framework + "]}"));
  return SSL_OK;
}

// Whether the id is ours; refused otherwise.
static bool knows(ssl_str asked) {
  std::string name = of(asked);
  if (is("takes-any-id")) return name.rfind(id(), 0) == 0;
  return name == id();
}

static ssl_fault refuse(const config &c, ssl_sink error) {
  if (is("mute-refusal")) return fail(error, SSL_FAULT_CONFIG, "that is wrong");
  return fail(error, SSL_FAULT_CONFIG, c.wrong);
}

static ssl_fault describe(ssl_str asked, ssl_str text, ssl_sink json, ssl_sink error) {
  if (!knows(asked)) return fail(error, SSL_FAULT_UNSUPPORTED, "expected the id " + id() + ", found another");
  config c(of(text));
  if (!c.wrong.empty() && !is("takes-anything")) return refuse(c, error);
  if (is("overflows-at-the-bound") && c.width == 512) return fail(error, SSL_FAULT_INTERNAL, "attempt to multiply with overflow");
  static int described = 0;
  described++;
  std::string views = "2", used = "0, 1", lr = "0.0001";
  if (is("unused-view")) views = "3";
  if (is("a-billion-views")) views = "1000000000";
  if (is("counts-descriptions")) lr = std::to_string(described);
  std::string name = is("endless-description") ? std::string(4 << 20, 'v') : "view";
  std::string target = is("target-gradient")
      ? ", {\"encoder\": \"target\", \"views\": [0, 1], \"levels\": [\"pooled\"], \"grouping\": \"per-view\"}" : "";
  std::string momentum = is("target-gradient") ? ", \"momentum\": {\"kind\": \"constant\", \"value\": 0.9}" : "";
  json.put(json.context, str(
      "{\"views\": [{\"name\": \"" + name + "\", \"count\": " + views + ", \"transforms\": [{\"op\": "
      "\"random-resized-crop\", \"size\": 32, \"area\": [0.2, 1.0], \"ratio\": [0.75, 1.3333], \"interpolation\": "
      "\"bilinear\"}, {\"op\": \"horizontal-flip\", \"p\": 0.5}]}], \"encoders\": [{\"encoder\": \"online\", \"views\": [" + used +
      "], \"levels\": [\"pooled\"], \"grouping\": \"by-resolution\"}" + target + "]" + momentum + ", \"stops_gradient\": false, "
      "\"recipe\": {\"batch_size\": 64, \"epochs\": 10, \"optimizer\": {\"kind\": \"sgd\", \"momentum\": 0.9}, \"lr\": "
      "{\"base\": " + lr + ", \"decay\": {\"kind\": \"constant\"}}, \"weight_decay\": {\"start\": 0.0001, \"end\": 0.0001}}}"));
  return SSL_OK;
}

static ssl_fault create(ssl_str asked, ssl_str text, ssl_str run, const ssl_services *services, void **it,
                        const ssl_instance **table, ssl_sink error) {
  if (!knows(asked)) return fail(error, SSL_FAULT_UNSUPPORTED, "expected the id " + id() + ", found another");
  config c(of(text));
  if (!c.wrong.empty() && !is("takes-anything")) return refuse(c, error);
  std::string about = of(run);
  int64_t dim = number_after(about, "\"pooled\"", "\"dim\":");
  if (dim <= 0) return fail(error, SSL_FAULT_CONFIG, "expected pooled features in the run, found none");
  auto *m = new model(c, dim, (uint64_t)number_after(about, "\"seed\"", "\"seed\":"));
  m->world_size = number_after(about, "\"world_size\"", "\"world_size\":");
  m->rank = number_after(about, "\"rank\"", "\"rank\":");
  if (services->retain) services->retain(services->context);
  m->services = services;
  *it = m;
  *table = &INSTANCE;
  return SSL_OK;
}

static const ssl_plugin PLUGIN = {sizeof(ssl_plugin), SSL_LOTTERY_MAJOR, SSL_LOTTERY_MINOR, hello, describe, create};

const ssl_plugin *ssl_lottery_plugin_v1(void) { return &PLUGIN; }
