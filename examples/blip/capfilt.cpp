// SPDX-License-Identifier: Apache-2.0
#include "blip/train/capfilt.hpp"

#include "blip/train/standard_error.hpp"
#include "blip/train/stop_signal.hpp"
#include "common.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "pictures.hpp"
#include "sampling.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct capfilt_options {
  std::string captioner, filter, preset, vocabulary, profile, out, report, keep = "both", prompt;
  CLI::Option* prompt_given = nullptr;
  std::vector<std::string> data;
  double threshold = 0.5;
  int batch = 32;
  sampling_options sampling;  // .number: captions of each picture
  bool resume = false;
  common_options common;

  capfilt_options() { sampling.sampler = "sample", sampling.filter.top_p = 0.9; }  // as the paper does
  model_options model(const std::string& path) const { return {path, preset, vocabulary, profile}; }
};

// The models as CapFilt asks for them.
struct speaker {
  caption_task& who;
  std::string prompt;  // which captions begin with, and which is no part of what is said

  std::vector<std::string> caption(std::span<const blip::image> pictures, std::span<const std::uint64_t> streams) {
    std::vector<std::string> texts;
    for (const auto& best : who.caption(pictures, streams)) {
      std::string text = best.at(0).text;
      if (!prompt.empty() && text.starts_with(prompt)) text.erase(0, prompt.size());
      texts.push_back(std::move(text));
    }
    return texts;
  }
};
struct judge {
  match_task& who;

  std::vector<double> match(std::span<const blip::image> pictures, std::span<const std::string> texts,
                            std::span<const int> of) {
    std::vector<blip::pair_of> pairs;
    for (int i = 0; i < static_cast<int>(of.size()); ++i) pairs.push_back({of[static_cast<std::size_t>(i)], i});
    return who.probabilities(pictures, texts, pairs);
  }
  std::vector<double> match(std::span<const blip::image> pictures, std::span<const std::string> texts) {
    std::vector<int> own;
    for (int i = 0; i < static_cast<int>(texts.size()); ++i) own.push_back(i);
    return match(pictures, texts, own);
  }
};

blip::captioner_options captioner_of(const capfilt_options& o, const opened_model& m) {
  blip::captioner_options c{.view = m.view};
  c.follow(m.rules);
  if (o.prompt_given->count() > 0) c.prompt = o.prompt;
  sampling_options one = o.sampling;
  one.number = 1;
  const bool small = m.sizes.options.decoder.embedding.positions <= 32;
  one.fill(c, m, small ? 32 : 20, static_cast<int>(m.tokens.open(c.prompt).size()));
  c.seed = o.common.seed, c.batch = o.batch;
  return c;
}

std::string as_json(const capfilt_options& o, const blip::capfilt_report& r) {
  json_object out;
  out.text("out", o.out).integer("samples", static_cast<std::int64_t>(r.samples));
  out.integer("lines", static_cast<std::int64_t>(r.lines));
  out.integer("skipped", static_cast<std::int64_t>(r.all_skipped()));
  for (const auto& [name, t] : {std::pair("web", &r.web), {"synthetic", &r.synthetic}})
    out.integer(std::string(name) + "_kept", static_cast<std::int64_t>(t->kept))
        .integer(std::string(name) + "_dropped", static_cast<std::int64_t>(t->dropped))
        .number(std::string(name) + "_noise_ratio", t->noise_ratio());
  return out.str();
}

// What decides about the output besides the options of capfilt itself.
blip::run_facts facts_of(const capfilt_options& o) {
  std::string data;
  for (const std::string& s : o.data) data += (data.empty() ? "" : " ") + s;
  blip::run_facts facts{
      {"captioner", o.captioner},
      {"data", data},
      {"the filter's model", o.filter},
      {"precision", o.common.precision},
      {"sampler", json_object()
                      .text("how", o.sampling.sampler)
                      .text("prompt", o.prompt)
                      .integer("beams", o.sampling.beam.beams)
                      .number("length_penalty", o.sampling.beam.length_penalty)
                      .text("beam_rule", o.sampling.rule)
                      .integer("min_tokens", o.sampling.rules.min_tokens)
                      .integer("max_tokens", o.sampling.max_tokens)
                      .number("repetition_penalty", o.sampling.rules.repetition_penalty)
                      .number("temperature", o.sampling.filter.temperature)
                      .integer("top_k", o.sampling.filter.top_k)
                      .number("top_p", o.sampling.filter.top_p)
                      .str()}};
  if (!o.profile.empty()) facts["profile"] = o.profile;
  return facts;
}

