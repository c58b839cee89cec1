// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "blip/image/evaluation_view.hpp"
#include "blip/image/image_file.hpp"
#include "blip/image/pixel_statistics.hpp"
#include "blip/image/training_view.hpp"
#include "blip/io/safetensors.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

const std::string golden_folder = std::string(BLIP_GOLDEN_DIR) + "/images/";

// False, and says so, where the golden folder lacks a file.
bool there(const std::string& file) {
  const bool found = std::filesystem::exists(golden_folder + file);
  if (!found) WARN("skipped: no " << golden_folder << file);
  return found;
}

class case_text {
 public:
  explicit case_text(const std::string& name)
      : text_(simdjson::padded_string::load(golden_folder + name + "/case.json").value()),
        json_(parser_.parse(text_)) {}

  simdjson::dom::element operator[](const char* key) const { return json_[key]; }

 private:
  simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  simdjson::dom::element json_;
};

std::string words(simdjson::dom::element e, const char* key) { return std::string(e[key].get_string().value()); }
int whole(simdjson::dom::element e, const char* key) { return static_cast<int>(e[key].get_int64().value()); }
double number(simdjson::dom::element e, const char* key) { return e[key].get_double().value(); }

// A stored picture, [height, width, 3].
image picture(const safetensors_file& file, const std::string& name) {
  const auto* t = file.find(name);
  INFO("tensor " << name);
  REQUIRE(t != nullptr);
  REQUIRE(t->shape.size() == 3);
  image p(static_cast<int>(t->shape[0]), static_cast<int>(t->shape[1]));
  p.pixels = file.read<std::uint8_t>(*t);
  return p;
}

// Pixels that differ, and by how much at most; the sides agree.
struct difference {
  int pixels = 0, largest = 0;
};
difference between(const image& found, const image& expected, bool around = false) {
  REQUIRE(found.height == expected.height);
  REQUIRE(found.width == expected.width);
  difference d;
  for (std::size_t i = 0; i < found.pixels.size(); ++i) {
    int by = std::abs(found.pixels[i] - expected.pixels[i]);
    if (around) by = std::min(by, 256 - by);  // modulo 256
    d.pixels += by != 0;
    d.largest = std::max(d.largest, by);
  }
  return d;
}

void check_normalised(const image& p, const safetensors_file& file, const std::string& name) {
  const auto* t = file.find(name);
  REQUIRE(t != nullptr);
  const auto expected = file.read<double>(*t);
  const auto found = normalise(std::span(&p, 1));
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - expected[i]));
  INFO(name);
  CHECK(worst <= 1e-6);
}

augment_op operation(const std::string& name) {
  for (std::size_t i = 0; i < augment_op_names.size(); ++i)
    if (augment_op_names[i] == name) return static_cast<augment_op>(i);
  FAIL("no operation " << name);
  return {};
}

}  // namespace

TEST_CASE("decoding, resizing and normalising equal Pillow and torchvision", "[golden][images]") {
  if (!there("decode-resize/case.json")) return;
  const case_text text("decode-resize");
  for (const auto entry : simdjson::dom::array(text["images"])) {
    const std::string name = words(entry, "file");
    if (!there("decode-resize/" + words(entry, "expected")) || !there("decode-resize/" + name)) continue;
    INFO(name);
    const safetensors_file file(golden_folder + "decode-resize/" + words(entry, "expected"));
    const image decoded = read_image(golden_folder + "decode-resize/" + name);
    CHECK(decoded.height == whole(entry, "height"));
    CHECK(decoded.width == whole(entry, "width"));
    const image expected = picture(file, "rgb");
    CHECK(between(decoded, expected).largest == 0);
    for (const auto& t : file.tensors()) {
      if (t.name.rfind("bicubic_", 0) != 0) continue;
      INFO(t.name);
      const int height = static_cast<int>(t.shape[0]), width = static_cast<int>(t.shape[1]);
      CHECK(between(resize(expected, height, width), picture(file, t.name)).largest == 0);
    }
    check_normalised(picture(file, "bicubic_32x32"), file, "normalized_32x32");
  }
}

TEST_CASE("a crop, resized and mirrored, equals torchvision's", "[golden][images]") {
  if (!there("crop-flip/case.json")) return;
  const case_text text("crop-flip");
  const safetensors_file file(golden_folder + "crop-flip/pixels.safetensors");
  for (const auto entry : simdjson::dom::array(text["boxes"])) {
    const std::string key = words(entry, "key");
    INFO(key);
    const image input = picture(file, words(entry, "input"));
    const pixel_box box{whole(entry, "left"), whole(entry, "top"), whole(entry, "width"), whole(entry, "height")};
    image found = resize(image_view(input, box), whole(entry, "size"), whole(entry, "size"));
    if (entry["flip"].get_bool()) mirror(found);
    CHECK(between(found, picture(file, key + "_pixels")).largest == 0);
    check_normalised(found, file, key + "_tensor");
  }
}

