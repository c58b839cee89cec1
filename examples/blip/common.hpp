// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "blip/core/error.hpp"
#include "compute.hpp"

namespace tool {

enum exit_code : int { done = 0, failed = 1, wrong_usage = 2, stopped = 75 };

// What every subcommand understands.
struct common_options {
  std::string backend = "auto", precision = "fp32";
  int threads = 0;  // 0: all cores
  std::uint64_t seed = 0;
  bool json = false, quiet = false;

  CLI::Option* precision_given = nullptr;

  // Where models run; what "auto" chose is said in one line. `on_gpu`: this command has models for a GPU, in a build
  // that has any. Throws device_error for a back end that this build or this machine lacks.
  compute on(bool on_gpu = false) const {
    const gpu_state found = gpus();
    const char* const lacks = !found.compiled    ? "this build is without CUDA"
                              : !on_gpu          ? "this command has no models for a GPU yet"
                              : found.count == 0 ? "no GPU answers"
                                                 : nullptr;
    if (backend == "cuda" && lacks)
      throw blip::device_error({"--backend cuda", "models and a GPU for it", lacks,
                                found.compiled ? "use cpu or leave the option out"
                                               : "build with cmake -DBLIP_WITH_CUDA=ON, use cpu or leave the option out"});
    const bool gpu = backend == "cuda" || (backend == "auto" && !lacks);
    if (backend == "auto" && !quiet)
      std::fputs(gpu ? "back end: cuda\n" : ("back end: cpu, " + std::string(lacks) + "\n").c_str(), stderr);
    const bool bf16 = precision == "bf16" || (gpu && precision_given->count() == 0);
    return {.threads = threads, .bf16 = bf16, .plain_loops = backend == "reference", .gpu = gpu};
  }
};

inline void add_common(CLI::App& c, common_options& o) {
  c.add_option("--backend", o.backend, "Where models run")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "reference"}))
      ->capture_default_str()
      ->group("Common");
  o.precision_given = c.add_option("--precision", o.precision, "Of matrix products; on a GPU bf16 unless it is given")
                          ->check(CLI::IsMember({"fp32", "bf16"}))
                          ->capture_default_str()
                          ->group("Common");
  c.add_option("--threads", o.threads, "Processor threads; 0: all cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str()
      ->group("Common");
  c.add_option("--seed", o.seed, "Equal seeds give equal bytes")->capture_default_str()->group("Common");
  c.add_flag("--json", o.json, "One JSON object per result, one per line")->group("Common");
  c.add_flag("--quiet", o.quiet, "No progress, no log")->group("Common");
}

// What the command line asks for, to be done once all of it is read.
using job = std::function<int()>;

// Defines a subcommand: its options live as long as its job. `fill(app, options)` adds them, `run(options)` works.
template <class Options, class Fill, class Run>
void add_command(CLI::App& app, job& chosen, const char* name, const char* what, const char* example, Fill fill,
                 Run run) {
  CLI::App* const c = app.add_subcommand(name, what);
  const auto o = std::make_shared<Options>();
  c->footer(std::string("Example:\n  ") + example);
  fill(*c, *o);
  add_common(*c, o->common);
  c->callback([o, run, &chosen] { chosen = [o, run] { return run(*o); }; });
}

// Results go to standard output, a line at a time, so that a reader sees each when it is there.
inline void print_line(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) < 0 || std::fputc('\n', stdout) < 0 || std::fflush(stdout) != 0)
    throw blip::io_error({"standard output: writing failed", {}, {}, {}});
}

// One file each.
void add_inspect(CLI::App& app, job& chosen);
void add_convert(CLI::App& app, job& chosen);
void add_bootstrap(CLI::App& app, job& chosen);
void add_pretrain(CLI::App& app, job& chosen);
void add_finetune(CLI::App& app, job& chosen);
void add_capfilt(CLI::App& app, job& chosen);
void add_evaluate(CLI::App& app, job& chosen);
void add_caption(CLI::App& app, job& chosen);
void add_match(CLI::App& app, job& chosen);
void add_features(CLI::App& app, job& chosen);
void add_retrieve(CLI::App& app, job& chosen);
void add_ground(CLI::App& app, job& chosen);
void add_vqa(CLI::App& app, job& chosen);
void add_nlvr(CLI::App& app, job& chosen);
void add_entail(CLI::App& app, job& chosen);
void add_bench(CLI::App& app, job& chosen);

}  // namespace tool