int capfilt(const capfilt_options& o) {
  const compute on = o.common.on();
  blip::capfilt_options how;
  how.texts = how.keep = static_cast<blip::text_set>(blip::place_of_word("--keep", o.keep, blip::text_set_names));
  const bool writes = has(how.texts, blip::text_source::synthetic);
  if (writes && o.captioner.empty())
    throw blip::config_error(
        {"capfilt --keep " + o.keep, "--captioner MODEL", "none", "--keep web needs no captioner"});
  how.threshold = static_cast<float>(o.threshold), how.captions = o.sampling.number, how.batch = o.batch;
  how.seed = o.common.seed, how.facts = facts_of(o);
  how.earlier = o.resume ? blip::earlier_output::is_resumed : blip::earlier_output::is_refused;

  const opened_model judging = open_model(o.model(o.filter), model_task::match);
  const std::unique_ptr<match_task> matcher = open_matcher(judging, matcher_options_for(judging, o.batch), on);
  std::unique_ptr<caption_task> captioner;
  std::string prompt;
  if (writes) {
    const opened_model writing = open_model(o.model(o.captioner), model_task::caption);
    const blip::captioner_options c = captioner_of(o, writing);
    prompt = c.prompt, captioner = open_captioner(writing, c, on);
  }
  const blip::pair_set data = open_data(o.data, 0);
  const blip::stop_signal signal;
  how.stop = [&] { return signal.requested(); };
  std::optional<blip::progress> shown;
  if (!o.common.quiet)
    how.progress = [&](const blip::capfilt_report& at) {
      const auto now = static_cast<std::int64_t>(at.samples);
      blip::progress_options as = blip::standard_error_options();
      as.unit = "pictures";
      if (!shown) shown.emplace(static_cast<std::int64_t>(at.total), blip::to_standard_error, as, now);
      shown->update(now, std::to_string(at.lines) + " captions kept");
    };
  judge j{*matcher};
  const blip::capfilt_report report = writes ? blip::capfilt(data, speaker{*captioner, prompt}, j, how, o.out)
                                             : blip::capfilt(data, blip::no_captioner{}, j, how, o.out);
  if (shown) shown->finish();
  if (!report.finished()) {
    std::fputs("stopped, everything saved; the same line with --resume goes on\n", stderr);
    return stopped;
  }
  if (!o.report.empty()) blip::write_file(o.report, to_json(report) + "\n");
  print_line(o.common.json ? as_json(o, report) : o.out);
  return done;
}

void add_capfilt_options(CLI::App& c, capfilt_options& o) {
  c.add_option("--captioner", o.captioner, "A captioner: a folder in the layout of Hugging Face, or a file of weights");
  c.add_option("--filter", o.filter, "What judges, likewise")->required();
  c.add_option("--preset", o.preset, "The size of models in files: blip-base, scenes");
  c.add_option("--vocab", o.vocabulary, "vocab.txt of models in files");
  add_profile(c, o.profile);
  c.add_option("--data", o.data, data_help)->required();
  c.add_option("--out", o.out, "What is kept, a JSON object per line: image, caption, source, itm_probability")
      ->required();
  c.add_option("--threshold", o.threshold, "Least probability that passes")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  c.add_option("--keep", o.keep, "Texts of the web, texts made here, or both")
      ->check(CLI::IsMember({"web", "synthetic", "both"}))
      ->capture_default_str();
  c.add_option("--batch", o.batch, "Pictures in a pass")->check(CLI::Range(1, 1 << 16))->capture_default_str();
  c.add_option("--report", o.report, "A file for the whole report, JSON");
  c.add_flag("--resume", o.resume, "Go on with the output that is there, if one is");
  o.prompt_given = c.add_option("--prompt", o.prompt, "What captions begin with; it is no part of what is kept");
  add_sampling(c, o.sampling, "20");
}

}  // namespace

void add_capfilt(CLI::App& app, job& chosen) {
  add_command<capfilt_options>(
      app, chosen, "capfilt", "Lets a captioner write and a filter judge: keeps the captions that fit their pictures",
      "blip capfilt --captioner run/captioner/model --filter run/filter/model --data jsonl:web.jsonl,root=pictures "
      "--out kept.jsonl",
      add_capfilt_options, capfilt);
}

}  // namespace tool
