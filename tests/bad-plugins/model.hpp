// What the bad plugin keeps, and what of it the host sees.
#pragma once
#include "config.hpp"
#include "faults.hpp"
#include "tensors.hpp"
#include <cmath>

struct model {
  int64_t width, dim, world_size = 1, rank = 0;
  double gain;
  bool other;
  float *weight;
  float *idle;
  std::vector<float> own_mean, next_mean;
  int64_t *steps;
  int64_t calls = 0;
  ssl_tensor *kept = nullptr;
  const ssl_services *services = nullptr;

  model(const config &c, int64_t features, uint64_t seed)
      : width(c.width), dim(features), gain(c.gain), other(c.other), own_mean((size_t)c.width) {
    weight = (float *)malloc((size_t)(width * dim) * sizeof(float));
    idle = (float *)calloc(1, sizeof(float));
    steps = (int64_t *)calloc(1, sizeof(int64_t));
    if (is("draws-from-the-clock")) seed = (uint64_t)std::chrono::steady_clock::now().time_since_epoch().count();
    if (is("ignores-the-seed")) seed = 1;
    uint64_t x = seed * 2654435769u + 12345;
    for (int64_t i = 0; i < width * dim; i++) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      weight[i] = ((float)(x >> 40) / 8388608.0f - 1.0f) / std::sqrt((float)dim);
    }
  }
  ~model() { free(weight); free(idle); free(steps); }

  // The running mean of the projections.
  std::vector<float> &mean() {
    static std::vector<float> shared;
    if (!is("shares-its-mean")) return own_mean;
    shared.resize((size_t)width);
    return shared;
  }

  // 1, but for the mistakes that make the loss depend on what it should not.
  double drift() {
    thread_local int here = 0;
    here++;
    calls++;
    if (is("counts-its-calls")) return 1 + 0.01 * (double)calls;
    if (is("counts-by-thread")) return 1 + 0.01 * here;
    return 1;
  }

  // Another place for the weight. The old one stays readable, as a pool's would.
  void move() {
    auto *there = (float *)malloc((size_t)(width * dim) * sizeof(float));
    memcpy(there, weight, (size_t)(width * dim) * sizeof(float));
    weight = there;
  }
};

inline std::vector<float> project(model *m, const ssl_tensor *h, int64_t n) {
  std::vector<float> z((size_t)(n * m->width));
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < m->width; k++) {
      double sum = -m->mean()[k];
      for (int64_t j = 0; j < m->dim; j++) {
        float x = element<float>(h, i, j);
        if (std::isfinite(x)) sum += (double)m->weight[k * m->dim + j] * x;
      }
      z[i * m->width + k] = (float)sum;
    }
  return z;
}

inline std::vector<float> second_moment(const std::vector<float> &z, int64_t n, int64_t w) {
  std::vector<float> c((size_t)(w * w));
  for (int64_t k = 0; k < w; k++)
    for (int64_t l = 0; l < w; l++) {
      double sum = 0;
      for (int64_t i = 0; i < n; i++) sum += (double)z[i * w + k] * z[i * w + l];
      c[k * w + l] = (float)sum;
    }
  return c;
}

inline void finish_feature(ssl_step_out *out, int v, std::vector<float> &gh, int64_t n, int64_t d) {
  for (float &g : gh) {
    if (is("wrong-sign") || is("negated-objective")) g = -g;
    if (is("wrong-scale")) g *= 8;
    if (is("gradient-of-zeros")) g = 0;
  }
  if (is("detached")) return;
  if (is("wrong-dtype") && v == 1) {
    auto *wide = (double *)malloc((size_t)(n * d) * sizeof(double));
    for (int64_t i = 0; i < n * d; i++) wide[i] = gh[i];
    out->feature_grads[v] = give(wide, true, {n, d}, kDLFloat, 64);
    return;
  }
  out->feature_grads[v] = is("wrong-shape") ? give_copy(gh, {d, n}) : give_copy(gh, {n, d});
  if (is("target-gradient")) out->feature_grads[v + 2] = give_copy(gh, {n, d});
}

