// SPDX-License-Identifier: Apache-2.0
//
// The main job on a generated world: pre-train on the web's captions, of which 42 % are false; fine-tune a filter and a
// captioner on a few human ones; let them throw out the lies and write captions of their own; pre-train anew on what is
// left; measure; write a report.
//   08_bootstrap                 a taste: a few hundred pictures, seconds, nothing is learnt yet
//   08_bootstrap FOLDER [SEED]   the whole world, minutes; stopped by ^C or killed, the same line goes on where it was
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "blip/backend/cpu.hpp"
#include "blip/models/scenes.hpp"
#include "blip/train/bootstrap.hpp"
#include "blip/train/standard_error.hpp"
#include "blip/train/stop_signal.hpp"

using namespace blip;

// A source of pairs of one's own: the first ones of another.
struct first_of {
  any_pairs pairs;
  std::uint64_t count;

  std::uint64_t size() const { return count; }
  captioned_picture sample(std::uint64_t i) const { return pairs.sample(i); }
};

int main(int argc, char** argv) try {
  const bool taste = argc < 2;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const std::string folder = taste ? "bootstrap-taste" : argv[1];

  const scenes::world world(scenes::world_size::nano, seed);
  const wordpiece tokens = blip_tokenizer(vocabulary(scenes::word_list(world.size())));
  bootstrap_data data = scenes_bootstrap_data(world);

  const stop_signal stop;
  bootstrap_options options{.seed = seed, .view = {.height = 32, .width = 32, .resized = false}};
  options.stop = [&] { return stop.requested(); };
  if (taste) {
    std::filesystem::remove_all(folder);
    options.pretrain = options.filter = options.captioner = 8, options.measured = 40;
    data.human = first_of{data.human, 96}, data.web = first_of{data.web, 200};
  } else {
    options.notice = options.progress_to = to_standard_error;
  }

  device<cpu> dev;
  bootstrap<scenes_pretraining<cpu>, scenes_filter<cpu>, scenes_captioner<cpu>> job(
      dev, with_vocabulary(scenes_blip.options, tokens.size()), tokens, data, folder, options);
  const std::optional<std::string> report = job.run();
  if (!report) return std::fputs("stopped and saved; the same line goes on\n", stderr), 75;

  const auto& counts = job.found().counts;
  const auto percent = [](const std::optional<report::tally>& t) {
    return t && t->captions > 0 ? 100.0 * static_cast<double>(t->wrong.value_or(0)) / static_cast<double>(t->captions) : 0.0;
  };
  std::printf("%.1f %% of the web's captions are false, %.1f %% of those that were kept\n", percent(counts.web), percent(counts.kept_web));
  std::printf("%.1f %% of all captions after the job\n%s\n", percent(counts.whole_after), report->c_str());
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
