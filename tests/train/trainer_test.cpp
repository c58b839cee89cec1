// SPDX-License-Identifier: Apache-2.0
#include "blip/train/trainer.hpp"

#include <algorithm>
#include <limits>

#include "blip/io/arena_file.hpp"
#include "support/catch.hpp"
#include "train/faulty_files.hpp"
#include "train/tiny_run.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using model = blip_model<cpu>;
constexpr std::int64_t steps = 8;

// Two folders hold the same end of the same run.
void check_equal(const std::string& a, const std::string& b, std::int64_t step = steps) {
  CHECK(log_lines(a) == log_lines(b));
  CHECK(saved(a, step) == saved(b, step));
}

void flip(const std::string& path) {
  std::string bytes = get(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  put(path, bytes);
}

// What resuming a run with other options says.
std::string refusal(const std::string& folder, trainer_options o) {
  try {
    train_tiny<model>(folder, o);
  } catch (const config_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("trainer: makes the steps that one makes by hand", "[train][trainer]") {
  const temporary_folder run;
  trainer_options o = tiny_options(steps);
  o.steps_per_epoch = 3;
  const auto result = train_tiny<model>(run.path.string(), o);
  CHECK(result.end == run_end::finished);
  CHECK((result.step == steps && result.updates == steps && result.resumed_from == 0));

  const auto state = make<model>();
  device<cpu> dev;
  adamw<cpu> optimiser(state->values().layout(), o.optimiser);
  non_finite policy;
  const auto lines = log_lines(run.path.string());
  REQUIRE(lines.size() == steps);
  for (int i = 0; i < steps; ++i) {
    const train_position at{i / 3, i % 3, 3};
    const auto report = train_step(dev, *state, optimiser, input_of(**state, i),
                                   {.rate = o.rate(at), .alpha = o.alpha(at), .clip = 3, .seed = 5,
                                    .step = static_cast<std::uint64_t>(i)}, policy);
    std::string line = "{\"step\":" + std::to_string(i + 1);
    const auto member = [&](const char* name, double value) {
      line += std::string(",\"") + name + "\":";
      blip::detail::append_json_number(line, value);
    };
    member("loss", report.loss), member("itc", report.losses[0]), member("itm", report.losses[1]);
    member("lm", report.losses[2]), member("learning_rate", o.rate(at)), member("alpha", o.alpha(at));
    member("temperature", static_cast<double>(state->values().read("temp")[0]));
    member("gradient_norm", report.gradient_norm);
    CHECK(lines[static_cast<std::size_t>(i)] == line + "}");
  }
  const auto files = saved(run.path.string(), steps);
  for (const auto& p : run_parts(*state, optimiser)) {
    CAPTURE(p.name);
    REQUIRE(files.count(p.name) == 1);
    CHECK(files.at(p.name) == std::string(static_cast<const char*>(p.data), p.bytes));
  }
}

TEST_CASE("trainer: a run directory holds log, events and the newest checkpoints", "[train][trainer]") {
  const temporary_folder run;
  train_tiny<model>(run.path.string(), tiny_options(steps));
  const auto names = names_in(run.path.string());
  REQUIRE(names.size() == 3);
  CHECK(names[0] == "checkpoints");
  CHECK(names[1].starts_with("events.out.tfevents."));
  CHECK(names[2] == "log.jsonl");
  CHECK(names_in(run / "checkpoints") == std::vector<std::string>{"LATEST", "step-6", "step-8"});
  CHECK(get(run / names[1]).find("learning_rate") != std::string::npos);
  trainer_options plain = tiny_options(2);
  plain.tensorboard = false;
  train_tiny<model>(run / "plain", plain);
  CHECK(names_in(run / "plain") == std::vector<std::string>{"checkpoints", "log.jsonl"});
}

TEST_CASE("trainer: stopped after any step and resumed on other threads, the run is the same", "[train][trainer]") {
  const temporary_folder run;
  train_tiny<model>(run / "whole", tiny_options(steps));
  for (std::int64_t stop = 0; stop < steps; ++stop) {
    const std::string folder = run / std::to_string(stop);
    trainer_options o = tiny_options(steps);
    std::int64_t asked = 0;
    o.stop = [&] { return asked++ == stop; };
    const auto first = train_tiny<model>(folder, o, 2);
    CHECK((first.end == run_end::stopped && first.step == stop));
    const auto second = train_tiny<model>(folder, tiny_options(steps), 3);
    CHECK((second.end == run_end::finished && second.step == steps && second.resumed_from == stop));
    check_equal(folder, run / "whole");
  }
  const auto again = train_tiny<model>(run / "whole", tiny_options(steps));  // a run that has ended stays as it is
  CHECK((again.end == run_end::finished && again.step == steps && again.resumed_from == steps));
  check_equal(run / "0", run / "whole");
}

TEST_CASE("trainer: a longer run begins as the shorter one did", "[train][trainer]") {
  const temporary_folder run;
  train_tiny<model>(run / "whole", tiny_options(steps));
  train_tiny<model>(run / "parts", tiny_options(5));
  train_tiny<model>(run / "parts", tiny_options(steps));
  check_equal(run / "whole", run / "parts");
}

TEST_CASE("trainer: a step that is not finite is as if its batch had never been", "[train][trainer]") {
  const temporary_folder run;
  const auto train = [&](const std::string& folder, std::int64_t count, bool bad, std::int64_t stop = -1) {
    const auto state = make<model>();
    device<cpu> dev;
    trainer_options o = tiny_options(count);
    std::int64_t asked = 0;
    o.stop = [&] { return asked++ == stop; };
    trainer<model> t(dev, *state, folder, o);
    return t.train([&](const model& m, std::int64_t step) {
      if (bad && step == 3) return input_of(m, 99, 1, std::numeric_limits<double>::infinity());
      return input_of(m, bad && step > 3 ? step - 1 : step);
    });
  };
  train(run / "good", 7, false);
  const auto result = train(run / "bad", 8, true);
  CHECK((result.step == 8 && result.updates == 7));
  auto good = saved(run / "good", 7), bad = saved(run / "bad", 8);
  for (const char* differs : {"run.json", "manifest.json"}) good.erase(differs), bad.erase(differs);
  CHECK(good == bad);
  const auto lines = log_lines(run / "bad");
  REQUIRE(lines.size() == 8);
  CHECK(lines[3].find("{\"step\":4,\"loss\":null") == 0);
  CHECK(lines[3].find(",\"skipped\":\"the gradient of ") != std::string::npos);
  for (const std::int64_t stop : {3, 4, 5}) {  // before, right after, and later
    const std::string folder = run / std::to_string(stop);
    train(folder, 8, true, stop);
    train(folder, 8, true);
    check_equal(folder, run / "bad");
  }
}

TEST_CASE("trainer: three steps in a row that are not finite end the run, with the last checkpoint as it was",
          "[train][trainer]") {
  const temporary_folder run;
  const auto state = make<model>();
  device<cpu> dev;
  trainer<model> t(dev, *state, run.path.string(), tiny_options(steps));
  std::string said;
  try {
    t.train([](const model& m, std::int64_t step) { return input_of(m, step, 1, step < 4 ? 0 : blip_test::nan); });
  } catch (const numeric_error& e) {
    said = e.what();
  }
  CHECK(said.find("is not finite") != std::string::npos);
  CHECK(newest_checkpoint<>(run / "checkpoints")->step() == 6);  // two of the three, which are counted on
  const auto lines = log_lines(run.path.string());
  REQUIRE(lines.size() == 7);
  for (std::size_t i = 0; i < 7; ++i) CHECK((lines[i].find("skipped") != std::string::npos) == (i >= 4));
  CHECK_THROWS_AS(t.train([](const model& m, std::int64_t step) { return input_of(m, step, 1, blip_test::nan); }),
                  numeric_error);
  CHECK(log_lines(run.path.string()) == lines);
}

TEST_CASE("trainer: a damaged checkpoint is reported and the one before it taken", "[train][trainer]") {
  const temporary_folder run;
  train_tiny<model>(run / "whole", tiny_options(steps));
  for (const char* file : {"values", "itc.0.texts", "moment_steps", "momentum", "run.json", "manifest.json"}) {
    const std::string folder = run / file;
    trainer_options o = tiny_options(7);
    train_tiny<model>(folder, o);
    const std::string damaged = folder + "/checkpoints/step-7/" + file;
    const std::size_t block = std::string(file) == "manifest.json" ? 0 : get(damaged).size() / 2 / o.checkpoints.block_bytes;
    flip(damaged);
    std::string told;
    o = tiny_options(steps);
    o.notice = [&](std::string_view sentence) { told += sentence; };
    const auto result = train_tiny<model>(folder, o);
    CHECK((result.resumed_from == 6 && result.unusable_checkpoints == 1));
    CHECK(told.find(std::string("step-7/") + file + ": block " + std::to_string(block) + " is damaged") != std::string::npos);
    CHECK(told.ends_with("going on from step 6\n"));
    check_equal(folder, run / "whole");
  }
}

TEST_CASE("trainer: never begins anew by itself", "[train][trainer]") {
  const temporary_folder run;
  const std::string folder = run.path.string();
  trainer_options o = tiny_options(5);
  train_tiny<model>(folder, o);
  o.begin = start::from_nothing;
  CHECK(refusal(folder, o).find("expected a folder without a run, found one with checkpoints") != std::string::npos);
  flip(run / "checkpoints/step-5/values"), flip(run / "checkpoints/step-3/values");
  CHECK_THROWS_AS(train_tiny<model>(folder, tiny_options(5)), format_error);
  CHECK(log_lines(folder).size() == 5);
}

TEST_CASE("trainer: what died before its first checkpoint begins anew, with a log of its own", "[train][trainer]") {
  const temporary_folder run;
  train_tiny<model>(run / "whole", tiny_options(steps));
  trainer_options o = tiny_options(steps);
  o.after_step = [](step_event& e) {
    if (e.step == 3) throw io_error({"a callback", {}, {}, {}});
  };
  CHECK_THROWS_AS(train_tiny<model>(run / "died", o), io_error);
  CHECK(log_lines(run / "died").size() == 2);
  o = tiny_options(steps);
  o.begin = start::from_nothing;
  train_tiny<model>(run / "died", o);
  check_equal(run / "died", run / "whole");
}

TEST_CASE("trainer: other options than the run was begun with are refused, each by its name", "[train][trainer]") {
  const temporary_folder run;
  const std::string folder = run.path.string();
  const trainer_options before = tiny_options(5);
  train_tiny<model>(folder, before);
  const auto log = log_lines(folder);
  const auto files = saved(folder, 5);
  const auto check = [&](const char* name, auto change) {
    trainer_options o = tiny_options(steps);
    change(o);
    const std::string said = refusal(folder, o);
    CAPTURE(said);
    CHECK(said.find(std::string("/step-5: the run was begun with another ") + name) != std::string::npos);
  };
  check("seed", [](auto& o) { o.seed = 6; });
  check("clip", [](auto& o) { o.clip = 0; });
  check("stochastic", [](auto& o) { o.stochastic = false; });
  check("momentum_stochastic", [](auto& o) { o.momentum_stochastic = false; });
  check("beta2", [](auto& o) { o.optimiser.beta2 = 0.98; });
  check("weight decay of ", [](auto& o) { o.optimiser.decayed = decay_rule::all; });
  check("learning rate of update 0", [](auto& o) { o.rate = constant_rate{.rate = 2e-3}; });
  check("learning rate of update 2", [](auto& o) {
    o.rate = [](const train_position& p) { return p.iteration == 2 ? 1.0 : tiny_options(1).rate(p); };
  });
  check("alpha of update 1", [](auto& o) { o.steps_per_epoch = 10; });
  check("batch", [](auto& o) { o.facts["batch"] = "8"; });
  trainer_options o = tiny_options(steps);
  o.facts["batch"] = "8";
  CHECK(refusal(folder, o).find("expected 4, found 8") != std::string::npos);
  CHECK(log_lines(folder) == log);
  CHECK(saved(folder, 5) == files);
  o = tiny_options(steps);  // what no bit depends on may change
  o.checkpoint_every = 2, o.log_every = 3, o.facts["new"] = "1", o.checkpoints = {.keep = 3};
  CHECK(refusal(folder, o) == "");
}

TEST_CASE("trainer: a checkpoint of another model is refused and changes nothing", "[train][trainer]") {
  const temporary_folder run;
  const std::string folder = run.path.string();
  train_tiny<model>(folder, tiny_options(5));
  const auto try_with = [&](auto state) {
    device<cpu> dev;
    adamw<cpu> untrained(state->values().layout());
    const auto before = state->values().clone();
    trainer t(dev, *state, folder, tiny_options(steps));
    std::string said;
    try {
      t.train([](const auto& m, std::int64_t step) { return input_of(m, step); });
    } catch (const error& e) {
      said = e.what();
    }
    for (const auto& e : before.layout()->entries()) CHECK(state->values().read(e) == before.read(e));
    return said;
  };
  CHECK(try_with(make<model>(12)).find("itc.0.images\n  expected 288 bytes, found 240") != std::string::npos);
  CHECK(try_with(make<model>(queue, 0.9)).find("another momentum\n  expected 0.995, found 0.9") != std::string::npos);
  CHECK(try_with(make<albef_model<cpu>>()).find("parameters.txt: a parameter\n") != std::string::npos);
}

TEST_CASE("trainer: a failure of any file operation of a save loses nothing", "[train][trainer]") {
  const temporary_folder run;
  trainer_options o = tiny_options(4);
  o.checkpoint_every = 2, o.tensorboard = false;
  train_tiny<model, unsynced_files>(run / "whole", o);
  int failed = 0, survived = 0;
  for (const auto policy : {failed_save::ends_run, failed_save::is_noticed})
    for (long k = 1;; k += 5) {
      const std::string folder = run / (std::to_string(k) + (policy == failed_save::is_noticed ? "n" : "e"));
      faulty_files files;
      *files.shared = {.what = faulty_files::fault::fail, .at = k, .error = ENOSPC};
      bool threw = false, noticed = false;
      trainer_options with = o;
      with.on_failed_save = policy;
      with.notice = [&](std::string_view sentence) { noticed |= sentence.find("could not be saved") != sentence.npos; };
      try {
        train_tiny<model, faulty_files>(folder, with, 1, files);
      } catch (const io_error&) {
        threw = true;
      }
      const bool done = files.shared->done < k;
      CAPTURE(k);
      CHECK((threw || noticed || !files.shared->hit));
      failed += threw, survived += noticed && !threw;
      if (!threw) CHECK(log_lines(folder) == log_lines(run / "whole"));
      train_tiny<model, unsynced_files>(folder, o);
      check_equal(folder, run / "whole", 4);
      if (done) break;
    }
  CHECK(failed > 30);
  CHECK(survived > 10);
}

TEST_CASE("trainer: a disk that stays full ends the run with what was saved before", "[train][trainer]") {
  const temporary_folder run;
  trainer_options o = tiny_options(6);
  o.checkpoint_every = 2, o.on_failed_save = failed_save::is_noticed;
  faulty_files files;
  int notices = 0;
  o.notice = [&](std::string_view sentence) { notices += sentence.find("No space left") != sentence.npos; };
  o.after_step = [&](step_event& e) { files.shared->full = e.step >= 3; };
  CHECK_THROWS_AS((train_tiny<model, faulty_files>(run.path.string(), o, 1, files)), io_error);
  CHECK(notices == 1);  // step 4; step 6 is the last one, which must be saved
  CHECK(newest_checkpoint<>(run / "checkpoints")->step() == 2);
  CHECK(names_in(run / "checkpoints") == std::vector<std::string>{"LATEST", "step-2"});
}

TEST_CASE("trainer: remembers the best metric, whose model a callback saves, and logs what callbacks add",
          "[train][trainer]") {
  const temporary_folder run;
  const double metrics[] = {0.1, 0.5, 0.4, blip_test::nan, 0.2, 0.6, 0.3, 0.6};
  std::vector<std::int64_t> better;
  std::map<std::int64_t, std::vector<float>> heads;
  const auto train = [&](std::int64_t count) {
    const auto state = make<model>();
    device<cpu> dev;
    trainer_options o = tiny_options(count);
    o.log_every = 100;
    trainer<model>* self = nullptr;
    o.after_step = [&](step_event& e) {
      const double metric = metrics[e.step - 1];
      heads[e.step] = state->values().read("itm_head.weight");
      if (self->improves(metric)) better.push_back(e.step), save_arena(run / "best.safetensors", state->values());
      if (e.step % 4 == 0) e.numbers.push_back({"recall", metric});
    };
    trainer<model> t(dev, *state, run.path.string(), o);
    self = &t;
    t.train([](const model& m, std::int64_t step) { return input_of(m, step); });
    return t.best();
  };
  CHECK(train(3)->step == 2);
  const auto best = train(steps);
  CHECK((best->step == 6 && best->value == 0.6));
  CHECK(better == std::vector<std::int64_t>{1, 2, 6});
  const auto chosen = make<model>();
  load_arena(run / "best.safetensors", chosen->values());
  CHECK(chosen->values().read("itm_head.weight") == heads.at(6));
  CHECK(heads.at(6) != heads.at(5));
  const auto lines = log_lines(run.path.string());
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("{\"step\":4,") == 0);
  CHECK(lines[0].ends_with(",\"recall\":null}"));
  CHECK(lines[1].ends_with(",\"recall\":0.6}"));
}

TEST_CASE("trainer: a run of epochs is measured and saved after each, and its rate goes by them", "[train][trainer]") {
  constexpr std::int64_t epochs = 3, steps_of_one = 4;
  const temporary_folder run;
  trainer_options o = tiny_options(epochs * steps_of_one);
  o.steps_per_epoch = o.checkpoint_every = steps_of_one;
  o.checkpoints.keep = epochs;
  o.rate = blip_cosine{.rate = 1e-2, .min_rate = 1e-4, .epochs = epochs};
  std::vector<double> rates;
  o.after_step = [&](step_event& e) {
    const auto rate =
        std::find_if(e.numbers.begin(), e.numbers.end(), [](const auto& n) { return n.name == "learning_rate"; });
    rates.push_back(rate->value);
    if (e.step % steps_of_one == 0) e.numbers.push_back({"recall", static_cast<double>(e.step) / 100});
  };
  train_tiny<model>(run.path.string(), o);
  CHECK(names_in(run / "checkpoints") == std::vector<std::string>{"LATEST", "step-12", "step-4", "step-8"});
  const auto lines = log_lines(run.path.string());
  REQUIRE((lines.size() == 12 && rates.size() == 12));
  for (std::size_t i = 0; i < 12; ++i) {
    const bool ends = (i + 1) % steps_of_one == 0;
    CHECK((lines[i].find("\"recall\":") != std::string::npos) == ends);
    CHECK((i == 0 || (rates[i] == rates[i - 1]) == (i % steps_of_one != 0)));
  }
}

namespace {

// Reads numbers from a stream, two to three a step.
struct reader {
  std::int64_t at = 0;
  step_batches<model> operator()(const model& m, std::int64_t) {
    at += 2 + at % 2;
    return input_of(m, at);
  }
  std::string position() const { return std::to_string(at) + " \"lines\"\n"; }
  void restore(std::string_view p) { at = std::atoll(std::string(p).c_str()); }
};
static_assert(resumable_source<reader>);

}  // namespace

TEST_CASE("trainer: a source that reads on goes on where the checkpoint has it", "[train][trainer]") {
  const temporary_folder run;
  const auto train = [&](const std::string& folder, std::int64_t count) {
    const auto state = make<model>();
    device<cpu> dev;
    reader source;
    trainer<model>(dev, *state, folder, tiny_options(count)).train(source);
    return source.at;
  };
  const auto end = train(run / "whole", steps);
  train(run / "parts", 5);
  CHECK(train(run / "parts", steps) == end);
  check_equal(run / "whole", run / "parts");
}

TEST_CASE("trainer: several micro-batches a step resume as well", "[train][trainer]") {
  const temporary_folder run;
  const auto train = [&](const std::string& folder, std::int64_t count) {
    const auto state = make<model>();
    device<cpu> dev;
    trainer<model> t(dev, *state, folder, tiny_options(count));
    t.train([](const model& m, std::int64_t step) { return input_of(m, step, 3); });
    return std::get<0>(state->carried().losses).cursor;
  };
  CHECK(train(run / "whole", 6) == 6 * 3 * pairs);
  train(run / "parts", 2);
  CHECK(train(run / "parts", 6) == 6 * 3 * pairs);
  check_equal(run / "whole", run / "parts", 6);
}

TEST_CASE("trainer: shows progress where it is told to, and says nothing by itself", "[train][trainer]") {
  const temporary_folder run;
  trainer_options o = tiny_options(5);
  std::string shown;
  o.progress_to = [&](std::string_view text) { shown += text; };
  o.progress_as = {.terminal = true};
  train_tiny<model>(run / "a", o);
  CHECK(shown.find("5/5") != std::string::npos);
  CHECK(shown.find(" steps/s") != std::string::npos);
  CHECK(shown.find("loss ") != std::string::npos);
  CHECK(shown.ends_with("\n"));
}

TEST_CASE("trainer: options that make no run are refused", "[train][trainer]") {
  const temporary_folder run;
  const auto said = [&](auto change) {
    trainer_options o = tiny_options(steps);
    change(o);
    return refusal(run / "none", o) != "";
  };
  CHECK(said([](auto& o) { o.steps = 0; }));
  CHECK(said([](auto& o) { o.checkpoint_every = 0; }));
  CHECK(said([](auto& o) { o.log_every = 0; }));
  CHECK(said([](auto& o) { o.steps_per_epoch = -1; }));
  CHECK(said([](auto& o) { o.rate = {}; }));
  CHECK(said([](auto& o) { o.stop_after = 0; }));
  CHECK_FALSE(std::filesystem::exists(run / "none"));
}

namespace {

struct own_state {
  std::int64_t seen = 3;
  buffer<cpu, float> means{std::vector<float>{1, 2}};
  template <class Self, class F>
  static void kept(Self& self, F&& f) {
    f("seen", self.seen), f("means", self.means);
  }
};

}  // namespace

TEST_CASE("run_parts: a loss's own state says what it keeps; a model without momentum keeps none", "[train][trainer]") {
  own_state s;
  std::vector<std::string> names;
  blip::detail::each_kept(s, [&](const char* name, auto&) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{"seen", "means"});

  using captioner = blip_captioner<captioner_structure(vision, text_of(cross_schedule::all)), cpu>;
  training_state<captioner> state({}, tower_options{vision_options, {}, text_options_of(2, 0)}, lm({.first_token = 30}));
  adamw<cpu> optimiser(state.values().layout());
  names.clear();
  for (const auto& p : run_parts(state, optimiser))
    if (p.bytes > 0) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"values", "first_moment", "second_moment", "moment_steps"});
}