inline void finish_step(model *m, const ssl_step_in *in, ssl_step_out *out, double loss, std::vector<float> &gw) {
  (void)in;
  for (float &g : gw) {
    if (is("wrong-parameter-scale")) g *= 3;
    if (is("negated-objective")) g = -g;
  }
  if (is("no-number-in-a-gradient")) gw[gw.size() / 2] = NAN;
  *m->steps += 1;
  out->loss = is("negated-loss") || is("negated-objective") ? -loss : loss;
  if (is("wrong-parameter-shape"))
    out->param_grads[0] = give_copy(gw, {m->dim, m->width});
  else
    out->param_grads[0] = give_copy(gw, {m->width, m->dim});
  if (is("moves-a-parameter")) m->move();
  if (is("collapses")) memset(m->weight, 0, (size_t)(m->width * m->dim) * sizeof(float));
  out->metrics.put(out->metrics.context, str("steps"), (double)*m->steps);
}

inline ssl_fault give_parameters(void *it, ssl_named_sink out, ssl_sink) {
  auto *m = static_cast<model *>(it);
  std::vector<float> copy(m->weight, m->weight + m->width * m->dim);
  std::string name = "projector.weight";
  bool copies = is("hands-out-copies");
  out.put(out.context, {str(name), copies ? give_copy(copy, {m->width, m->dim}) : give(m->weight, false, {m->width, m->dim})});
  if (is("two-of-one-name") || is("idle-parameter")) {
    std::string second = is("idle-parameter") ? "projector.bias" : name;
    out.put(out.context, {str(second), give(m->idle, false, {1})});
  }
  return SSL_OK;
}

inline ssl_fault give_state(void *it, ssl_named_sink out, ssl_sink) {
  auto *m = static_cast<model *>(it);
  std::string mean = "mean", steps = "steps";
  if (!is("leaves-out-state")) out.put(out.context, {str(mean), give(m->mean().data(), false, {m->width})});
  out.put(out.context, {str(steps), give(m->steps, false, {1}, kDLInt, 64)});
  return SSL_OK;
}

// Takes one tensor over, or says why not. With `look` nothing is changed.
inline bool take(model *m, const ssl_named &given, bool parameter, bool look) {
  std::string name(given.name.data, given.name.len);
  const ssl_tensor *t = given.tensor;
  if (parameter && name == "projector.weight") {
    if (!is_type(t, kDLFloat, 32) || !has_shape(t, {m->width, m->dim})) return false;
    for (int64_t k = 0; !look && k < m->width; k++)
      for (int64_t j = 0; j < m->dim; j++) m->weight[k * m->dim + j] = element<float>(t, k, j);
    return true;
  }
  if (parameter && name == "projector.bias" && is("idle-parameter")) return has_shape(t, {1});
  if (!parameter && name == "mean") {
    if (!is_type(t, kDLFloat, 32) || !has_shape(t, {m->width})) return false;
    for (int64_t k = 0; !look && k < m->width; k++) m->mean()[k] = element<float>(t, k);
    return true;
  }
  if (!parameter && name == "steps") {
    if (!is_type(t, kDLInt, 64) || !has_shape(t, {1})) return false;
    if (!look) *m->steps = element<int64_t>(t, 0);
    return true;
  }
  return false;
}

inline ssl_fault load(void *it, const ssl_named *p, uint64_t np, const ssl_named *s, uint64_t ns, ssl_sink error) {
  auto *m = static_cast<model *>(it);
  std::string wrong;
  auto all = [&](bool look) {
    for (uint64_t i = 0; i < np; i++)
      if (!take(m, p[i], true, look) && wrong.empty()) wrong = std::string(p[i].name.data, p[i].name.len);
    for (uint64_t i = 0; i < ns; i++)
      if (!take(m, s[i], false, look) && wrong.empty()) wrong = std::string(s[i].name.data, s[i].name.len);
  };
  all(!is("loads-half"));
  if (is("takes-foreign-state")) wrong.clear();
  if (wrong.empty() && !is("ignores-what-it-loads")) all(false);
  if (is("takes-foreign-state")) wrong.clear();
  for (uint64_t i = 0; i < np; i++) done(p[i].tensor);
  for (uint64_t i = 0; i < ns; i++) done(s[i].tensor);
  if (wrong.empty()) return SSL_OK;
  return fail(error, SSL_FAULT_STATE, "expected tensors of this framework, found another `" + wrong + "`");
}
