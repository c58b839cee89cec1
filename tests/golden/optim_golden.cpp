// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include <filesystem>
#include <span>
#include <string>

#include "blip/io/arena_file.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/optim/clip.hpp"
#include "blip/optim/ema.hpp"
#include "blip/optim/gradient_norm.hpp"
#include "blip/optim/schedules.hpp"
#include "optim/handmade.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::string golden_folder = std::string(BLIP_GOLDEN_DIR) + "/optim/";

// The case.json of a golden case of optimisation.
class case_text {
 public:
  explicit case_text(const std::string& name)
      : text_(simdjson::padded_string::load(golden_folder + name + "/case.json").value()),
        json_(parser_.parse(text_)) {}

  const simdjson::dom::element& operator*() const { return json_; }

 private:
  simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  simdjson::dom::element json_;
};

// Its tensors.
class case_tensors {
 public:
  explicit case_tensors(const std::string& name) : file_(golden_folder + name + "/tensors.safetensors") {}

  numbers read(const std::string& name) const {
    const auto* t = file_.find(name);
    INFO("tensor " << name);
    REQUIRE(t != nullptr);
    return file_.read<double>(*t);
  }
  // The shapes of prefix0, prefix1, ...
  std::vector<named_shape> shapes(const std::string& prefix) const {
    std::vector<named_shape> all;
    while (const auto* t = file_.find(prefix + std::to_string(all.size())))
      all.push_back({t->name, {t->shape.begin(), t->shape.end()}});
    REQUIRE(!all.empty());
    return all;
  }

 private:
  safetensors_file file_;
};

double number(simdjson::dom::element e, const char* key) { return e[key].get_double().value(); }
int whole(simdjson::dom::element e, const char* key) { return static_cast<int>(e[key].get_int64().value()); }

// |found - expected| <= absolute + relative |expected|, for every number.
void compare(const std::string& what, const numbers& found, const numbers& expected, double absolute, double relative) {
  INFO(what);
  REQUIRE(found.size() == expected.size());
  int beyond = 0;
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double d = std::abs(found[i] - expected[i]);
    if (!(d <= absolute + relative * std::abs(expected[i]))) ++beyond, worst = std::max(worst, d);
  }
  INFO("largest distance beyond the tolerance: " << worst);
  CHECK(beyond == 0);
}

std::string name(const char* what, int a, int b) { return what + ('.' + std::to_string(a)) + '.' + std::to_string(b); }

template <class B>
void check_adamw(const std::string& folder) {
  const case_text text(folder);
  const case_tensors tensors(folder);
  handmade<B> m(tensors.shapes("initial."));
  const simdjson::dom::array groups = (*text)["groups"];
  const double rate = number(groups.at(0), "lr");
  const simdjson::dom::array betas = groups.at(0)["betas"];
  adamw<B> optimiser(
      m.values.layout(),
      {.beta1 = betas.at(0).get_double(), .beta2 = betas.at(1).get_double(), .epsilon = number(groups.at(0), "eps")});
  for (const auto group : groups)
    for (const auto index : simdjson::dom::array(group["parameters"])) {
      const auto i = static_cast<int>(index.get_int64().value());
      optimiser.decay(i, number(group, "weight_decay"));
      optimiser.rate(i, number(group, "lr") / rate);
    }
  for (int i = 0; i < m.count(); ++i) m.value(i, tensors.read("initial." + std::to_string(i)));
  for (int s = 0; s < whole(*text, "steps"); ++s) {
    m.gradients.clear();
    for (int i = 0; i < m.count(); ++i) m.gradient(i, tensors.read(name("gradient", s, i)));
    optimiser.step(m.dev, m.values, m.gradients, rate);
    for (int i = 0; i < m.count(); ++i)
      compare(name("after", s, i), m.value(i), tensors.read(name("after", s, i)), 1e-6, 2e-6);
  }
  for (int i = 0; i < m.count(); ++i) {
    const std::string first = "exp_avg." + std::to_string(i), second = "exp_avg_sq." + std::to_string(i);
    compare(first, m.of(optimiser.first_moment(), i), tensors.read(first), 0, 1e-5);
    compare(second, m.of(optimiser.second_moment(), i), tensors.read(second), 0, 1e-5);
  }
}

