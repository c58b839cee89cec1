// SPDX-License-Identifier: Apache-2.0
#include "blip/io/model_folder.hpp"

#include "blip/io/describe_weights.hpp"
#include "tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::string minimal =
    R"({"architectures": ["BlipForConditionalGeneration"], "text_config": {}, "vision_config": {}})";

std::string config_failure(const scratch_folder& folder, const std::string& text) {
  auto [kind, what] = failure([&] { read_model_config(folder.put("config.json", text)); });
  return kind +
         what.substr(std::min(what.size(), what.find("config.json") == what.npos ? 0 : what.find("config.json") + 11));
}

}  // namespace

TEST_CASE("config.json: absent fields have the defaults of the class", "[io]") {
  const scratch_folder folder("config");
  const model_config c = read_model_config(folder.put("config.json", minimal));
  const auto& v = c.sizes.structure.vision;
  const auto& t = c.sizes.structure.decoder;
  CHECK(c.sizes.structure.text.width == 0);
  CHECK(std::array{v.width, v.heads, v.hidden, v.patch, c.sizes.options.vision.depth,
                   c.sizes.options.vision.image_height} == std::array{768, 12, 3072, 16, 12, 384});
  CHECK(c.sizes.options.vision.norm_eps == 1e-5);
  CHECK(std::array{t.width, t.heads, t.hidden, t.context, c.sizes.options.decoder.layers,
                   c.sizes.options.decoder.embedding.vocabulary,
                   c.sizes.options.decoder.embedding.positions} == std::array{768, 8, 3072, 768, 12, 30524, 512});
  CHECK(std::array{c.start_token, c.stop_token, c.end_token, c.padding_token, c.projection} ==
        std::array{30522, 102, 2, 0, 256});
}

TEST_CASE("config.json: what it must not say is refused, by field", "[io]") {
  const scratch_folder folder("config");
  const auto with = [](const std::string& vision, const std::string& text = "", const std::string& more = "") {
    return R"({"architectures": ["BlipForQuestionAnswering"], "text_config": {)" + text + R"(}, "vision_config": {)" +
           vision + "}" + more + "}";
  };
  CHECK(config_failure(folder, with("")) == "none");
  CHECK(config_failure(folder, with(R"("hidden_size": 770)"))
            .starts_with("config: text_config.hidden_size of an answerer"));
  CHECK(config_failure(folder, with(R"("hidden_size": "x")")).starts_with("format: vision_config.hidden_size"));
  CHECK(config_failure(folder, with(R"("hidden_size": 0)")).starts_with("format: vision_config.hidden_size"));
  CHECK(config_failure(folder, with(R"("hidden_size": 768.5)")).starts_with("format: vision_config.hidden_size"));
  CHECK(config_failure(folder, with(R"("hidden_size": 99999999999)")).starts_with("format: vision_config.hidden_size"));
  CHECK(config_failure(folder, with(R"("hidden_size": 768, "hidden_size": 768)"))
            .starts_with("format: vision_config.hidden_size"));
  CHECK(config_failure(folder, with(R"("hidden_act": "relu")")).starts_with("format: vision_config.hidden_act"));
  CHECK(config_failure(folder, with(R"("num_attention_heads": 7)"))
            .starts_with("config: vision_config.num_attention_heads"));
  CHECK(config_failure(folder, with(R"("image_size": 385)")).starts_with("config: vision_config.image_size"));
  CHECK(config_failure(folder, with("", "", R"(, "model_type": "bert")")).starts_with("format: model_type"));
  CHECK(config_failure(folder, R"({"architectures": ["BlipModel"], "text_config": {}, "vision_config": {}})")
            .starts_with("format: architectures"));
  CHECK(config_failure(folder, R"({"architectures": ["BlipForQuestionAnswering"], "vision_config": {}})")
            .starts_with("format: text_config"));
  CHECK(config_failure(folder, "{}").starts_with("format: architectures"));
  CHECK(config_failure(folder, "[]").starts_with("format"));
  CHECK(config_failure(folder, "").starts_with("format"));
  CHECK(config_failure(folder, minimal.substr(0, 40)).starts_with("format"));
}

