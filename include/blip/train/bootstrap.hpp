// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/io/load_weights.hpp"
#include "blip/io/save_weights.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/capfilt_models.hpp"
#include "blip/train/bootstrap_data.hpp"
#include "blip/train/bootstrap_facts.hpp"
#include "blip/train/bootstrap_measures.hpp"
#include "blip/train/bootstrap_options.hpp"
#include "blip/train/bootstrap_plan.hpp"
#include "blip/train/capfilt.hpp"
#include "blip/train/pair_batches.hpp"
#include "blip/train/report/write_report.hpp"
#include "blip/train/trainer.hpp"
#include "blip/train/training_curves.hpp"

namespace blip::inline BLIP_ABI {

// The main job of BLIP (section 3.3): pre-train on human and web captions; fine-tune a filter and a captioner on the
// human ones; let them mend the web's (CapFilt); pre-train anew on what is left; measure both; write a report. RUN
// holds
//   pretrain/, filter/, captioner/, pretrain-again/   runs of trainer, each with weights.safetensors once it is over
//   bootstrapped.jsonl                                what CapFilt kept
//   report.html
//   options.json                                      the options that decide about all this
// Killed at any instant and run again, it goes on where it was and ends with the same bytes in all but the log's times.
// Three compositions of the same sizes: one that learns all (blip_pretraining), one that judges (blip_retrieval), one
// that writes (blip_captioner).
template <class Pretraining, class Filter, class Captioner>
class bootstrap {
 public:
  using pretraining = Pretraining;
  using filter = Filter;
  using writer = Captioner;
  using B = typename Pretraining::backend_type;

  bootstrap(device<B>& d, tower_options towers, wordpiece tokens, bootstrap_data data, std::string folder,
            bootstrap_options o)
      : device_(d),
        towers_(std::move(towers)),
        tokens_(std::move(tokens)),
        data_(std::move(data)),
        folder_(std::move(folder)),
        o_(std::move(o)) {
    if (!o_.stop) o_.stop = [] { return false; };
  }

  // Gives the path of what its last stage made, the report when all are run; none when it was stopped, with everything
  // saved. Throws config_error for a folder in which it was begun with other options, for options that capfilt refuses,
  // and for stages that there are not or whose inputs are neither there nor made by others; what trainer, capfilt and the
  // data throw. What was saved before stays.
  std::optional<std::string> run() {
    const detail::bootstrap_plan plan(o_.stages, folder_);
    detail::check_capfilt({.texts = o_.texts, .threshold = o_.threshold});  // before hours are spent
    found_ = {};
    std::filesystem::create_directories(folder_);
    detail::require_facts_of_run(folder_, detail::bootstrap_facts(o_, data_));
    remove_unfinished_files(folder_);
    const auto human = stream({{data_.human, 1}}, 0);
    const auto noisy = stream({by_size(data_.human), by_size(data_.web)}, 1);
    const auto early = static_cast<std::int64_t>(static_cast<double>(o_.pretrain) * o_.human_first);
    if (plan.runs("pretrain") &&
        !train<pretraining>("pretrain", {{human, early}, {noisy, 0}}, o_.pretrain, o_.rate, {}))
      return {};
    if (plan.runs("filter") && !train<filter>("filter", {{human, 0}}, o_.filter, o_.fine_rate, "pretrain")) return {};
    if (plan.runs("captioner") &&
        !train<writer>("captioner", {{human, 0}}, o_.captioner, o_.fine_rate, "pretrain"))
      return {};
    if (!plan.runs("capfilt") && !plan.runs("pretrain-again") && !plan.runs("report")) return plan.result();
    std::optional<capfilt_report> mended;
    if (plan.runs("capfilt") || plan.runs("report")) {  // what is over only says what it did
      mended = mend();
      if (!mended) return {};
    }
    const filtered_pairs kept(bootstrapped(), data_.picture);
    if (mended) count(kept, *mended);
    std::vector<weighted_pairs> mended_set{by_size(data_.human)};
    if (kept.size() > 0) mended_set.push_back(by_size(kept));
    const auto clean = stream(std::move(mended_set), 2);
    if (plan.runs("pretrain-again") &&
        !train<pretraining>("pretrain-again", {{human, early}, {clean, 0}}, o_.pretrain, o_.rate, {}))
      return {};
    if (plan.runs("report")) {
      tell("measuring");
      write_report(findings(*mended), plan.result());
    }
    return plan.result();
  }

  // What the last run() found out, for those who want numbers: sizes and truth of the sets by the stage `capfilt`, all
  // else by `report`.
  const bootstrap_findings& found() const { return found_; }

 private:
  std::string bootstrapped() const { return detail::made_by_stage(folder_, "capfilt"); }
  std::string weights(std::string_view stage) const { return detail::made_by_stage(folder_, stage); }
  void tell(const std::string& line) const {
    if (o_.notice) o_.notice(line + "\n");
  }
  // What could not be used, by cause.
  template <class Counts>
  void tell_skipped(const Counts& causes) const {
    for (const auto& [cause, count] : causes)
      tell("  " + std::to_string(count) + (count == 1 ? " sample was" : " samples were") + " skipped: " + cause);
  }
  static weighted_pairs by_size(const any_pairs& p) { return {p, static_cast<double>(p.size())}; }
  std::shared_ptr<const pair_stream> stream(std::vector<weighted_pairs> pairs, std::uint64_t which) const {
    return std::make_shared<pair_stream>(std::move(pairs), stream_options{.seed = o_.seed * 16 + which});
  }

  static constexpr itc_config itc_settings =
      std::remove_cvref_t<decltype(std::declval<const Filter&>().template loss_at<0>())>::settings;

