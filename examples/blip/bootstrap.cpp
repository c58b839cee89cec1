// SPDX-License-Identifier: Apache-2.0
#include "blip/train/bootstrap.hpp"

#include <filesystem>

#include "blip/backend/cpu.hpp"
#include "blip/data/first_pairs.hpp"
#include "blip/data/hold_out.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/models/scenes.hpp"
#include "blip/train/standard_error.hpp"
#include "blip/train/stop_signal.hpp"
#include "common.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "save_stages.hpp"

namespace tool {
namespace {

using main_job = blip::bootstrap<blip::scenes_pretraining<blip::cpu>, blip::scenes_filter<blip::cpu>,
                                 blip::scenes_captioner<blip::cpu>>;

struct bootstrap_options {
  std::string family = "blip", preset = "scenes", data, vocabulary, out, keep = "both", sampler = "sample";
  std::vector<std::string> human, web, test, stages;
  int side = 32;
  bool resume = false;
  std::int64_t steps = 0, checkpoint_every = 500, log_every = 25;  // 0 steps: the recipe's
  std::int64_t web_pairs = 0;  // 0: all
  double threshold = blip::bootstrap_options{}.threshold;
  int batch = 32;
  common_options common;

  bool own() const { return !human.empty() || !web.empty(); }
};

// A run that is there is only gone on with when that was asked for.
void require_free(const bootstrap_options& o) {
  std::error_code none;
  if (std::filesystem::exists(o.out, none) && !o.resume)
    throw blip::config_error(
        {o.out + ": the folder of the run", "one that is not there yet", "one that is", "--resume goes on with it"});
}

std::string command_to_resume(const bootstrap_options& o) {
  std::string line = "blip bootstrap --family " + o.family;
  const auto add = [&](const char* name, const std::vector<std::string>& values) {
    for (const std::string& v : values) line += std::string(" ") + name + " " + quoted(v);
  };
  if (o.own()) {
    add("--human", o.human), add("--web", o.web), add("--test", o.test);
    if (!o.vocabulary.empty()) add("--vocab", {o.vocabulary});
    line += " --image-size " + std::to_string(o.side);
  } else {
    add("--data", {o.data});
  }
  add("--out", {o.out}), add("--stages", o.stages);
  if (o.steps > 0) line += " --steps " + std::to_string(o.steps);
  if (o.web_pairs > 0) line += " --web-pairs " + std::to_string(o.web_pairs);
  line += " --keep " + o.keep + " --threshold " + json_object::digits(o.threshold) + " --sampler " + o.sampler;
  return line + " --batch " + std::to_string(o.batch) + " --seed " + std::to_string(o.common.seed) + " --precision " +
         o.common.precision + " --resume";
}

std::string as_json(const std::string& made, const blip::bootstrap_findings& f) {
  json_object out;
  out.text(made.ends_with("/report.html") ? "report" : "made", made);
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
  for (std::size_t i = 0; i < f.retrieval.size(); ++i) {  // by the contrast alone; with the shortlist read
    static constexpr const char* ranks[] = {"1", "5", "10"};
    const blip::report::retrieval_row& r = f.retrieval[i];
    const std::string how = i == 0 ? "" : "reranked_";
    for (std::size_t k = 0; k < 3; ++k)
      out.number(how + "ir" + ranks[k] + "_before", r.before.text_to_image[k])
          .number(how + "ir" + ranks[k] + "_after", r.after.text_to_image[k])
          .number(how + "tr" + ranks[k] + "_before", r.before.image_to_text[k])
          .number(how + "tr" + ranks[k] + "_after", r.after.image_to_text[k]);
  }
  for (std::size_t k = 0; k < f.captions.size(); ++k)
    for (const auto& [when, right] : {std::pair("_before", f.captions[k].before), {"_after", f.captions[k].after}})
      out.number((k == 0 ? "true_captions" : "true_captions_of_two") + std::string(when), right);
  return out.str();
}

// The world with eight times as many pictures is learnt in ten times as many steps, within an hour on two cores.
constexpr std::int64_t steps_of_mini = 40'000;

bool is_mini(const bootstrap_options& o) {
  if (o.own()) return false;
  const blip::data_spec spec = blip::parse_data_spec(o.data);
  return spec.kind == blip::data_kind::scenes && spec.size() == blip::scenes::world_size::mini;
}

blip::bootstrap_options recipe(const bootstrap_options& o, const blip::stop_signal& signal) {
  blip::bootstrap_options r;
  if (const std::int64_t steps = o.steps > 0 ? o.steps : is_mini(o) ? steps_of_mini : 0; steps > 0)
    r.pretrain = steps, r.filter = std::max<std::int64_t>(1, steps * 3 / 8),
    r.captioner = std::max<std::int64_t>(1, 13 * steps / 20);
  r.texts = static_cast<blip::text_set>(blip::place_of_word("--keep", o.keep, blip::text_set_names));
  r.captions_by = static_cast<blip::sampler>(blip::place_of_word("--sampler", o.sampler, blip::sampler_names));
  r.threshold = static_cast<float>(o.threshold);
  r.stages = o.stages, r.batch = o.batch, r.checkpoint_every = o.checkpoint_every, r.log_every = o.log_every;
  r.seed = o.common.seed;
  r.view = {.height = o.side, .width = o.side, .resized = false};  // decoders have done it
  r.facts = {{"family", o.family}, {"precision", o.common.precision}};
  r.stop = [&signal] { return signal.requested(); };
  if (o.common.quiet) return r;
  r.notice = r.progress_to = blip::to_standard_error;
  r.progress_as = blip::standard_error_options();
  return r;
}

// What the job learns from, in which words, and what a run that goes on must have in common with its beginning.
struct material {
  blip::bootstrap_data data;
  blip::wordpiece tokens;
  blip::run_facts facts{};
};

// A whole generated world, whose truth is known. Throws config_error for another spec.
material generated(const bootstrap_options& o) {
  const blip::data_spec spec = blip::parse_data_spec(o.data);
  if (spec.kind != blip::data_kind::scenes || spec.part)
    throw blip::config_error({"--data of bootstrap", "scenes:SIZE[,seed=N], whole", o.data,
                              "for example scenes:nano; data of one's own are --human and --web"});
  const blip::scenes::world world(spec.size(), spec.seed);
  return {blip::scenes_bootstrap_data(world),
          blip::blip_tokenizer(blip::vocabulary(blip::scenes::word_list(world.size()))),
          {{"data", o.data}}};
}

// Pairs of one's own, of which nobody knows the truth.
material own(const bootstrap_options& o) {
  blip::pair_set human = open_data(o.human, o.side);
  const blip::pair_set web = open_data(o.web, o.side);
  const auto measured = static_cast<std::size_t>(blip::bootstrap_options{}.measured);
  std::optional<blip::pair_set> test;
  if (!o.test.empty()) test = open_data(o.test, o.side);
  blip::wordpiece tokens = blip::blip_tokenizer(words_for(o.vocabulary, {human, web}));
  if (!test) {
    blip::held_out_pairs parts = blip::hold_out(human, 0.1, measured);
    human = std::move(parts.rest), test = std::move(parts.test);
  }
  blip::bootstrap_data data{human, web, *test, *test, [web](const std::string& name) { return web.picture(name); }};
  data.notes = {
      "The pictures and captions of this run are not generated, so nobody knows which captions are true. What "
      "needs that is left out: shares of false captions, which lies the filter catches, how well it separates "
      "true from false, and how true the model's own captions are."};
  const auto all = [](const std::vector<std::string>& specs) {
    std::string text;
    for (const std::string& s : specs) text += (text.empty() ? "" : " ") + s;
    return text;
  };
  const std::string mark = mark_of(tokens);
  return {std::move(data),
          std::move(tokens),
          {{"human data", all(o.human)},
           {"web data", all(o.web)},
           {"test data", o.test.empty() ? "held out" : all(o.test)},
           {"vocabulary", mark}}};
}

// Throws config_error for what this build cannot train.
void require_trainable(const bootstrap_options& o) {
  if (o.family != "blip")
    throw blip::config_error({"--family", "blip, which this program trains", o.family, "the library composes both"});
  if (o.preset != "scenes")
    throw blip::config_error({"--preset of bootstrap", "scenes, the size that was compiled for training", o.preset,
                              "examples/08_bootstrap.cpp is the same job for any size"});
  if (o.own() && (o.human.empty() || o.web.empty()))
    throw blip::config_error({"bootstrap of data of one's own",
                              "both --human and --web",
                              o.human.empty() ? "--web alone" : "--human alone",
                              {}});
  if (!o.own() && o.data.empty())
    throw blip::config_error(
        {"bootstrap: data", "--data scenes:SIZE, or --human and --web", "none", "for example --data scenes:nano"});
  constexpr int patch = blip::scenes_vit.structure.patch;
  if (o.side % patch != 0 || o.side < patch)
    throw blip::config_error({"--image-size", "a multiple of " + std::to_string(patch), std::to_string(o.side), {}});
}

int bootstrap(const bootstrap_options& o) {
  require_trainable(o);
  const compute on = o.common.on();
  if (on.plain_loops)
    throw blip::device_error({"--backend of bootstrap", "auto or cpu", "reference", "plain loops would take days"});
  if (!o.own()) static_cast<void>(blip::parse_data_spec(o.data));
  require_free(o);
  material from = o.own() ? own(o) : generated(o);
  if (o.web_pairs > 0) from.data.web = blip::first_pairs(from.data.web, static_cast<std::uint64_t>(o.web_pairs));
  blip::tower_options towers = blip::with_vocabulary(blip::scenes_blip.options, from.tokens.size());
  towers.vision.image_height = towers.vision.image_width = o.side;
  const blip::precision products = on.bf16 ? blip::precision::bf16 : blip::precision::fp32;
  blip::device<blip::cpu> d({.threads = on.threads, .products = products});
  const blip::stop_signal signal;
  blip::bootstrap_options how = recipe(o, signal);
  how.facts.merge(from.facts);
  main_job run(d, towers, from.tokens, std::move(from.data), o.out, how);
  const std::optional<std::string> made = run.run();
  if (!made) {
    std::fprintf(stderr, "stopped, everything saved; go on with\n  %s\n", command_to_resume(o).c_str());
    return stopped;
  }
  save_stages(o.out, towers, from.tokens);
  print_line(o.common.json ? as_json(*made, run.found()) : *made);
  return done;
}

}  // namespace

void add_bootstrap(CLI::App& app, job& chosen) {
  add_command<bootstrap_options>(
      app, chosen, "bootstrap", "Trains, lets filter and captioner mend the data, trains again, writes report.html",
      "blip bootstrap --family blip --data scenes:nano --out run\n"
      "  blip bootstrap --human jsonl:human.jsonl,root=pictures --web coco:web.json,root=web --out run",
      [](CLI::App& c, bootstrap_options& o) {
        c.add_option("--family", o.family, "Which model")
            ->check(CLI::IsMember({"albef", "blip"}))
            ->capture_default_str();
        c.add_option("--preset", o.preset, "Its size")->capture_default_str();
        CLI::Option* const world = c.add_option("--data", o.data, "A generated world: scenes:nano|mini|base[,seed=N]");
        const std::string own = std::string(": ") + data_help;
        for (const auto& [name, to, what] :
             {std::tuple("--human", &o.human, "Data of one's own, clean pairs"),
              {"--web", &o.web, "Data of one's own, noisy pairs, to be mended"},
              {"--test", &o.test, "Pairs to measure on. Default: a tenth of the pictures of --human"}})
          c.add_option(name, *to, what + (to == &o.human ? own : std::string()))->excludes(world);
        c.add_option("--vocab", o.vocabulary, vocabulary_help)->excludes(world);
        c.add_option("--image-size", o.side, "Pixels that pictures of one's own are resized to")
            ->check(CLI::Range(8, 512))
            ->capture_default_str()
            ->excludes(world);
        c.add_option("--out", o.out, "The folder of the run")->required();
        c.add_flag("--resume", o.resume, "Go on with the run that is there, if one is");
        c.add_option("--stages", o.stages,
                     "Only these, the others must be over: pretrain,filter,captioner,capfilt,pretrain-again,report")
            ->delimiter(',');
        c.add_option("--keep", o.keep, "What the filter chooses from: texts of the web, texts made here, or both")
            ->check(CLI::IsMember({"web", "synthetic", "both"}))
            ->capture_default_str();
        c.add_option("--threshold", o.threshold, "Least probability that passes the filter; 0: every text passes")
            ->check(CLI::Range(0.0, 1.0))
            ->capture_default_str();
        c.add_option("--sampler", o.sampler, "How texts are made; sample: from a nucleus of 0.9, as published")
            ->check(CLI::IsMember(std::vector<std::string>(blip::sampler_names.begin(), blip::sampler_names.end())))
            ->capture_default_str();
        c.add_option("--web-pairs", o.web_pairs, "Only the first so many pairs of the web; 0: all")
            ->check(CLI::Range(0, 1'000'000'000))
            ->capture_default_str();
        c.add_option("--steps", o.steps, "Of pre-training; the other stages scale with it. Default: 4000, of scenes:mini 40000")
            ->check(CLI::Range(1, 1'000'000'000));
        c.add_option("--checkpoint-every", o.checkpoint_every, "Steps")
            ->check(CLI::Range(1, 1 << 30))
            ->capture_default_str();
        c.add_option("--log-every", o.log_every, "Steps")->check(CLI::Range(1, 1 << 30))->capture_default_str();
        c.add_option("--batch", o.batch, "Pairs in a step")->check(CLI::Range(2, 1 << 16))->capture_default_str();
      },
      bootstrap);
}

}  // namespace tool