TEST_CASE("config.json: the first size that a compiled model does not have is named", "[io]") {
  const scratch_folder folder("config");
  const model_config c = read_model_config(folder.put("config.json", minimal));
  tower_config compiled = c.sizes.structure;
  CHECK(failure([&] { require_structure("x", compiled, c.sizes.structure); }).first == "none");
  compiled.decoder.heads = 12;
  CHECK(failure([&] { require_structure("x", compiled, c.sizes.structure); }).second ==
        "x: text decoder heads\n  expected 12 as compiled, found 8\n"
        "  compile a model of this size: the numbers of tower_config are part of its type");
  compiled.text = compiled.decoder;
  CHECK(failure([&] { require_structure("x", compiled, c.sizes.structure); }).second.starts_with("x: text encoder\n"));
}

TEST_CASE("a folder: what is saved is read again, sizes, words and values", "[io]") {
  const scratch_folder folder("folder");
  const std::string path = (folder.path / "model").string();
  const auto model = make_captioner(1);
  const tower_options options{eye_options, {}, reader_options};
  save_model(path, to_model_config(captioner_towers, options), model.values(), {.shard_bytes = 4000});
  const model_folder f(path);
  CHECK(f.config().architecture == "BlipForConditionalGeneration");
  CHECK(f.options().vision.image_width == 6);
  CHECK(f.options().vision.norm_eps == 1e-6);
  CHECK(f.options().decoder.embedding.vocabulary == 11);
  CHECK(f.options().decoder.embedding.positions == 7);
  CHECK(f.preprocessor().height == 6);
  CHECK(f.preprocessor().mean[1] == 0.4578275);
  CHECK(f.find("generation_config.json"));
  CHECK_FALSE(f.find("vocab.txt"));
  auto other = make_captioner(2);
  CHECK(load_model(f, captioner_towers, other.values()).layout == weights_layout::transformers);
  CHECK(values_of(other) == values_of(model));
  CHECK(failure([&] { load_model(f, answerer_towers, other.values()); }).first == "config");
  // Saved again as one file, and with torch.save's file in its place.
  save_model(path, to_model_config(captioner_towers, options), model.values());
  CHECK(model_folder(path).weights().container() == weights_container::safetensors);
  std::filesystem::remove(path + "/model.safetensors");
  CHECK(failure([&] { model_folder(path).weights(); }).second.find("no weights") != std::string::npos);
  std::ofstream(path + "/pytorch_model.bin", std::ios::binary) << make_torch_zip(p_program(p_dict({})));
  CHECK(model_folder(path).weights().container() == weights_container::torch_zip);
  CHECK(failure([&] { model_folder((folder.path / "none").string()); }).first == "io");
}

TEST_CASE("a folder: what transformers has no class for is refused before anything is written", "[io]") {
  const auto refused = [](const tower_config& c, const tower_options& o) {
    return failure([&] { to_model_config(c, o); }).second;
  };
  const tower_options both{eye_options, reader_options, reader_options}, albef{eye_options, fuser_options, {}};
  CHECK(refused(answerer_towers, both).empty());
  CHECK(refused(retriever_towers, both).empty());
  CHECK(refused(blip_towers, both).find("decoder\n  expected one of its own parameters") != std::string::npos);
  CHECK(refused(albef_towers, albef).find("head for masked words") != std::string::npos);
  CHECK(refused(albef_retriever_towers, albef).find("cross-attention") != std::string::npos);
  CHECK(refused(blip_pair_towers, both).find("pictures of a text") != std::string::npos);
  CHECK(refused({.vision = eye}, both).find("parts") != std::string::npos);
  tower_options uneven = both;
  uneven.vision.image_width = 8;
  CHECK(refused(answerer_towers, uneven).find("equal sides") != std::string::npos);
}