  // A stage's model, with the losses that it is made of.
  template <class Model, class Made>
  auto make(Made made) const {
    tower_options towers = towers_;
    const itc<itc_settings> contrast(itc_options{.queue = 0});
    const itm<> match({.first_token = tokens_.id("[ENC]")}, {.epsilon = 1e-4});
    const lm words({.first_token = tokens_.id("[DEC]")});
    if constexpr (std::same_as<Model, pretraining>) {
      return made(towers, contrast, match, words);
    } else if constexpr (std::same_as<Model, filter>) {
      towers.decoder = {};
      return made(towers, contrast, match);
    } else {
      towers.text = {};
      return made(towers, words);
    }
  }
  template <class Model>
  std::unique_ptr<owned<Model, B>> load(std::string_view stage) const {
    auto model = make<Model>([](const auto&... a) { return std::make_unique<owned<Model, B>>(0, a...); });
    load_weights(weights(stage), model->values(), {.ignore_unexpected = true});
    return model;
  }

  // False when it was stopped.
  template <class Model>
  bool train(const std::string& stage, std::vector<training_phase> phases, std::int64_t steps, double rate,
             std::string_view from) {
    if (std::filesystem::exists(weights(stage))) return true;
    tell(stage + ": " + std::to_string(steps) + " steps of " + std::to_string(o_.batch) + " pairs");
    const auto state = make<Model>([&](const auto&... a) {
      return std::make_unique<training_state<Model>>(
          training_options{.seed = o_.seed, .spread = {.tables = 0.05, .by_fan_in = true}}, a...);
    });
    if (!from.empty()) load_weights(weights(from), state->values(), {.ignore_unexpected = true}), state->restart();
    trainer_options t;
    t.steps = steps;
    t.rate = step_cosine{.rate = rate, .min_rate = rate / 20, .warmup_steps = steps / 20, .steps = steps};
    t.optimiser = {.beta2 = o_.beta2, .weight_decay = o_.weight_decay};
    t.clip = o_.clip, t.seed = o_.seed, t.begin = start::resume;
    t.facts = {{"batch", std::to_string(o_.batch)}, {"stage", stage}};
    t.checkpoint_every = o_.checkpoint_every, t.log_every = o_.log_every;
    t.stop = o_.stop, t.progress_to = o_.progress_to, t.progress_as = o_.progress_as;
    std::vector<std::shared_ptr<skipped_samples>> skipped;
    for (const training_phase& p : phases) skipped.push_back(p.pairs->skipped());
    pair_batches<Model> source(std::move(phases), tokens_,
                               {.batch = o_.batch,
                                .height = o_.view.height,
                                .width = o_.view.width,
                                .view = [view = o_.view](const image& p, std::span<float> row, const picture_site&) {
                                  const std::vector<float> made = evaluation_pixels({&p, 1}, view);
                                  std::copy(made.begin(), made.end(), row.begin());
                                },
                                .longest = o_.longest,
                                .alike_are_positives = true,
                                .seed = o_.seed});
    trainer<Model> loop(device_, *state, folder_ + "/" + stage, t);
    const bool stopped = loop.train(source).end == run_end::stopped;
    for (const auto& s : skipped) tell_skipped(s->causes());
    if (stopped) return false;
    save_weights(weights(stage), state->values(), {.every_name = true});
    return true;
  }

  matcher_options match_options() const { return {.view = o_.view, .longest = o_.longest, .batch = 64}; }
  captioner_options caption_options(sampler how) const {
    return {.view = o_.view,
            .how = how,
            .rules = {.max_tokens = o_.longest - 1},
            .filter = {.top_p = o_.top_p},
            .seed = o_.seed,
            .batch = 64};
  }

  std::optional<capfilt_report> mend() {
    tell("capfilt: " + std::to_string(data_.web.size()) + " pictures");
    const auto judge = load<filter>("filter");
    const auto speaker = load<writer>("captioner");
    const matcher<filter> match(**judge, judge->values(), tokens_, match_options());
    const captioner<writer> describe(**speaker, speaker->values(), tokens_, caption_options(o_.captions_by));
    capfilt_options o;
    o.texts = o.keep = o_.texts;
    o.threshold = o_.threshold, o.seed = o_.seed, o.batch = 64, o.earlier = earlier_output::is_resumed_if_sound;
    o.facts = {{"top_p", std::to_string(o_.top_p)},
               {"sampler", std::string(sampler_names[static_cast<std::size_t>(o_.captions_by)])}};
    o.stop = o_.stop;
    std::optional<progress> shown;
    if (o_.progress_to)
      o.progress = [&](const capfilt_report& at) {
        if (!shown && at.finished()) return;  // there is nothing to do
        progress_options as = o_.progress_as;
        as.unit = "pictures";
        if (!shown)
          shown.emplace(static_cast<std::int64_t>(at.total), o_.progress_to, as, static_cast<std::int64_t>(at.samples));
        shown->update(static_cast<std::int64_t>(at.samples), std::to_string(at.lines) + " captions kept");
      };
    const capfilt_report r = capfilt(data_.web, device_captioner<writer>{device_, describe},
                                     device_matcher<filter>{device_, match}, o, bootstrapped());
    if (shown) shown->finish();
    tell_skipped(r.skipped);
    return r.finished() ? std::optional(r) : std::nullopt;
  }

  const bootstrap_findings& findings(const capfilt_report& mended);
  void count(const filtered_pairs& kept, const capfilt_report& mended);
  template <class Match, class Describe>
  void show_samples(const Match& match, const Describe& describe);
  void show_stages();

  device<B>& device_;
  tower_options towers_;
  wordpiece tokens_;
  bootstrap_data data_;
  std::string folder_;
  bootstrap_options o_;
  bootstrap_findings found_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/train/bootstrap-inl.hpp"
