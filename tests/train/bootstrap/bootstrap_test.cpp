// SPDX-License-Identifier: Apache-2.0
#include "blip/train/bootstrap.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "blip/backend/cpu.hpp"
#include "blip/data/scenes/words.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Towers and a world of a minute's size: what is looked at is the run, not what it learns.
constexpr vit_config vision{.width = 16, .heads = 2, .hidden = 20, .patch = 16};
constexpr text_config text{.width = 12, .heads = 2, .hidden = 20, .context = 16, .cross = cross_schedule::all};
constexpr itc_config features{.width = 6, .momentum = false};
using job = bootstrap<blip_pretraining<blip_structure(vision, text), cpu, features>,
                      blip_retrieval<encoder_structure(vision, text), cpu, features>,
                      blip_captioner<captioner_structure(vision, text), cpu>>;

wordpiece job_tokens() { return blip_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano))); }

tower_options options_of_towers() {
  const text_options t{.layers = 1, .embedding = {.vocabulary = job_tokens().size(), .positions = 16}};
  return {{.depth = 1, .image_height = 32, .image_width = 32}, t, t};
}

// The first samples of a split.
struct beginning {
  scenes::pairs all;
  std::uint64_t count;

  std::uint64_t size() const { return count; }
  captioned_picture sample(std::uint64_t i) const { return all.sample(i); }
};
bootstrap_data data() {
  const scenes::world w(scenes::world_size::nano);
  bootstrap_data d = scenes_bootstrap_data(w);
  const auto first = [&](scenes::split s, std::uint64_t count) {
    return any_pairs(beginning{scenes::pairs(w, s), count});
  };
  d.human = first(scenes::split::human, 60), d.web = first(scenes::split::web, 90);
  d.test = first(scenes::split::test, 30), d.web_test = first(scenes::split::web_test, 30);
  return d;
}

bootstrap_options job_options() {
  return {.pretrain = 6,
          .filter = 5,
          .captioner = 4,
          .batch = 8,
          .longest = 12,
          .measured = 10,
          .seed = 3,
          .view = {.height = 32, .width = 32},
          .checkpoint_every = 4,
          .log_every = 1};
}

std::optional<std::string> run(const std::string& folder, const bootstrap_options& o, int threads = 1) {
  device<cpu> d({.threads = threads});
  return job(d, options_of_towers(), job_tokens(), data(), folder, o).run();
}

constexpr const char* lasting[] = {
    "pretrain/weights.safetensors",       "filter/weights.safetensors", "captioner/weights.safetensors",
    "pretrain-again/weights.safetensors", "bootstrapped.jsonl",         "report.html"};
std::map<std::string, std::string> result_of(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const char* name : lasting) out[name] = get(folder + "/" + name);
  return out;
}
// Which files differ.
std::string difference(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
  std::string out;
  for (const auto& [name, bytes] : a)
    if (!b.contains(name) || b.at(name) != bytes) out += name + " ";
  return out + (a.size() != b.size() ? "and the number of files" : "");
}
std::map<std::string, std::string> everything_in(const std::string& folder) {
  std::map<std::string, std::string> out;
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder))
    if (e.is_regular_file()) out[e.path().string()] = get(e.path().string());
  return out;
}

// What a run that nothing disturbs ends with.
const std::map<std::string, std::string>& undisturbed() {
  static const std::map<std::string, std::string> result = [] {
    const temporary_folder folder;
    run(folder / "run", job_options());
    return result_of(folder / "run");
  }();
  return result;
}

// Says yes when it is asked for the n-th time, counted from 0, and from then on. Copies count together.
std::function<bool()> after(std::int64_t n) {
  return [left = std::make_shared<std::int64_t>(n)] { return (*left)-- <= 0; };
}

}  // namespace

