// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>
#include <map>
#include <numbers>
#include <string>

#include "blip/train/training_recipe_json.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

const std::filesystem::path folder = std::filesystem::path(__FILE__).parent_path() / "../../../examples/recipes";

training_recipe published(const std::string& name) { return read_recipe((folder / (name + ".json")).string()); }
train_position at(int epoch, std::int64_t iteration = 0, std::int64_t of = 1000) { return {epoch, iteration, of}; }

}  // namespace

TEST_CASE("training_recipe: every file of examples/recipes is read, and says what it leaves to no default",
          "[train][recipe]") {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    CAPTURE(file.path().string());
    const training_recipe r = read_recipe(file.path().string());
    CHECK(file.path().stem().string().starts_with(r.family + "_" + r.task));
    CHECK((r.steps == 0 && r.epochs > 0 && r.augment && r.preset == r.family + "-base"));
    CHECK(r.cleaning == r.family);
    CHECK(r.weight_decay == (r.family == "blip" ? 0.05 : 0.02));
    CHECK(r.magnitude == (r.family == "blip" ? 5 : 7));
    CHECK((r.beta1 == 0.9 && r.beta2 == 0.999 && r.epsilon == 1e-8 && r.clip == 0 && r.momentum == 0.995));
    const adamw_options o = optimiser_of(r);
    CHECK(o.decayed == (r.family == "blip" ? decay_rule::all : decay_rule::matrices_only_albef));
    ++files;
  }
  CHECK(files == 13);
}

TEST_CASE("training_recipe: the published pre-trainings have their learning rates", "[train][recipe]") {
  const training_recipe blip = published("blip_pretrain"), albef = published("albef_pretrain");
  CHECK((blip.batch * blip.ranks == 600 && blip.image_size == 224 && blip.queue == 57600 && blip.epochs == 20));
  const auto rate = schedule_of(blip);
  CHECK(rate(at(0, 0, 5000)) == Approx(1e-6));
  CHECK(rate(at(0, 1500, 5000)) == Approx(1e-6 + (3e-4 - 1e-6) / 2));
  CHECK(rate(at(0, 3000, 5000)) == Approx(3e-4));
  CHECK(rate(at(1)) == Approx(2.7e-4));
  CHECK(rate(at(19)) == Approx(3e-4 * std::pow(0.9, 19)));
  CHECK(alpha_of(blip)(at(0, 500)) == Approx(0.4 * 0.25));  // a ramp of two epochs
  CHECK(alpha_of(blip)(at(2)) == Approx(0.4));

  CHECK((albef.batch * albef.ranks == 512 && albef.image_size == 256 && albef.queue == 65536 && albef.epochs == 30));
  CHECK((albef.masked == 0.15 && albef.longest == 25));
  const auto slow = schedule_of(albef);
  CHECK(slow(at(0, 0, 5000)) == Approx(1e-5));
  CHECK(slow(at(0, 1001, 5000)) == Approx(1e-5 + 10 * (1e-4 - 1e-5) / 20));
  CHECK(slow(at(0, 4000, 5000)) == Approx(1e-4));
  CHECK(slow(at(15)) == Approx((1e-4 + 1e-5) / 2));  // half of the cosine
  CHECK(alpha_of(albef)(at(0, 500)) == Approx(0.2));
  CHECK(alpha_of(albef)(at(1)) == Approx(0.4));
}

