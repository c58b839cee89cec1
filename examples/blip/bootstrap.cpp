// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "blip/backend/cpu.hpp"
#include "blip/data/data_spec.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/models/scenes.hpp"
#include "blip/train/bootstrap.hpp"
#include "blip/train/standard_error.hpp"
#include "blip/train/stop_signal.hpp"
#include "common.hpp"
#include "json_object.hpp"
#include "save_stages.hpp"

namespace tool {
namespace {

using main_job = blip::bootstrap<blip::scenes_pretraining<blip::cpu>, blip::scenes_filter<blip::cpu>,
                                 blip::scenes_captioner<blip::cpu>>;

struct bootstrap_options {
  std::string family = "blip", data, out;
  bool resume = false;
  std::int64_t steps = 0;  // 0: the recipe's
  int batch = 32;
  common_options common;
};

// A run that is there is only gone on with when that was asked for.
void require_free(const bootstrap_options& o) {
  std::error_code none;
  if (std::filesystem::exists(o.out, none) && !o.resume)
    throw blip::config_error({o.out + ": the folder of the run", "one that is not there yet", "one that is",
                              "--resume goes on with it"});
}

std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_to_resume(const bootstrap_options& o) {
  return "blip bootstrap --family " + o.family + " --data " + quoted(o.data) + " --out " + quoted(o.out) +
         (o.steps > 0 ? " --steps " + std::to_string(o.steps) : std::string()) + " --batch " + std::to_string(o.batch) +
         " --seed " + std::to_string(o.common.seed) + " --precision " + o.common.precision + " --resume";
}

std::string as_json(const std::string& report, const blip::bootstrap_findings& f) {
  json_object out;
  out.text("report", report);
  const auto share = [&](const char* name, const std::optional<blip::report::tally>& t) {
    if (!t) return;
    out.integer(std::string(name) + "_captions", t->captions);
    if (t->wrong && t->captions > 0)
      out.number(std::string(name) + "_wrong", static_cast<double>(*t->wrong) / static_cast<double>(t->captions));
  };
  share("web", f.counts.web), share("kept_web", f.counts.kept_web), share("kept_synthetic", f.counts.kept_synthetic);
  share("bootstrapped", f.counts.whole_after);
  if (!f.roc.empty() && f.roc[0].area) out.number("filter_auc", *f.roc[0].area);
  if (!f.roc.empty() && f.roc[0].average_precision) out.number("filter_average_precision", *f.roc[0].average_precision);
  for (const auto& r : f.retrieval) {
    static constexpr const char* ranks[] = {"1", "5", "10"};
    for (std::size_t k = 0; k < 3; ++k)
      out.number(std::string("ir") + ranks[k] + "_before", r.before.text_to_image[k])
          .number(std::string("ir") + ranks[k] + "_after", r.after.text_to_image[k])
          .number(std::string("tr") + ranks[k] + "_before", r.before.image_to_text[k])
          .number(std::string("tr") + ranks[k] + "_after", r.after.image_to_text[k]);
  }
  if (!f.captions.empty())
    out.number("true_captions_before", f.captions[0].before).number("true_captions_after", f.captions[0].after);
  return out.str();
}

blip::bootstrap_options recipe(const bootstrap_options& o, const blip::stop_signal& signal) {
  blip::bootstrap_options r;
  if (o.steps > 0)
    r.pretrain = o.steps, r.filter = std::max<std::int64_t>(1, o.steps * 3 / 8),
    r.captioner = std::max<std::int64_t>(1, o.steps / 3);
  r.batch = o.batch;
  r.seed = o.common.seed;
  r.view = {.height = 32, .width = 32, .resized = false};
  r.facts = {{"data", o.data}, {"family", o.family}, {"precision", o.common.precision}};
  r.stop = [&signal] { return signal.requested(); };
  if (o.common.quiet) return r;
  r.notice = r.progress_to = blip::to_standard_error;
  r.progress_as = blip::standard_error_options();
  return r;
}

// Throws config_error for what this build cannot train.
blip::scenes::world world_of(const bootstrap_options& o) {
  const blip::data_spec spec = blip::parse_data_spec(o.data);
  if (o.family != "blip")
    throw blip::config_error({"--family", "blip, which this program trains", o.family, "the library composes both"});
  if (spec.kind != blip::data_kind::scenes || spec.part)
    throw blip::config_error({"--data of bootstrap", "scenes:SIZE[,seed=N], whole", o.data, "for example scenes:nano"});
  return blip::scenes::world(spec.size(), spec.seed);
}

int bootstrap(const bootstrap_options& o) {
  const blip::scenes::world world = world_of(o);
  const compute on = o.common.on();
  if (on.plain_loops)
    throw blip::device_error({"--backend of bootstrap", "auto or cpu", "reference", "plain loops would take days"});
  require_free(o);
  const blip::wordpiece tokens = blip::blip_tokenizer(blip::vocabulary(blip::scenes::word_list(world.size())));
  const blip::tower_options towers = blip::with_vocabulary(blip::scenes_blip.options, tokens.size());
  const blip::precision products = on.bf16 ? blip::precision::bf16 : blip::precision::fp32;
  blip::device<blip::cpu> d({.threads = on.threads, .products = products});
  const blip::stop_signal signal;
  main_job run(d, towers, tokens, blip::scenes_bootstrap_data(world), o.out, recipe(o, signal));
  const std::optional<std::string> report = run.run();
  if (!report) {
    std::fprintf(stderr, "stopped, everything saved; go on with\n  %s\n", command_to_resume(o).c_str());
    return stopped;
  }
  save_stages(o.out, towers, tokens);
  print_line(o.common.json ? as_json(*report, run.found()) : *report);
  return done;
}

}  // namespace

void add_bootstrap(CLI::App& app, job& chosen) {
  add_command<bootstrap_options>(
      app, chosen, "bootstrap", "Trains, lets filter and captioner mend the data, trains again, writes report.html",
      "blip bootstrap --family blip --data scenes:nano --out run",
      [](CLI::App& c, bootstrap_options& o) {
        c.add_option("--family", o.family, "Which model")
            ->check(CLI::IsMember({"albef", "blip"}))
            ->capture_default_str();
        c.add_option("--data", o.data, "scenes:nano|mini|base[,seed=N]")->required();
        c.add_option("--out", o.out, "The folder of the run")->required();
        c.add_flag("--resume", o.resume, "Go on with the run that is there, if one is");
        c.add_option("--steps", o.steps, "Of pre-training; the other stages scale with it. Default: 4000")
            ->check(CLI::Range(1, 1'000'000'000));
        c.add_option("--batch", o.batch, "Pairs in a step")->check(CLI::Range(2, 1 << 16))->capture_default_str();
      },
      bootstrap);
}

}  // namespace tool