TEST_CASE("bootstrap: a run has all its stages and ends with a report", "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_options o = job_options();
  std::string told;
  o.notice = [&](std::string_view line) { told += line; };
  device<cpu> d({.threads = 1});
  job whole(d, options_of_towers(), job_tokens(), data(), folder / "run", o);
  CHECK(whole.run() == folder / "run/report.html");
  CHECK(told ==
        "pretrain: 6 steps of 8 pairs\nfilter: 5 steps of 8 pairs\ncaptioner: 4 steps of 8 pairs\n"
        "capfilt: 90 pictures\npretrain-again: 6 steps of 8 pairs\nmeasuring\n");
  const auto result = result_of(folder / "run");
  CHECK(difference(result, undisturbed()) == "");
  for (const auto& [name, bytes] : result) CHECK((name == "bootstrapped.jsonl" || bytes.size() > 1000));
  // The two trainings from nothing begin alike and then learn from different sets.
  CHECK(result.at("pretrain/weights.safetensors") != result.at("pretrain-again/weights.safetensors"));

  const bootstrap_findings& f = whole.found();
  CHECK(f.counts.web->captions == 90);
  CHECK((*f.counts.web->wrong > 0 && *f.counts.web->wrong < 90));
  const filtered_pairs kept(folder / "run/bootstrapped.jsonl", [](const std::string&) { return image(); });
  CHECK(f.counts.whole_after->captions == static_cast<std::int64_t>(kept.size()));
  std::int64_t of_web = 0, wrong = 0, of_kinds = 0, kept_of_kinds = 0;
  const bootstrap_data world = data();
  for (std::uint64_t i = 0; i < kept.size(); ++i) {
    const filtered_record r = kept.record(i);
    CHECK(r.itm_probability >= 0.5f);
    of_web += r.source == text_source::web;
    if (r.source == text_source::web)
      wrong += world.of_web(r.image).is == report::truth::wrong;
    else
      wrong += world.truth(r.image, r.caption) == report::truth::wrong;
  }
  CHECK((f.counts.kept_web->captions == of_web && *f.counts.whole_after->wrong == wrong));
  for (const report::noise_row& r : f.noise) of_kinds += r.captions, kept_of_kinds += r.kept;
  CHECK((of_kinds == 90 && kept_of_kinds == of_web));
  REQUIRE(f.stages.size() == 4);
  CHECK((f.stages[0].losses.size() == 3 && f.stages[1].losses.size() == 2 && f.stages[2].losses.size() == 1));
  CHECK(f.stages[2].losses[0].points.size() == 4);
  CHECK((f.samples.size() == 18 && f.retrieval.at(0).pictures == 10 && f.captions.at(0).pictures == 10));
  CHECK((!f.words.empty() && f.words[0].words.size() > 1));
  CHECK((f.retrieval.size() == 2 && f.retrieval[1].name == "Matching head on the first 16"));
}

TEST_CASE("bootstrap: two threads end with the same bytes, another seed does not", "[train][bootstrap]") {
  const temporary_folder folder;
  CHECK(run(folder / "two", job_options(), 2));
  CHECK(difference(result_of(folder / "two"), undisturbed()) == "");
  bootstrap_options o = job_options();
  o.seed = 4, o.stop = after(o.pretrain);
  CHECK_FALSE(run(folder / "other", o));
  CHECK(result_of(folder / "other").at("pretrain/weights.safetensors") !=
        undisturbed().at("pretrain/weights.safetensors"));
}

TEST_CASE("bootstrap: stopped anywhere and run again, it ends with the same bytes", "[train][bootstrap]") {
  // Asked before 6 + 5 + 4 steps, 2 batches of the web's pictures, 6 steps.
  for (const int n : {6, 16, 17}) {  // between stages, within CapFilt, behind it
    CAPTURE(n);
    const temporary_folder folder;
    bootstrap_options o = job_options();
    o.stop = after(n);
    CHECK_FALSE(run(folder / "run", o));
    CHECK_FALSE(std::filesystem::exists(folder / "run/report.html"));
    CHECK(run(folder / "run", job_options(), n % 2 + 1));
    CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
  }
  // Again and again.
  const temporary_folder folder;
  int runs = 0;
  for (bool over = false; !over; ++runs) {
    bootstrap_options o = job_options();
    o.stop = after(3);
    over = run(folder / "run", o).has_value();
    REQUIRE(runs < 20);
  }
  CHECK(runs > 5);
  CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
}

TEST_CASE("bootstrap: what a stage throws leaves a run that goes on", "[train][bootstrap]") {
  const temporary_folder folder;
  for (const int n : {1, 5, 6, 4}) {
    bootstrap_options o = job_options();
    o.stop = [left = std::make_shared<int>(n)] {
      return (*left)-- > 0 ? false : throw std::runtime_error("pulled the plug");
    };
    CHECK_THROWS_WITH(run(folder / "run", o), "pulled the plug");
  }
  CHECK(run(folder / "run", job_options()));
  CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
}

