// Which mistake this library makes: its file's name says it. `libssl_bad-prints.so` is a plugin whose one framework,
// `bad-prints`, prints; `libssl_bad.so` makes no mistake.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <sys/types.h>
#include <thread>
#include <unistd.h>
#include <vector>

// What libtorch exports and this library calls without its headers.
namespace c10 { struct GradMode { static void set_enabled(bool on); }; }
namespace at {
void set_num_threads(int threads);
struct CPUGeneratorImpl { void set_current_seed(uint64_t seed); };
struct Generator { CPUGeneratorImpl *impl; };
namespace detail { const Generator &getDefaultCPUGenerator(); }
}

#ifdef UNRESOLVED
extern "C" void ssl_no_such_function(void);
#endif

inline const std::string &library() {
  static const std::string path = [] {
    static int here;
    Dl_info info{};
    dladdr(&here, &info);
    return std::string(info.dli_fname ? info.dli_fname : "");
  }();
  return path;
}

inline const std::string &fault() {
  static const std::string name = [] {
    size_t at = library().rfind("libssl_bad-");
    if (at == std::string::npos) return std::string();
    std::string rest = library().substr(at + strlen("libssl_bad-"));
    return rest.substr(0, rest.find(".so"));
  }();
  return name;
}

inline bool is(const char *name) { return fault() == name; }

inline std::string id() {
  if (is("evil-id")) return "../x";
  return fault().empty() ? "bad" : "bad-" + fault();
}

inline void seed_libtorch() { at::detail::getDefaultCPUGenerator().impl->set_current_seed(42); }

// What happens when the library is opened.
__attribute__((constructor)) static void opened() {
  if (is("slow-to-open")) std::this_thread::sleep_for(std::chrono::milliseconds(5500));
  if (is("exits-when-opened")) _exit(0);
  if (is("aborts-when-opened")) abort();
  if (is("prints-when-opened")) { puts("hello"); fflush(stdout); }
  if (is("changes-folder")) (void)!chdir("/");
  if (is("changes-locale")) { setenv("LC_ALL", "C.UTF-8", 1); setlocale(LC_ALL, "C.UTF-8"); }
  if (is("catches-signals")) signal(SIGTERM, SIG_IGN);
  if (is("switches-gradients-off")) c10::GradMode::set_enabled(false);
  if (is("sets-threads")) at::set_num_threads(3);
  if (is("seeds-when-opened")) seed_libtorch();
  if (is("second-libtorch")) {
    std::string other = library().substr(0, library().rfind('/')) + "/second/libtorch_cpu.so";
    dlopen(other.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
#ifdef UNRESOLVED
  if (getenv("SSL_NEVER_SET")) ssl_no_such_function();
#endif
}

// What happens in the middle of a step.
inline void stumble() {
  if (is("exits")) exit(0);
  if (is("aborts")) abort();
  if (is("segfaults")) { volatile int *nowhere = nullptr; *nowhere = 1; }
  if (is("hangs")) for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
  if (is("allocates-without-end"))
    for (std::vector<char *> all;;) {
      all.push_back(new char[256 << 20]);
      for (size_t i = 0; i < (256 << 20); i += 4096) all.back()[i] = 1;
    }
  if (is("throws")) throw 3;
  if (is("prints")) { puts("loss: 1"); fflush(stdout); }
  if (is("forks")) {
    static bool once = fork() >= 0;
    (void)once;
  }
  if (is("seeds")) seed_libtorch();
  if (is("leaks")) {
    auto *lost = (volatile char *)malloc(64 << 10);
    for (size_t i = 0; i < (64 << 10); i += 4096) lost[i] = 1;
  }
}
