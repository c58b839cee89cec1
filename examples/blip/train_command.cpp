// SPDX-License-Identifier: Apache-2.0
#include "train_command.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "blip/data/record_set.hpp"
#include "blip/data/scenes/tasks.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/train/standard_error.hpp"
#include "blip/train/stop_signal.hpp"
#include "blip/train/training_recipe_json.hpp"
#include "json_object.hpp"
#include "training.hpp"

namespace tool {
namespace {

bool there(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

// The weights of a model to begin with: a file, or those of a run or of a folder in the layout of Hugging Face.
std::string weights_at(const std::string& path) {
  return there(path + "/weights.safetensors") ? path + "/weights.safetensors" : path;
}

// The words: those of --vocab, of the model to begin with, of a generated world, of the captions.
blip::wordpiece words_of(const train_options& o, const std::string& family, const std::vector<weighted_set>& data) {
  std::string file = o.vocabulary;
  for (const char* name : {"/vocab.txt", "/tokenizer.json"})
    if (file.empty() && !o.init.empty() && there(o.init + name)) file = o.init + name;
  std::vector<blip::pair_set> sets;
  for (const weighted_set& s : data) sets.push_back(s.pairs);
  blip::vocabulary words;
  bool generated = file.empty(), of_scenes = true;
  blip::scenes::world_size largest{};
  for (const std::string& d : o.data) {
    const blip::data_spec spec = blip::parse_data_spec(d);
    of_scenes = of_scenes && spec.kind == blip::data_kind::scenes;
    generated = generated && of_scenes;
    if (generated) largest = std::max(largest, spec.size());
  }
  if (!generated && file.empty() && sets.empty())
    throw blip::config_error({"words of the model to begin with", "a vocab.txt beside its weights", "none",
                              "--vocab names the file"});
  words = generated ? blip::vocabulary(blip::scenes::word_list(largest)) : words_for(file, sets);
  const auto tokenizer = [&](blip::vocabulary v) {
    return family == "albef" ? blip::albef_tokenizer(std::move(v)) : blip::blip_tokenizer(std::move(v));
  };
  blip::wordpiece tokens = tokenizer(std::move(words));
  if (!sets.empty() || !of_scenes) return tokens;
  // What a generated world's tasks say more than its captions follows behind all that the model knows.
  std::vector<std::string> all;
  for (int id = 0; id < tokens.size(); ++id) all.push_back(tokens.tokens().token(id));
  for (const std::string_view word : blip::scenes::task_words)
    if (std::find(all.begin(), all.end(), word) == all.end()) all.emplace_back(word);
  return tokenizer(blip::vocabulary(all));
}

// Throws what opening the records of a task throws, before there is a folder of the run.
void require_records(const std::string& task, const std::string& spec) {
  const auto opens = [&]<class Record>(const Record&) {
    blip::skipped_samples skipped;
    static_cast<void>(blip::open_record_set<Record>(blip::parse_data_spec(spec), decoder_for(0), &skipped));
  };
  if (task == "vqa") return opens(blip::vqa_record{});
  if (task == "nlvr") return opens(blip::nlvr2_record{});
  opens(blip::entailment_record{});
}

// RUN/options.json holds the recipe of a run. Throws config_error for a folder that is there and was not to be gone on
// with, and for a run that was begun with another recipe.
void claim_folder(const train_options& o, const blip::training_recipe& recipe) {
  const std::string file = o.out + "/options.json", text = to_json(recipe);
  if (there(o.out) && !o.resume)
    throw blip::config_error(
        {o.out + ": the folder of the run", "one that is not there yet", "one that is", "--resume goes on with it"});
  std::filesystem::create_directories(o.out);
  if (!there(file)) return blip::write_file(file, text);
  const blip::training_recipe begun = blip::read_recipe(file);
  std::vector<std::pair<std::string, std::string>> was, is;
  const auto list = [](const blip::training_recipe& r, auto& to) {
    each_option(r, [&](std::string_view name, const auto& member) {
      using M = std::remove_cvref_t<decltype(member)>;
      if constexpr (std::same_as<M, std::string>)
        to.emplace_back(name, member);
      else
        to.emplace_back(name, json_object::digits(static_cast<double>(member)));
    });
  };
  list(begun, was), list(recipe, is);
  for (std::size_t i = 0; i < was.size(); ++i)
    if (was[i] != is[i])
      throw blip::config_error({o.out + ": the run was begun with another " + was[i].first, was[i].second, is[i].second,
                                "go on with the options it was begun with, or start a run in another folder"});
}

}  // namespace

void add_train_options(CLI::App& c, train_options& o) {
  c.add_option("--preset", o.preset, "The size of the model")->capture_default_str();
  c.add_option("--data", o.data, std::string(data_help) + "; several mix, each with ,weight=X")->required();
  c.add_option("--out", o.out,
               "The folder of the run: options.json, log.jsonl, events for TensorBoard, checkpoints, "
               "weights.safetensors, model")
      ->required();
  c.add_flag("--resume", o.resume, "Go on with the run that is there, if one is");
  c.add_option("--options", o.options, "A recipe as a JSON file, as in examples/recipes; the options below win")
      ->check(CLI::ExistingFile);
  c.add_option("--steps", o.steps, "Of the run")->check(CLI::Range(1, 1'000'000'000));
  c.add_option("--batch", o.batch, "Pairs in a micro-batch")->check(CLI::Range(1, 1 << 16));
  c.add_option("--accumulate", o.accumulate, "Micro-batches in a step")->check(CLI::Range(1, 1 << 16));
  c.add_option("--rate", o.rate, "Highest learning rate")->check(CLI::PositiveNumber);
  c.add_option("--queue", o.queue,
               "Features of earlier batches in the contrast; 0: none, and for BLIP no momentum model")
      ->check(CLI::Range(0, 1 << 24));
  c.add_option("--image-size", o.side, "Pixels of a side")->check(CLI::Range(8, 4096));
  c.add_option("--vocab", o.vocabulary, std::string(vocabulary_help) + "; of a generated world, its own words");
  c.add_option("--checkpoint-every", o.checkpoint_every, "Steps")->check(CLI::Range(1, 1 << 30))->capture_default_str();
  c.add_option("--log-every", o.log_every, "Steps")->check(CLI::Range(1, 1 << 30))->capture_default_str();
}

blip::training_recipe recipe_for(const train_options& o, const std::string& family,
                                 const blip::training_recipe& otherwise) {
  blip::training_recipe r = o.options.empty() ? otherwise : blip::read_recipe(o.options, otherwise);
  for (const auto& [name, wanted, found] :
       {std::tuple("family", family.empty() ? r.family : family, r.family), {"task", otherwise.task, r.task}})
    if (wanted != found)
      throw blip::config_error({o.options + ": " + name, wanted + ", as the command line says", found, {}});
  r.preset = o.preset;
  if (o.preset == "scenes") r.image_size = blip::training_recipe{}.image_size, r.longest = std::min(r.longest, 30);
  if (o.steps > 0) {
    r.steps = o.steps;
    if (o.options.empty()) r.warmup_steps = o.steps / 20;
  }
  if (o.batch > 0) r.batch = o.batch;
  if (o.accumulate > 0) r.accumulate = o.accumulate;
  if (o.rate > 0) {
    r.min_rate = r.min_rate / r.rate * o.rate;
    r.rate = o.rate;
  }
  if (o.queue >= 0) r.queue = o.queue;
  if (o.side > 0) r.image_size = o.side;
  check_recipe(r);
  return r;
}

int train(const std::string& command, const train_options& o, const blip::training_recipe& recipe) {
  const compute on = o.common.on();
  if (on.plain_loops)
    throw blip::device_error({"--backend of " + command, "auto or cpu", "reference", "plain loops would take days"});
  const compiled_trainer& model = find_trainer(recipe);
  // Views that crop see the whole file; others what they would make of it anyway.
  std::vector<weighted_set> data;
  if (!has_records(recipe))
    data = open_weighted(o.data, recipe.augment ? 0 : recipe.image_size);
  else if (o.data.size() != 1)
    throw blip::config_error({"--data of --task " + recipe.task, "one", std::to_string(o.data.size()), {}});
  else
    require_records(recipe.task, o.data[0]);
  blip::wordpiece tokens = words_of(o, recipe.family, data);
  claim_folder(o, recipe);
  const blip::stop_signal signal;
  std::string specs;
  for (const std::string& d : o.data) specs += (specs.empty() ? "" : " ") + d;
  training_request q{recipe, std::move(data), o.data, tokens, o.out, o.init.empty() ? o.init : weights_at(o.init)};
  q.facts = {{"data", specs},
             {"vocabulary", mark_of(tokens)},
             {"precision", o.common.precision},
             {"batch", std::to_string(recipe.batch)},
             {"micro-batches", std::to_string(recipe.accumulate)},
             {"weights to begin with", o.init}};
  q.checkpoint_every = o.checkpoint_every, q.log_every = o.log_every;
  q.seed = o.common.seed, q.on = on;
  q.stop = [&] { return signal.requested(); };
  if (!o.common.quiet) q.told = blip::to_standard_error;
  const blip::run_result result = model.train(q);
  if (result.end == blip::run_end::stopped) {
    std::fputs("stopped, everything saved; the same line with --resume goes on\n", stderr);
    return stopped;
  }
  // What --model understands: where transformers has no class for it, the run itself.
  const std::string folder = there(o.out + "/model") ? o.out + "/model" : o.out;
  const bool is_model = folder != o.out || recipe.task != "pretrain";
  if (!o.common.json) return print_line(is_model ? folder : o.out + "/weights.safetensors"), done;
  json_object out;
  out.text("out", o.out).text("weights", o.out + "/weights.safetensors");
  if (is_model) out.text("model", folder);
  out.integer("steps", result.step).integer("updates", result.updates).number("loss", result.loss);
  print_line(out.str());
  return done;
}

}  // namespace tool