TEST_CASE("bootstrap: a finished run that is run again changes nothing; a lost file is made again",
          "[train][bootstrap]") {
  const temporary_folder folder;
  CHECK(run(folder / "run", job_options()));
  const auto before = everything_in(folder / "run");
  bootstrap_options o = job_options();
  int asked = 0;
  o.stop = [&] { return ++asked, false; };
  CHECK(run(folder / "run", o, 2) == folder / "run/report.html");
  CHECK(asked == 0);
  CHECK(difference(everything_in(folder / "run"), before) == "");
  for (const char* lost : {"report.html", "filter/weights.safetensors", "pretrain-again/weights.safetensors"}) {
    std::filesystem::remove(folder / ("run/" + std::string(lost)));
    CHECK(run(folder / "run", job_options()));
    CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
  }
}

TEST_CASE("bootstrap: a run goes on with the options that it began with, stages that are over included",
          "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_options o = job_options();
  o.stop = after(o.pretrain + 2);  // the first stage is over
  CHECK_FALSE(run(folder / "run", o));
  const auto before = everything_in(folder / "run");
  const auto with = [&](auto change) {
    bootstrap_options other = job_options();
    change(other);
    return run(folder / "run", other);
  };
  CHECK_THROWS_WITH(
      with([](auto& x) { x.pretrain = 12; }),
      Catch::Contains("begun with another number of pre-training steps") && Catch::Contains("expected 6, found 12"));
  CHECK_THROWS_AS(with([](auto& x) { x.batch = 4; }), config_error);
  CHECK_THROWS_AS(with([](auto& x) { x.seed = 4; }), config_error);
  CHECK_THROWS_AS(with([](auto& x) { x.threshold = 0.6f; }), config_error);
  CHECK(difference(everything_in(folder / "run"), before) == "");
  // What is measured, and how often it is saved, may change.
  CHECK(with([](auto& x) { x.measured = 9, x.checkpoint_every = 100, x.log_every = 2; }));
  auto found = result_of(folder / "run"), expected = undisturbed();
  found.erase("report.html"), expected.erase("report.html");
  CHECK(difference(found, expected) == "");
}

TEST_CASE("bootstrap: where nobody knows the truth, or the filter keeps nothing, there is a report all the same",
          "[train][bootstrap]") {
  const temporary_folder folder;
  device<cpu> d({.threads = 1});
  bootstrap_data unknown = data();
  unknown.truth = nullptr, unknown.of_web = nullptr;
  unknown.complete = nullptr, unknown.objects = nullptr;
  job blind(d, options_of_towers(), job_tokens(), unknown, folder / "blind", job_options());
  CHECK(blind.run());
  CHECK((!blind.found().counts.web->wrong && blind.found().roc.empty() && blind.found().captions.empty()));
  // Knowing changes what is told, not what is learnt.
  auto learnt = result_of(folder / "blind"), expected = undisturbed();
  CHECK(learnt.at("report.html") != expected.at("report.html"));
  learnt.erase("report.html"), expected.erase("report.html");
  CHECK(difference(learnt, expected) == "");

  bootstrap_options strict = job_options();
  strict.threshold = 1;
  job nothing(d, options_of_towers(), job_tokens(), data(), folder / "nothing", strict);
  CHECK(nothing.run());
  CHECK(get(folder / "nothing/bootstrapped.jsonl").empty());
  CHECK(nothing.found().counts.whole_after->captions == 0);
}

namespace {

// Some samples of which cannot be used.
struct with_broken {
  any_pairs all;
  std::uint64_t every;

  std::uint64_t size() const { return all.size(); }
  captioned_picture sample(std::uint64_t i) const {
    if (i % every == 5) throw format_error({"sample " + std::to_string(i), "a whole one", "half of it", {}});
    return all.sample(i);
  }
};

}  // namespace

TEST_CASE("bootstrap: a broken sample is left out, counted and told; CapFilt shows how far it is", "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_data some = data();
  some.web = with_broken{some.web, 90}, some.test = with_broken{some.test, 30};
  some.notes = {"a word to the readers"};
  bootstrap_options o = job_options();
  std::string told, shown;
  o.notice = [&](std::string_view line) { told += line; };
  o.progress_to = [&](std::string_view line) { shown += line; };
  device<cpu> d({.threads = 1});
  job whole(d, options_of_towers(), job_tokens(), some, folder / "run", o);
  REQUIRE(whole.run());
  CHECK_THAT(told, Catch::Contains("capfilt: 90 pictures\n  1 sample was skipped: format, expected a whole one\n"));
  CHECK_THAT(shown, Catch::Contains("90/90") && Catch::Contains("pictures/s") && Catch::Contains("captions kept"));
  CHECK(whole.found().notes == some.notes);
  const auto& facts = whole.found().facts;
  CHECK(std::count_if(facts.begin(), facts.end(), [](const report::fact& f) { return f.name.starts_with("broken samples"); }) == 1);

  some.web = with_broken{data().web, 10};  // nine of ninety
  job broken(d, options_of_towers(), job_tokens(), some, folder / "broken", job_options());
  CHECK_THROWS_WITH(broken.run(), Catch::Contains("at most 1 % of them"));
}