TEST_CASE("preprocessor_config.json: old and new forms, and what no model of BLIP has", "[io]") {
  const scratch_folder folder("pictures");
  const auto read = [&](const std::string& text) { return read_preprocessor_config(folder.put("p.json", text)); };
  CHECK(read("{}").height == 384);
  CHECK(read(R"({"size": 224})").width == 224);
  CHECK(read(R"({"size": {"height": 32, "width": 48}, "resample": 2})").width == 48);
  CHECK(read(R"({"image_std": [1, 2, 0.5]})").deviation[2] == 0.5);
  for (const char* text : {R"({"do_resize": false})", R"({"size": {"shortest_edge": 224}})", R"({"size": "x"})",
                           R"({"image_mean": [1, 2]})", R"({"image_std": [1, 0, 1]})", R"({"resample": 9})", "[", "1"})
    CHECK(failure([&] { read(text); }).first == "format");
  preprocessor_config c;
  c.height = 32, c.deviation[0] = 0.125, c.filter = 2;
  const preprocessor_config again = read(preprocessor_json(c));
  CHECK(again.height == 32);
  CHECK(again.deviation == c.deviation);
  CHECK(again.scale == c.scale);
  CHECK(again.filter == 2);
}

TEST_CASE("a description: container, layout, sizes and the nearest preset of a file", "[io]") {
  const scratch_folder folder("describe");
  const auto model = make_albef_retriever(1);
  const std::string path = save_weights((folder.path / "m").string(), model.values());
  const weights_description d = describe_weights(weights_file(path));
  CHECK(d.layout.layout == weights_layout::official);
  CHECK(d.sizes.structure.vision.width == 6);
  CHECK(d.sizes.structure.vision.hidden == 10);
  CHECK(d.sizes.structure.vision.patch == 2);
  CHECK(d.sizes.options.vision.depth == 2);
  CHECK(d.sizes.options.vision.image_height == 6);
  CHECK(d.sizes.structure.text.cross == cross_schedule::from_layer);
  CHECK(d.sizes.structure.text.hidden == 14);
  CHECK(d.sizes.options.text.cross_from == 2);
  CHECK(d.sizes.options.text.layers == 4);
  CHECK(d.sizes.options.text.embedding.token_types == 2);
  CHECK(d.sizes.structure.decoder.width == 0);
  CHECK(d.elements == static_cast<std::uint64_t>(model.values().layout()->parameters()));
  const std::string text = to_text(d);
  CHECK(text.find("visual_encoder.pos_embed ") != std::string::npos);
  CHECK(text.find("F32 [1, 10, 6]") != std::string::npos);
  CHECK(text.find("safetensors, layout official\n") != std::string::npos);

  const std::vector<named_preset> presets{{"albef-base", albef_base},
                                          {"albef-retrieval", albef_encoder_base},
                                          {"blip-retrieval", blip_encoder_base},
                                          {"blip-retrieval-large", blip_encoder_large},
                                          {"captioner", blip_captioner_base},
                                          {"captioner-large", blip_captioner_large}};
  CHECK(nearest_preset(d.sizes, presets)->name == "albef-retrieval");
  CHECK(nearest_preset(d.sizes, {}) == nullptr);
  CHECK(distance_of_sizes(d.sizes, d.sizes) == 0);
  const std::string there =
      save_weights((folder.path / "t").string(), make_captioner(1).values(), {.layout = weights_layout::transformers});
  const tower_preset sizes = sizes_of_weights(weights_file(there));
  CHECK(sizes.structure.decoder.context == 6);
  CHECK(nearest_preset(sizes, presets)->name == "captioner");
  for (const auto& p : presets) CHECK(nearest_preset(p.preset, presets) == &p);
  tower_preset reasoner =
      sizes_of_weights(weights_file(save_weights((folder.path / "n").string(), make_blip_reasoner(1).values())));
  CHECK(reasoner.structure.text.reading == picture_reading::both);
}
