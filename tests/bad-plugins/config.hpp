// The configuration of the bad plugin: a strict reader of one flat JSON object.
#pragma once
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

struct value {
  char type; // 'n' number, 's' string, 'b' true or false, 'z' null, 'x' list or object
  double number = 0;
  bool whole = false;
  std::string text;
};

// Reads `text`; false where it is no object. Nested values are passed over and have the type 'x'.
struct reader {
  const std::string &text;
  size_t at = 0;

  void blank() { while (at < text.size() && strchr(" \t\r\n", text[at])) at++; }
  bool take(char c) {
    blank();
    if (at >= text.size() || text[at] != c) return false;
    at++;
    return true;
  }
  bool string(std::string &out) {
    if (!take('"')) return false;
    for (; at < text.size() && text[at] != '"'; at++) {
      if (text[at] == '\\') at++;
      out += at < text.size() ? text[at] : ' ';
    }
    return take('"');
  }
  bool any(value &out) {
    blank();
    if (at >= text.size()) return false;
    char c = text[at];
    if (c == '"') { out.type = 's'; return string(out.text); }
    if (c == '[' || c == '{') return nested(out);
    size_t end = text.find_first_of(",}] \n", at);
    std::string word = text.substr(at, end - at);
    at = end == std::string::npos ? text.size() : end;
    if (word == "true" || word == "false") { out.type = 'b'; return true; }
    if (word == "null") { out.type = 'z'; return true; }
    char *rest;
    out.type = 'n';
    out.number = strtod(word.c_str(), &rest);
    out.whole = word.find_first_of(".eE") == std::string::npos;
    return !word.empty() && *rest == 0;
  }
  bool nested(value &out) {
    int depth = 0;
    out.type = 'x';
    for (; at < text.size(); at++) {
      char c = text[at];
      if (c == '"') { std::string skipped; if (!string(skipped)) return false; at--; continue; }
      depth += (c == '[' || c == '{') - (c == ']' || c == '}');
      if (depth == 0) { at++; return true; }
    }
    return false;
  }
  bool object(std::map<std::string, value> &out) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      std::string key;
      value v{};
      if (!string(key) || !take(':') || !any(v)) return false;
      out[key] = v;
    } while (take(','));
    return take('}');
  }
};

struct config {
  int64_t width = 128;
  double gain = 0.1;
  bool other = false;
  // What is wrong, in a sentence; empty for nothing.
  std::string wrong;

  // Reads what the host gives. Null is the defaults.
  explicit config(const std::string &text) {
    std::map<std::string, value> given;
    if (text == "null") return;
    if (!reader{text}.object(given)) { wrong = "expected a table of keys, found " + text; return; }
    for (auto &[key, v] : given) {
      if (key == "width") {
        if (v.type != 'n' || !v.whole || v.number < 1 || v.number > 512)
          wrong = "`width`: expected a whole number in 1..=512, found another value";
        width = (int64_t)v.number;
      } else if (key == "gain") {
        if (v.type != 'n' || !(v.number > 0) || v.number > 10) wrong = "`gain`: expected a number in (0, 10], found another value";
        gain = v.number;
      } else if (key == "kind") {
        if (v.type != 's' || (v.text != "plain" && v.text != "other")) wrong = "`kind`: expected one of plain, other, found another value";
        other = v.text == "other";
      } else {
        wrong = "unknown key `" + key + "`";
      }
    }
  }
};