TEST_CASE("files become the pixel values of the models on Hugging Face", "[golden][images]") {
  const std::string folder = std::string(BLIP_GOLDEN_DIR) + "/hf/";
  for (const std::string name : {"caption", "retrieval", "vqa"}) {
    const std::string settings = folder + name + "/model/preprocessor_config.json";
    if (!std::filesystem::exists(settings)) {
      WARN("skipped: no " << settings);
      continue;
    }
    INFO(name);
    simdjson::dom::parser parser, other;
    const simdjson::dom::element made = parser.load(settings).value(),
                                 text = other.load(folder + name + "/case.json").value();
    evaluation_view_options o{.height = static_cast<int>(made["size"]["height"].get_int64()),
                              .width = static_cast<int>(made["size"]["width"].get_int64()),
                              .resized = made["do_resize"].get_bool(),
                              .filter = pillow_filter(whole(made, "resample"))};
    o.statistics.scale = number(made, "rescale_factor");
    for (std::size_t c = 0; c < 3; ++c) {
      o.statistics.mean[c] = made["image_mean"].at(c).get_double();
      o.statistics.deviation[c] = made["image_std"].at(c).get_double();
    }
    std::vector<image> pictures;
    for (const auto file : simdjson::dom::array(text["images"]))
      pictures.push_back(read_image(folder + name + "/" + std::string(file.get_string().value())));
    const safetensors_file stored(folder + name + "/expected.safetensors");
    const auto* t = stored.find("pixel_values");
    REQUIRE(t != nullptr);
    const auto expected = stored.read<double>(*t);
    const auto found = evaluation_pixels(pictures, o);
    REQUIRE(found.size() == expected.size());
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(found[i]) - expected[i]));
    CHECK(worst <= 1e-6);
  }
}

TEST_CASE("draws become the boxes of torchvision's RandomResizedCrop", "[golden][images]") {
  if (!there("crop-box-rule/boxes.jsonl")) return;
  simdjson::dom::parser parser;
  simdjson::dom::document_stream lines = parser.load_many(golden_folder + "crop-box-rule/boxes.jsonl");
  int boxes = 0;
  for (auto parsed : lines) {
    const simdjson::dom::element line = parsed.value();
    const int height = whole(line, "image_height"), width = whole(line, "image_width");
    std::optional<pixel_box> found;
    for (const auto draw : simdjson::dom::array(line["draws"])) {
      CHECK_FALSE(found);  // the accepted draw is the last
      found = crop_candidate(height, width, number(draw, "area_fraction"), number(draw, "ratio"));
      if (found) found->left = whole(draw, "left"), found->top = whole(draw, "top");
    }
    CHECK(found.has_value() != line["fallback"].get_bool().value());
    if (!found) found = crop_in_the_middle(height, width);
    const simdjson::dom::element box = line["box"];
    CHECK(*found == pixel_box{whole(box, "left"), whole(box, "top"), whole(box, "width"), whole(box, "height")});
    ++boxes;
  }
  CHECK(boxes > 0);
}

TEST_CASE("the operations of RandAugment equal the published code", "[golden][images]") {
  if (!there("randaugment/pixels.safetensors")) return;
  const case_text text("randaugment");
  const safetensors_file file(golden_folder + "randaugment/pixels.safetensors");
  for (const auto entry : simdjson::dom::array(text["operations"])) {
    const std::string key = words(entry, "key"), input = words(entry, "input");
    INFO(key);
    const augment_step step{operation(words(entry, "operation")), number(entry, "magnitude"),
                            entry["negative"].get_bool()};
    if (double argument = 0; !entry["argument"].get(argument))
      CHECK(step.argument() == Approx(argument).epsilon(1e-12));
    image found = picture(file, input);
    augment(found, step, /*wrapped_contrast=*/true);
    const bool sharp = step.op == augment_op::sharpness;
    CHECK(between(found, picture(file, key), sharp).largest <= (sharp ? 1 : 0));
    if (step.op == augment_op::auto_contrast) {
      image corrected = picture(file, input);
      augment(corrected, step);
      CHECK(between(corrected, picture(file, "corrected_autocontrast_" + input.substr(6))).largest == 0);
    }
  }
  for (const auto chain : simdjson::dom::array(text["chains"])) {
    INFO(words(chain, "key"));
    image found = picture(file, words(chain, "input"));
    bool sharp = false;
    for (const auto s : simdjson::dom::array(chain["steps"])) {
      const augment_op op = operation(words(s, "operation"));
      augment(found, {op, number(chain, "magnitude"), s["negative"].get_bool()}, true);
      sharp = sharp || op == augment_op::sharpness;
    }
    CHECK(between(found, picture(file, words(chain, "key")), sharp).largest <= (sharp ? 8 : 0));
  }
}