TEST_CASE("bootstrap: stages one by one end with the bytes of all at once", "[train][bootstrap]") {
  const temporary_folder folder;
  const std::string made[] = {"pretrain/weights.safetensors", "filter/weights.safetensors",
                              "captioner/weights.safetensors", "bootstrapped.jsonl",
                              "pretrain-again/weights.safetensors", "report.html"};
  for (std::size_t i = 0; i < bootstrap_stage_names.size(); ++i) {
    bootstrap_options o = job_options();
    o.stages = {std::string(bootstrap_stage_names[i])};
    CHECK(run(folder / "run", o) == folder / ("run/" + made[i]));
    for (std::size_t k = 0; k < std::size(made); ++k)
      CHECK(std::filesystem::exists(folder / ("run/" + made[k])) == (k <= i));
  }
  CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
}

TEST_CASE("bootstrap: stages run in the job's order; one whose inputs nobody makes is refused before anything is done",
          "[train][bootstrap]") {
  const temporary_folder folder;
  const auto with = [&](const std::string& name, std::vector<std::string> stages) {
    bootstrap_options o = job_options();
    o.stages = std::move(stages);
    return run(folder / name, o);
  };
  CHECK_THROWS_WITH(with("run", {"filtre"}), Catch::Contains("did you mean filter?"));
  CHECK_THROWS_WITH(with("run", {"filter"}), Catch::Contains("pretrain/weights.safetensors") &&
                                                 Catch::Contains("the stage pretrain makes it"));
  CHECK_THROWS_WITH(with("run", {"pretrain", "capfilt"}), Catch::Contains("filter/weights.safetensors"));
  CHECK_THROWS_WITH(with("run", {"pretrain-again"}), Catch::Contains("bootstrapped.jsonl"));
  CHECK_THROWS_AS(with("run", {"report"}), config_error);
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
  CHECK(with("run", {"captioner", "pretrain", "captioner"}) == folder / "run/captioner/weights.safetensors");
  CHECK_FALSE(std::filesystem::exists(folder / "run/filter"));
  CHECK_THROWS_WITH(with("run", {"capfilt"}), Catch::Contains("filter/weights.safetensors"));
  CHECK(with("run", {}) == folder / "run/report.html");
  CHECK(difference(result_of(folder / "run"), undisturbed()) == "");
}

TEST_CASE("bootstrap: the rows of the paper's ablation differ in what they keep alone", "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_options base = job_options();
  base.stages = {"pretrain", "filter", "captioner", "capfilt"};
  const auto row = [&](const char* name, auto change) {
    bootstrap_options o = base;
    change(o);
    device<cpu> d({.threads = 1});
    job some(d, options_of_towers(), job_tokens(), data(), folder / name, o);
    const auto made = some.run();
    CHECK(made == folder / (std::string(name) + "/bootstrapped.jsonl"));
    CHECK(get(folder / (std::string(name) + "/captioner/weights.safetensors")) ==
          undisturbed().at("captioner/weights.safetensors"));
    return some.found().counts;
  };
  const auto both = row("both", [](auto&) {}), filter = row("filter", [](auto& o) { o.texts = text_set::web; }),
             captioner = row("captioner", [](auto& o) { o.threshold = 0; }),
             beam = row("beam", [](auto& o) { o.threshold = 0, o.captions_by = sampler::beam; });
  CHECK(get(folder / "both/bootstrapped.jsonl") == undisturbed().at("bootstrapped.jsonl"));
  CHECK((filter.kept_web->captions == both.kept_web->captions && filter.kept_synthetic->captions == 0));
  CHECK(filter.whole_after->captions == filter.kept_web->captions);
  CHECK((captioner.kept_web->captions == 90 && *captioner.kept_web->wrong == *captioner.web->wrong));
  CHECK(captioner.kept_synthetic->captions >= both.kept_synthetic->captions);
  CHECK(beam.kept_web->captions == 90);
  CHECK(get(folder / "beam/bootstrapped.jsonl") != get(folder / "captioner/bootstrapped.jsonl"));
  CHECK_THROWS_AS(row("nothing", [](auto& o) { o.texts = text_set::none; }), config_error);
  CHECK_FALSE(std::filesystem::exists(folder / "nothing"));
  CHECK_THROWS_WITH(row("filter", [](auto&) {}), Catch::Contains("begun with another choice of texts"));
  CHECK_THROWS_WITH(row("beam", [](auto& o) { o.threshold = 0; }), Catch::Contains("begun with another sampler"));
}

