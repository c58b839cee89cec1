// SPDX-License-Identifier: Apache-2.0
#include "blip/io/convert_weights.hpp"

#include "tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

std::map<std::string, std::vector<std::byte>> bytes_of(const std::string& path) {
  const weights_file file(path);
  std::map<std::string, std::vector<std::byte>> all;
  for (const auto& t : file.tensors()) all[t.name] = file.bytes(t);
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE_SIG("converting: official names to another layout and back give the same bits", "[io]",
                       ((int Which), Which), 0, 1, 2, 3, 4, 5) {
  const scratch_folder folder("convert");
  const auto model = [] {
    if constexpr (Which == 0)
      return make_captioner(1);
    else if constexpr (Which == 1)
      return make_retriever(1);
    else if constexpr (Which == 2)
      return make_answerer(1);
    else if constexpr (Which == 3)
      return make_blip_pretrainer(1);
    else if constexpr (Which == 4)
      return make_albef_retriever(1);
    else
      return make_albef_pretrainer(1);
  }();
  const auto path = [&](const char* name) { return (folder.path / name).string(); };
  save_weights(path("a"), model.values(), {.every_name = true});
  const auto whole = bytes_of(path("a"));
  const weights_layout to = Which < 4 ? weights_layout::transformers : weights_layout::official;
  const std::vector<std::string> training =
      Which == 1 || Which == 3 ? training_only_names() : std::vector<std::string>();
  convert_weights(weights_file(path("a")), path("b"), {.to = to, .leave_out = training});
  convert_weights(weights_file(path("b")), path("c"), {.to = weights_layout::official});
  const auto back = bytes_of(path("c"));
  for (const auto& [name, bytes] : whole) {
    INFO(name);
    if (name == "temp" && !training.empty()) continue;
    REQUIRE(back.count(name) == 1);
    CHECK(back.at(name) == bytes);
  }
  CHECK(back.size() == whole.size() - (training.empty() ? 0 : 1));
}

TEST_CASE("converting: the word head's tied tensors come back where a file has them once", "[io]") {
  const scratch_folder folder("convert");
  const auto model = make_captioner(1);
  const std::string once = (folder.path / "a").string(), all = (folder.path / "b").string();
  save_weights(once, model.values(), {.layout = weights_layout::transformers});
  REQUIRE(bytes_of(once).count("text_decoder.cls.predictions.decoder.weight") == 0);
  convert_weights(weights_file(once), all, {.to = weights_layout::official});
  const auto found = bytes_of(all);
  CHECK(found.at("text_decoder.cls.predictions.decoder.weight") ==
        found.at("text_decoder.bert.embeddings.word_embeddings.weight"));
  CHECK(found.at("text_decoder.cls.predictions.decoder.bias") == found.at("text_decoder.cls.predictions.bias"));
  CHECK(found.size() == model.values().layout()->names().size());
}

TEST_CASE("converting: split weights are joined and joined ones split", "[io]") {
  const scratch_folder folder("convert");
  owned<vit<eye, B>, B> tower(2, eye_options);
  const auto path = [&](const char* name) { return (folder.path / name).string(); };
  save_weights(path("timm"), tower.values(), {.layout = weights_layout::vit_timm, .prefix = "visual_encoder."});
  convert_weights(weights_file(path("timm")), path("split"), {.to = weights_layout::vit_transformers});
  CHECK(weights_file(path("split")).find("vit.encoder.layer.1.attention.attention.value.weight")->shape ==
        std::vector<std::uint64_t>{6, 6});
  convert_weights(weights_file(path("split")), path("joined"), {.to = weights_layout::vit_timm});
  CHECK(bytes_of(path("joined")) == bytes_of(path("timm")));
}

TEST_CASE("converting and saving: nothing is dropped that was not named", "[io]") {
  const scratch_folder folder("convert");
  const std::string official = (folder.path / "a").string(), other = (folder.path / "b").string();
  const auto retriever = make_retriever(1);
  save_weights(official, retriever.values());
  const auto [kind, text] = failure([&] { convert_weights(weights_file(official), other); });
  CHECK(kind == "config");
  CHECK(text == official +
                    ": layout transformers has no names for temp\n"
                    "  expected tensors that the layout can hold, found 1 that it cannot\n"
                    "  choose another layout, or name them in convert_options::leave_out to drop them");
  CHECK_FALSE(std::filesystem::exists(other));
  const auto saving =
      failure([&] { save_weights(other, retriever.values(), {.layout = weights_layout::transformers}); });
  CHECK(saving.first == "config");
  CHECK(saving.second.find("transformers has no names for temp") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(other));
  save_weights(other, retriever.values(), {.layout = weights_layout::transformers, .leave_out = {"temp"}});
  CHECK(bytes_of(other).size() == bytes_of(official).size() - 1);
  // Token types, two pictures to a text and masked words have no place there either.
  CHECK(failure([&] {
          save_weights(other, make_albef_retriever(1).values(),
                       {.layout = weights_layout::transformers, .leave_out = {"temp"}});
        }).second.find("token_type_embeddings") != std::string::npos);
  CHECK(failure([&] {
          save_weights(other, make_blip_reasoner(1).values(), {.layout = weights_layout::transformers});
        }).second.find("crossattention.self0.query.weight") != std::string::npos);
  CHECK(failure([&] {
          save_weights(other, make_albef_pretrainer(1).values(), {.layout = weights_layout::transformers});
        }).second.find(" more\n") != std::string::npos);
  CHECK(failure([&] {
          save_weights(other, make_captioner(1).values(), {.layout = weights_layout::vit_jax, .leave_out = {"text_*"}});
        }).first == "config");
  // LAVIS's ALBEF has no token types.
  CHECK(failure([&] {
          save_weights(other, make_albef_retriever(1).values(), {.layout = weights_layout::lavis});
        }).second.find("token_type_embeddings") != std::string::npos);
}

TEST_CASE("saving: a large model becomes several files and an index, which replace what was there", "[io]") {
  const scratch_folder folder("shards");
  const auto model = make_captioner(1);
  const std::string path = (folder.path / "model.safetensors").string();
  const auto files = [&] {
    std::size_t n = 0;
    for (const auto& f : std::filesystem::directory_iterator(folder.path))
      n += f.path().filename().string().starts_with("model");
    return n;
  };
  CHECK(save_weights(path, model.values()) == path);
  const std::string index = save_weights(path, model.values(), {.shard_bytes = 4000});
  CHECK(index == path + ".index.json");
  CHECK_FALSE(std::filesystem::exists(path));
  const weights_file sharded(index);
  CHECK(sharded.container() == weights_container::index);
  for (const auto& f : std::filesystem::directory_iterator(folder.path))
    if (f.path().extension() == ".safetensors") CHECK(std::filesystem::file_size(f) < 4000 + 8000);
  CHECK(std::filesystem::exists(folder.path / "model-00001-of-00003.safetensors"));
  auto other = make_captioner(2);
  load_weights(index, other.values());
  CHECK(values_of(other) == values_of(model));
  CHECK(save_weights(path, model.values()) == path);
  CHECK_FALSE(std::filesystem::exists(index));
  CHECK(files() == 4);
  CHECK(safetensors_file(path).metadata().at("format") == "pt");
  CHECK(failure([&] { save_weights("/nowhere/model.safetensors", model.values()); }).first == "io");
}
