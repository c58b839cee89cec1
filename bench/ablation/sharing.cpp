// SPDX-License-Identifier: Apache-2.0
//
// The second pre-training of the main job on scenes:nano, for a decoder that shares with the text encoder what SCHEME
// says (BLIP paper, table 3). FOLDER/bootstrapped.jsonl is what CapFilt kept; FOLDER/pretrain-again gets the weights,
// under every name, so that `blip evaluate --preset scenes` reads those of any scheme. Prints a line of JSON.
//   ablation_sharing FOLDER --scheme all_but_self_attention [--seed 0] [--steps 4000] [--threads 1]
// Stopped by SIGTERM or killed, the same line goes on where it was.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "blip/backend/cpu.hpp"
#include "blip/data/nearest_word.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/models/scenes.hpp"
#include "blip/train/bootstrap.hpp"
#include "blip/train/stop_signal.hpp"

namespace {

using namespace blip;

constexpr std::array<std::string_view, 5> schemes{"none", "all", "all_but_self_attention", "all_but_cross_attention",
                                                  "all_but_feed_forward"};

struct settings {
  std::string folder;
  std::map<std::string, std::string> given{{"--scheme", ""}, {"--seed", "0"}, {"--steps", "4000"}, {"--threads", "1"}};
  std::int64_t number(const char* name) const { return std::atoll(given.at(name).c_str()); }
};

template <decoder_sharing S>
int run(const settings& s) {
  constexpr tower_config towers = blip_structure(scenes_vit.structure, scenes_blip_text.structure, S);
  using job = bootstrap<blip_pretraining<towers, cpu, scenes_features>, scenes_filter<cpu>, scenes_captioner<cpu>>;
  const auto seed = static_cast<std::uint64_t>(s.number("--seed"));
  const scenes::world world(scenes::world_size::nano, seed);
  const wordpiece tokens = blip_tokenizer(vocabulary(scenes::word_list(world.size())));
  const tower_options sizes = with_vocabulary(scenes_blip.options, tokens.size());
  const stop_signal stop;
  bootstrap_options o{.pretrain = s.number("--steps"), .seed = seed, .view = {.height = 32, .width = 32, .resized = false}};
  o.facts = {{"what the decoder shares", s.given.at("--scheme")}};
  o.stages = {"pretrain-again"};
  o.stop = [&] { return stop.requested(); };
  device<cpu> d({.threads = static_cast<int>(s.number("--threads"))});
  const auto made = job(d, sizes, tokens, scenes_bootstrap_data(world), s.folder, o).run();
  if (!made) return 75;
  std::printf("{\"made\":\"%s\",\"scheme\":\"%s\",\"parameters\":%lld}\n", made->c_str(), s.given.at("--scheme").c_str(),
              static_cast<long long>(parameter_count(towers, sizes)));
  return 0;
}

template <std::size_t... I>
int run_scheme(std::size_t which, const settings& s, std::index_sequence<I...>) {
  int code = 0;
  static_cast<void>(((which == I && (code = run<static_cast<decoder_sharing>(I)>(s), true)) || ...));
  return code;
}

}  // namespace

int main(int argc, char** argv) try {
  settings s;
  if (argc > 1) s.folder = argv[1];
  bool known = argc >= 2 && argc % 2 == 0;
  for (int i = 2; known && i < argc; i += 2)
    if (const auto at = s.given.find(argv[i]); at != s.given.end())
      at->second = argv[i + 1];
    else
      known = false;
  if (!known || s.number("--steps") < 1) {
    std::fputs("usage: ablation_sharing FOLDER --scheme SCHEME [--seed N] [--steps N] [--threads N]\n", stderr);
    return 2;
  }
  const std::size_t which = place_of_word("--scheme", s.given.at("--scheme"), schemes);
  return run_scheme(which, s, std::make_index_sequence<schemes.size()>());
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