TEST_CASE("bootstrap: what a killed process has half written is gone when the run goes on", "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_options o = job_options();
  o.stages = {"pretrain"};
  CHECK(run(folder / "run", o));
  const pid_t killed = ::fork();
  if (killed == 0) ::_exit(0);
  REQUIRE(::waitpid(killed, nullptr, 0) == killed);
  const std::string left = ".part" + std::to_string(killed);
  for (const char* name : {"run/report.html", "run/pretrain/weights.safetensors"}) put(folder / (name + left), "half");
  CHECK(run(folder / "run", o));
  for (const auto& [name, bytes] : everything_in(folder / "run")) CHECK(name.find(".part") == name.npos);
}

TEST_CASE("measure_filter: a measure that needs true and false captions is none where one kind is missing",
          "[train][bootstrap]") {
  using judge = blip_retrieval<encoder_structure(vision, text), cpu, features>;
  tower_options towers = options_of_towers();
  towers.decoder = {};
  const owned<judge, cpu> model(1, towers, itc<features>(itc_options{.queue = 0}), itm<>());
  device<cpu> d({.threads = 1});
  const matcher<judge> m(*model, model.values(), job_tokens(), {.view = {.height = 32, .width = 32}, .longest = 12});
  bootstrap_data known = data();
  const measured_pairs some = first_pictures(known.web_test, 6);
  REQUIRE(some.names.size() == 6);
  const auto measures = [&](std::vector<report::truth> truths) {
    known.of_web = [&, truths](const std::string& name) {
      const auto at = std::find(some.names.begin(), some.names.end(), name) - some.names.begin();
      return web_label{truths[static_cast<std::size_t>(at) % truths.size()], {}};
    };
    return measure_filter(d, m, some, known, 0.5);
  };
  using report::truth;
  const auto counted = [](const filter_measures& f) {
    std::int64_t right = 0, wrong = 0;
    for (const std::int64_t n : f.probabilities.right) right += n;
    for (const std::int64_t n : f.probabilities.wrong) wrong += n;
    return std::pair(right, wrong);
  };
  const filter_measures both = measures({truth::right, truth::wrong});
  REQUIRE((both.roc && both.roc->area && both.roc->average_precision && both.area_with_vague));
  CHECK(both.roc->points.back().x == Approx(1));
  CHECK(both.roc->points.back().y == Approx(1));
  CHECK(counted(both) == std::pair<std::int64_t, std::int64_t>(3, 3));
  for (const truth one : {truth::right, truth::wrong, truth::vague}) {
    const filter_measures f = measures({one});
    CHECK_FALSE(f.roc);
    CHECK_FALSE(f.area_with_vague);
    CHECK(counted(f) == (one == truth::wrong ? std::pair<std::int64_t, std::int64_t>(0, 6)
                                             : std::pair<std::int64_t, std::int64_t>(6, 0)));
  }
  const filter_measures vague = measures({truth::vague, truth::wrong});  // true ones only where vague ones count
  CHECK_FALSE(vague.roc);
  CHECK(vague.area_with_vague);
  CHECK_FALSE(measure_filter(d, m, {}, known, 0.5).roc);
}

TEST_CASE("bootstrap: where all captions of the web are true the report says that a measure is undefined",
          "[train][bootstrap]") {
  const temporary_folder folder;
  bootstrap_data d = data();
  d.of_web = [](const std::string&) { return web_label{report::truth::right, {}}; };
  device<cpu> on({.threads = 1});
  job whole(on, options_of_towers(), job_tokens(), std::move(d), folder / "run", job_options());
  REQUIRE(whole.run());
  CHECK(get(folder / "run/report.html").find("undefined: it needs true and false captions") != std::string::npos);
}