// The learning rate of every iteration of a run against the stored list of its changes.
template <class F>
void check_trace(simdjson::dom::element line, const F& lr, int epochs, int iterations) {
  std::size_t next = 0;
  double expected = 0;
  int wrong = 0;
  const simdjson::dom::array trace = line["trace"];
  for (train_position at{0, 0, iterations}; at.epoch < epochs; ++at.epoch)
    for (at.iteration = 0; at.iteration < iterations; ++at.iteration) {
      if (next < trace.size() && whole(trace.at(next), "epoch") == at.epoch &&
          whole(trace.at(next), "iteration") == at.iteration)
        expected = number(trace.at(next++), "lr");
      if (!(std::abs(lr(at) - expected) <= 1e-12 * expected)) ++wrong;
    }
  CHECK(next == trace.size());
  CHECK(wrong == 0);
}
template <class F>
void check_values(simdjson::dom::element line, const F& lr) {
  numbers found, expected;
  for (const auto value : simdjson::dom::array(line["values"])) {
    found.push_back(lr.at_count(static_cast<int>(found.size())));
    expected.push_back(value.get_double());
  }
  compare("values", found, expected, 0, 1e-12);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("adamw equals PyTorch's", "[golden][optim]", test::golden_backends) {
  for (const char* folder : {"adamw-albef", "adamw-blip", "adamw-default"}) check_adamw<TestType>(folder);
}

TEMPLATE_LIST_TEST_CASE("clipping equals PyTorch's", "[golden][optim]", test::golden_backends) {
  const case_text text("clip-gradient-norm");
  const case_tensors tensors("clip-gradient-norm");
  for (const auto row : simdjson::dom::array((*text)["rows"])) {
    const std::string at = std::to_string(whole(row, "row"));
    handmade<TestType> m(tensors.shapes(at + ".gradient."));
    for (int i = 0; i < m.count(); ++i) m.gradient(i, tensors.read(at + ".gradient." + std::to_string(i)));
    gradient_norm<TestType> norm;
    norm.measure(m.dev, m.gradients);
    compare("norm of row " + at, {norm.all()}, {number(row, "total_norm")}, 0, 1e-6);
    clip(m.dev, m.gradients, norm.all(), number(row, "max_norm"));
    for (int i = 0; i < m.count(); ++i) {
      const std::string clipped = at + ".clipped." + std::to_string(i);
      compare(clipped, m.gradient(i), tensors.read(clipped), 0, 1e-6);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("the moving average equals the published rule", "[golden][optim]", test::golden_backends) {
  const case_text text("ema-albef");
  const case_tensors tensors("ema-albef");
  handmade<TestType> m(tensors.shapes("initial."));
  for (int i = 0; i < m.count(); ++i) m.value(i, tensors.read("initial." + std::to_string(i)));
  auto target = m.values.clone();
  for (int s = 0; s < whole(*text, "steps"); ++s) {
    for (int i = 0; i < m.count(); ++i) m.value(i, tensors.read(name("parameter", s, i)));
    ema(m.dev, number(*text, "momentum"), m.values, target);
    for (int i = 0; i < m.count(); ++i)
      compare(name("after", s, i), m.of(target, i), tensors.read(name("after", s, i)), 2e-7, 1e-6);
  }
}

TEST_CASE("schedules equal the published scripts at every iteration", "[golden][optim]") {
  simdjson::dom::parser parser;
  int compared = 0;
  simdjson::dom::document_stream lines = parser.load_many(golden_folder + "schedules/schedules.jsonl");
  for (auto parsed : lines) {
    const simdjson::dom::element line = parsed.value();
    const std::string kind(line["schedule"].get_string().value());
    INFO(kind << " " << line["name"].get_string().value());
    if (kind == "albef-cosine") {
      const albef_cosine lr{.rate = number(line, "lr"),
                            .min_rate = number(line, "min_lr"),
                            .warmup_rate = number(line, "warmup_lr"),
                            .warmup_hundreds = whole(line, "warmup_epochs"),
                            .epochs = whole(line, "epochs")};
      check_trace(line, lr, lr.epochs, whole(line, "iterations_per_epoch"));
    } else if (kind == "blip-step-with-warmup") {
      const blip_step_decay lr{.rate = number(line, "init_lr"),
                               .min_rate = number(line, "min_lr"),
                               .warmup_rate = number(line, "warmup_lr"),
                               .decay = number(line, "lr_decay_rate"),
                               .warmup_steps = whole(line, "warmup_steps")};
      check_trace(line, lr, whole(line, "max_epoch"), whole(line, "iterations_per_epoch"));
    } else if (kind == "blip-cosine") {
      const blip_cosine lr{
          .rate = number(line, "init_lr"), .min_rate = number(line, "min_lr"), .epochs = whole(line, "max_epoch")};
      check_trace(line, lr, lr.epochs, 3);
    } else if (kind == "albef-tanh") {
      check_values(line, albef_tanh{.rate = number(line, "lr"),
                                    .min_rate = number(line, "min_lr"),
                                    .warmup_rate = number(line, "warmup_lr"),
                                    .warmup_hundreds = whole(line, "warmup_t"),
                                    .length = whole(line, "t_initial")});
    } else if (kind == "albef-step") {
      check_values(line, albef_step{.rate = number(line, "lr"),
                                    .decay = number(line, "decay_rate"),
                                    .warmup_rate = number(line, "warmup_lr"),
                                    .warmup_hundreds = whole(line, "warmup_t"),
                                    .every = whole(line, "decay_t")});
    } else {
      FAIL("a schedule that is not known");
    }
    ++compared;
  }
  CHECK(compared > 0);
}

TEST_CASE("decay groups equal the published ones", "[golden][optim]") {
  const case_text text("weight-decay-groups");
  std::vector<named_shape> all;
  std::vector<bool> albef, blip;
  for (const auto p : simdjson::dom::array((*text)["parameters"])) {
    named_shape s{std::string(p["name"].get_string().value()), {}};
    for (const auto n : simdjson::dom::array(p["shape"])) s.shape.push_back(static_cast<int>(n.get_int64().value()));
    all.push_back(std::move(s));
    albef.push_back(p["albef_decays"].get_bool());
    blip.push_back(p["blip_decays"].get_bool());
  }
  const handmade<reference<double>> m(all);
  CHECK(decays(decay_rule::matrices_only_albef, m.layout()) == albef);
  CHECK(decays(decay_rule::all, m.layout()) == blip);
}

TEST_CASE("a temperature of rank 0 is stored with the shape []", "[golden][optim]") {
  const auto path = (std::filesystem::temp_directory_path() / "blip_rank_zero.safetensors").string();
  handmade<cpu> m(usual), back(usual);
  fill(m, 3);
  save_arena(path, m.values);
  const safetensors_file file(path);
  REQUIRE(file.find("temp") != nullptr);
  CHECK(file.find("temp")->shape.empty());
  CHECK(file.find("temp")->elements() == 1);
  load_arena(path, back.values);
  std::filesystem::remove(path);
  CHECK(difference_of_bits(back.all(back.values), m.all(m.values)) == "");
}
