// SPDX-License-Identifier: Apache-2.0
//
// The workloads of the goals for one GPU: what their kernels have to do, from the list of what the library called, and
// how long one GPU's arithmetic and memory take for it; in a build with the CUDA back end and a GPU also how long they
// took. Prints a table, or JSON with the sums of each op.
//   gpu_goals [--tiny] [--count] [--decode] [--json] [--save FILE] [--lengths FILE]
// --count: measure nothing. --decode: nothing but what a decode step of one picture takes; status 1 beyond its bound of
// launches. --save: the JSON goes to a file as well. --lengths: tokens of captions, [CLS] and [SEP] included.
#include "goals/gpu_goals.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>

#include "goals/counted.hpp"
#include "goals/unwritten_memory.hpp"
#include "goals/workloads.hpp"

namespace {

struct settings {
  bool tiny = false, count = false, decode = false, json = false;
  std::string save, lengths = BLIP_CAPTION_LENGTHS;
};

bool read(int argc, char** argv, settings& s) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--tiny")
      s.tiny = true;
    else if (option == "--count")
      s.count = true;
    else if (option == "--decode")
      s.decode = true;
    else if (option == "--json")
      s.json = true;
    else if (option == "--save" && i + 1 < argc)
      s.save = argv[++i];
    else if (option == "--lengths" && i + 1 < argc)
      s.lengths = argv[++i];
    else
      return std::fprintf(stderr, "gpu_goals: no option %s\n", argv[i]), false;
  }
  return true;
}

using idle = blip_test::idle_of<4>;

// The last step of a caption of one picture, by its beams: what it takes more than a caption of one token less.
template <class S>
goals::cost decode_step() {
  goals::counted<idle> counts;
  goals::captions<S, goals::listed<idle>>(counts, {{"", 1}}, {S::tokens, S::tokens - 1});
  return counts.results[0].list.total().all - counts.results[1].list.total().all;
}

template <class S>
int run(const settings& s, const std::vector<int>& lengths) {
  const goals::cost step = decode_step<S>();
  if (s.decode) {
    std::fputs(goals::decode_step_text(step).c_str(), stdout);
    return step.launches <= goals::most_step_launches ? 0 : 1;
  }
  goals::counted<idle> counts;
  goals::all_workloads<S, goals::listed<idle>>(counts, lengths);
  std::string device;
  if (!s.count) device = goals::measure(s.tiny, lengths, counts.results);
  const std::string machine = goals::json(counts.results, S::name, device);
  const std::string text = s.json ? machine : goals::markdown(counts.results) + "\n" + goals::decode_step_text(step);
  std::fputs(text.c_str(), stdout);
  if (!s.save.empty() && !(std::ofstream(s.save) << machine).flush())
    return std::fprintf(stderr, "gpu_goals: cannot write %s\n", s.save.c_str()), 1;
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  settings s;
  if (!read(argc, argv, s)) return 2;
  std::vector<int> lengths;
  std::ifstream file(s.lengths);
  for (int n; file >> n;) lengths.push_back(n);
  if (lengths.empty()) return std::fprintf(stderr, "gpu_goals: no lengths in %s\n", s.lengths.c_str()), 1;
  return s.tiny ? run<goals::tiny>(s, lengths) : run<goals::published>(s, lengths);
} catch (const std::exception& e) {
  return std::fprintf(stderr, "gpu_goals: %s\n", e.what()), 1;
}
