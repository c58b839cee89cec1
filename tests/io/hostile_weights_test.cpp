// SPDX-License-Identifier: Apache-2.0
//
// Sound containers whose names and shapes are meant to do harm.
#include <chrono>

#include "blip/io/describe_weights.hpp"
#include "tiny_models.hpp"
#include "torch_file.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// A file of tensors without elements, which costs nothing whatever its shapes say.
std::string put_empty(const scratch_folder& folder, const std::vector<std::pair<std::string, std::string>>& shapes) {
  std::string header = "{";
  for (const auto& [name, shape] : shapes)
    header += (header.size() > 1 ? ",\"" : "\"") + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape +
              ",\"data_offsets\":[0,0]}";
  header += "}";
  return folder.put("m.safetensors", u64(header.size()) + header);
}

}  // namespace

TEST_CASE("hostile weights: a position table without rows is of another shape", "[io]") {
  const scratch_folder folder("hostile");
  captioner model = make_captioner(1);
  const auto before = values_of(model);
  const std::string path = put_empty(folder, {{"visual_encoder.pos_embed", "[1,0,6]"}});
  const auto start = std::chrono::steady_clock::now();
  const auto [kind, text] = failure([&] { load_weights(path, model.values(), {.keep_missing = true}); });
  CHECK(kind == "shape");
  CHECK(text.find("visual_encoder.pos_embed [1, 10, 6] (there [1, 0, 6])") != text.npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
  CHECK(values_of(model) == before);
}

TEST_CASE("hostile weights: numbers of layers and sizes that no model has do not overflow", "[io]") {
  const scratch_folder folder("hostile");
  const std::string path = put_empty(folder, {{"text_encoder.encoder.layer.2147483647.attention.x", "[0]"},
                                              {"text_encoder.encoder.layer.2147483647.crossattention.x", "[0]"},
                                              {"text_encoder.encoder.layer.99999999999999999999.attention.x", "[0]"},
                                              {"text_encoder.embeddings.word_embeddings.weight", "[0,64]"},
                                              {"visual_encoder.blocks.2147483647.x", "[0]"},
                                              {"visual_encoder.cls_token", "[0,1,64]"},
                                              {"visual_encoder.patch_embed.proj.weight", "[64,3,16777216,0]"},
                                              {"visual_encoder.pos_embed", "[1,16769026,0]"}});
  const weights_file file(path);
  const weights_description d = describe_weights(file);
  CHECK(d.sizes.options.vision.depth == (1 << 20) + 1);
  CHECK(d.sizes.options.vision.image_height == 0);
  CHECK(d.sizes.options.text.layers == (1 << 20) + 1);
  CHECK(d.elements == 0);
  retriever model = make_retriever(1);
  CHECK(failure([&] { load_weights(file, model.values()); }).first == "format");
}

TEST_CASE("hostile weights: names in errors neither end lines nor fill pages", "[io]") {
  const scratch_folder folder("hostile");
  retriever model = make_retriever(1);
  auto tensors = tensors_of(save_weights((folder.path / "good.safetensors").string(), model.values()));
  tensors.push_back({"visual_encoder.blocks.0.a\nb\x1b[2J", {0}, {}});
  tensors.push_back({"visual_encoder.blocks.0." + std::string(900, 'x'), {0}, {}});
  const std::string path = put_tensors(folder, "bad.safetensors", tensors);
  const auto [kind, text] = failure([&] { load_weights(path, model.values()); });
  CHECK(kind == "format");
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("blocks.0.a?b?[2J") != text.npos);
  CHECK(text.find(std::string(300, 'x')) == text.npos);
  const std::string line = "visual_encoder.blocks.0.a\\nb\\u001b[2J";
  const std::string twice = put_empty(folder, {{line, "[0]"}, {line, "[0]"}});
  CHECK(failure([&] { weights_file{twice}; }).second.find("(visual_encoder.blocks.0.a?b?[2J)") != std::string::npos);
}

TEST_CASE("hostile weights: a pickle keeps hardly more lists than memo slots", "[io]") {
  torch_file c;
  const auto tuples = [](int count) {
    std::string list = "](";
    for (int i = 0; i < count; ++i) list += "N\x85";  // two bytes, and a tuple
    return list + "e";
  };
  c.bounds.pickle_memo = 50;
  CHECK(c.beside(tuples(90)) == "read");
  CHECK(c.beside(tuples(120)) == "limit");
}

TEST_CASE("hostile weights: hints end where they would take minutes", "[io]") {
  const scratch_folder folder("hostile");
  std::vector<std::pair<std::string, std::string>> shapes;
  for (int i = 0; i < 20'000; ++i) shapes.emplace_back("visual_encoder." + std::string(60, 'q') + std::to_string(i), "[0]");
  retriever model = make_retriever(1);
  const load_report r = compare_weights(weights_file(put_empty(folder, shapes)), *model.values().layout());
  REQUIRE(!r.missing.empty());
  CHECK(r.missing[0].nearest.empty());
}

TEST_CASE("load_weights: a file that gives every value leaves nothing unset, and gaps are zero", "[io]") {
  const scratch_folder folder("hostile");
  const captioner from = make_captioner(1);
  captioner to = make_captioner(2);
  const std::string path = (folder.path / "m.safetensors").string();
  save_weights(path, from.values());
  load_weights(path, to.values());
  const arena<B>&a = from.values(), &b = to.values();
  REQUIRE(a.size() == b.size());
  CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
}