TEST_CASE("training_recipe: the published fine-tunings have their numbers", "[train][recipe]") {
  struct row {
    int pixels, pairs, epochs;
    double rate, least;
    int shortlist;
  };
  const std::map<std::string, row> expected{{"blip_caption_coco", {384, 256, 5, 1e-5, 0, 0}},
                                            {"blip_retrieval_coco", {384, 256, 6, 1e-5, 0, 256}},
                                            {"blip_retrieval_flickr", {384, 256, 6, 1e-5, 0, 128}},
                                            {"blip_vqa", {480, 256, 10, 2e-5, 0, 128}},
                                            {"blip_nlvr", {384, 256, 15, 3e-5, 0, 0}},
                                            {"albef_retrieval_coco", {384, 256, 5, 1e-5, 1e-6, 256}},
                                            {"albef_retrieval_flickr", {384, 256, 10, 1e-5, 1e-6, 128}},
                                            {"albef_vqa", {384, 256, 8, 2e-5, 1e-6, 128}},
                                            {"albef_nlvr", {384, 128, 10, 2e-5, 1e-6, 0}},
                                            {"albef_entailment", {384, 256, 5, 2e-5, 1e-6, 0}},
                                            {"albef_grounding", {384, 256, 5, 1e-5, 1e-6, 0}}};
  for (const auto& [name, e] : expected) {
    CAPTURE(name);
    const training_recipe r = published(name);
    CHECK((r.image_size == e.pixels && r.batch * r.ranks == e.pairs && r.epochs == e.epochs));
    CHECK((r.rate == e.rate && r.min_rate == e.least && r.shortlist == e.shortlist));
    const auto rate = schedule_of(r);
    // A cosine by epochs: its beginning (ALBEF warms up first), its middle, and its last epoch.
    CHECK(rate(at(0, r.family == "blip" ? 0 : 999)) == Approx(e.rate));
    const auto half = [&e = e](int epoch) {  // named: clang 14 captures no structured binding
      return e.least + (e.rate - e.least) * (1 + std::cos(std::numbers::pi * epoch / e.epochs)) / 2;
    };
    CHECK(rate(at(2)) == Approx(half(2)));
    CHECK(rate(at(e.epochs - 1)) == Approx(half(e.epochs - 1)));
  }
  CHECK(published("blip_caption_coco").prompt == "a picture of ");
  CHECK((published("blip_retrieval_coco").negatives_of_all_ranks &&
         !published("blip_retrieval_flickr").negatives_of_all_ranks));
  CHECK_FALSE(published("albef_retrieval_coco").clamp_temperature);
  CHECK(alpha_of(published("albef_entailment"))(at(0, 0)) == 0.4);  // at once
  CHECK(published("albef_vqa").label_smoothing == 0);
}

TEST_CASE("training_recipe: written and read again it is the same", "[train][recipe]") {
  training_recipe r = published("albef_retrieval_coco");
  r.prompt = "a \"quoted\" picture of ", r.rate = 1.0 / 3, r.steps = 1'000'000'000'000;
  const std::string text = to_json(r);
  CHECK(to_json(parse_recipe("again", text)) == text);
  // What a file leaves out stays what it was.
  const training_recipe changed = parse_recipe("some", R"({"rate": 0.5, "min_rate": 0.25})", r);
  CHECK((changed.rate == 0.5 && changed.epochs == r.epochs && changed.family == "albef"));
}

TEST_CASE("training_recipe: what cannot be used is named", "[train][recipe]") {
  const auto refused = [](const std::string& text) {
    try {
      static_cast<void>(parse_recipe("r.json", text));
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  CHECK_THAT(refused(R"({"epoch": 3})"), Catch::Contains("did you mean epochs?"));
  CHECK_THAT(refused(R"({"schedule": "cosine"})"), Catch::Contains("step_cosine") && Catch::Contains("did you mean"));
  CHECK_THAT(refused(R"({"batch": 1.5})"), Catch::Contains("batch") && Catch::Contains("a whole number"));
  CHECK_THAT(refused(R"({"batch": 0})"), Catch::Contains("1 or more"));
  CHECK_THAT(refused(R"({"batch": 99999999999})"), Catch::Contains("a whole number"));
  CHECK_THAT(refused(R"({"prompt": 7})"), Catch::Contains("a text"));
  CHECK_THAT(refused(R"({"augment": "yes"})"), Catch::Contains("true or false"));
  CHECK_THAT(refused(R"({"rate": -1})"), Catch::Contains("a number above 0"));
  CHECK_THAT(refused(R"({"min_rate": 1})"), Catch::Contains("0 to the rate"));
  CHECK_THAT(refused(R"({"steps": 0})"), Catch::Contains("one of them above 0"));
  CHECK_THAT(refused(R"({"batch": 4, "batch": 4})"), Catch::Contains("twice"));
  CHECK_THAT(refused(R"({"task": "caption", "shortlist": 128})"), Catch::Contains("is not evaluated by one"));
  CHECK_THAT(refused(R"({"task": "vqa", "negatives_of_all_ranks": true})"), Catch::Contains("no hard negatives"));
  CHECK_THAT(refused("[]"), Catch::Contains("a JSON object"));
  CHECK_THAT(refused("{"), Catch::Contains("a JSON object"));
  CHECK_THAT(refused(""), Catch::Contains("a JSON object"));
  CHECK(refused(R"({"comment": "what it is for", "batch": 4})") == "accepted");
}
