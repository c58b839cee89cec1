// SPDX-License-Identifier: Apache-2.0
#include "blip/io/load_weights.hpp"

#include "tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Saves a model whole, under all its official names.
template <class M>
std::string saved(const scratch_folder& folder, const M& model, const char* name = "official.safetensors") {
  return save_weights((folder.path / name).string(), model.values(), {.every_name = true});
}

}  // namespace

TEST_CASE("patterns: # is a number, * is any text, what does not fit is left alone", "[io]") {
  CHECK(rename_by("a.#.*", "b/#/*", "a.10.x.y") == "b/10/x.y");
  CHECK(rename_by("*.q.*", "*.p.*", "x.q.q.y") == "x.q.p.y");
  CHECK_FALSE(rename_by("a.#.*", "b/#/*", "a.01.x"));
  CHECK_FALSE(rename_by("a.#.*", "b/#/*", "a..x"));
  CHECK_FALSE(rename_by("a.#", "b.#", "a.1.x"));
  CHECK(match_name("*", "").has_value());
  CHECK(nearest_names("norm1.weight", std::vector<std::string>{"norm2.bias", "norml.weight", "x"}) ==
        std::vector<std::string>{"norml.weight"});
  CHECK(nearest_names("norm", std::vector<std::string>{"completely.different"}).empty());
}

TEMPLATE_TEST_CASE_SIG("layouts: names lead there and back", "[io]", ((int Which), Which), 0, 1, 2) {
  const auto model = [] {
    if constexpr (Which == 0)
      return make_captioner(1);
    else if constexpr (Which == 1)
      return make_retriever(1);
    else
      return make_answerer(1);
  }();
  for (const auto& n : model.values().layout()->names())
    for (const auto layout : {weights_layout::transformers, weights_layout::lavis, weights_layout::official}) {
      INFO(n.text << " in " << describe(layout).name);
      const auto there = names_in(layout, "", n.text);
      if (n.text == "temp" && layout == weights_layout::transformers) {
        CHECK(there.empty());
        continue;
      }
      REQUIRE(there.size() == 1);
      const auto back = our_name(layout, "", there[0].names[0]);
      REQUIRE(back);
      CHECK(back->name == n.text);
    }
  const auto vit = names_in(weights_layout::vit_transformers, "vit.", "visual_encoder.blocks.1.attn.qkv.bias");
  REQUIRE(vit.size() == 1);
  CHECK(vit[0].names == std::vector<std::string>{"vit.encoder.layer.1.attention.attention.query.bias",
                                                 "vit.encoder.layer.1.attention.attention.key.bias",
                                                 "vit.encoder.layer.1.attention.attention.value.bias"});
  CHECK(our_name(weights_layout::vit_transformers, "vit.", vit[0].names[2])->part == 2);
}

TEST_CASE("layouts: each is recognised from the names", "[io]") {
  const scratch_folder folder("layouts");
  const auto layout_of = [](const std::string& path) {
    std::vector<std::string> names;
    const weights_file file(path);
    for (const auto& t : file.tensors()) names.push_back(t.name);
    return recognise_layout(names);
  };
  const auto model = make_captioner(1);
  CHECK(layout_of(saved(folder, model)).layout == weights_layout::official);
  const std::string there =
      save_weights((folder.path / "t.safetensors").string(), model.values(), {.layout = weights_layout::transformers});
  CHECK(layout_of(there).layout == weights_layout::transformers);
  CHECK(layout_of(saved(folder, make_albef_pretrainer(1))).layout == weights_layout::official);
  text_options plain = fuser_options;
  plain.embedding.token_types = 0;
  CHECK(layout_of(saved(folder, make_albef_retriever(1, plain))).layout == weights_layout::lavis);
  auto wrapped = tensors_of(saved(folder, model));
  for (auto& t : wrapped) t.name = "module." + t.name;
  const std::string parallel = put_tensors(folder, "w.safetensors", wrapped);
  CHECK(layout_of(parallel).prefix == "module.");
  auto other = make_captioner(2);
  load_weights(parallel, other.values());
  CHECK(values_of(other) == values_of(model));
}

TEST_CASE("loading: every layout brings the same bits, and says what it did", "[io]") {
  const scratch_folder folder("load");
  const auto model = make_captioner(1);
  for (const auto layout : {weights_layout::official, weights_layout::lavis, weights_layout::transformers})
    for (const bool every : {false, true}) {
      auto other = make_captioner(2);
      const std::string path = save_weights((folder.path / "m.safetensors").string(), model.values(),
                                            {.layout = layout, .every_name = every});
      const load_report r = load_weights(path, other.values());
      CHECK(values_of(other) == values_of(model));
      CHECK(r.parameters == model.values().layout()->names().size());
      CHECK((r.loaded == r.parameters) == every);
      CHECK(r.unused.empty());
      CHECK(r.missing.empty());
    }
}

TEST_CASE("loading: a pre-training file of BLIP gives a captioner, and its other parts are listed", "[io]") {
  const scratch_folder folder("load");
  const auto whole = make_blip_pretrainer(1);
  auto model = make_captioner(2);
  const load_report r = load_weights(saved(folder, whole), model.values());
  auto expected = values_of(whole);
  for (const auto& [name, v] : values_of(model)) CHECK(v == expected[name]);
  CHECK(r.unexpected.empty());
  CHECK(std::count(r.unused.begin(), r.unused.end(), "itm_head.weight") == 1);
}

TEST_CASE("loading: BLIP's pictures of a pair both start from the one cross-attention", "[io]") {
  const scratch_folder folder("load");
  const auto whole = make_blip_pretrainer(1);
  auto model = make_blip_reasoner(2);
  const auto before = values_of(model);
  const std::string path = saved(folder, whole);
  CHECK(failure([&] { load_weights(path, model.values()); }).second.find("cls_head.0.weight") != std::string::npos);
  const load_report r = load_weights(path, model.values(), {.keep_missing = true});
  auto from = values_of(whole), to = values_of(model);
  const std::string cross = "text_encoder.encoder.layer.1.crossattention.";
  for (const char* part : {"query.weight", "key.bias", "value.weight"}) {
    CHECK(to[cross + "self0." + part] == from[cross + "self." + part]);
    CHECK(to[cross + "self1." + part] == from[cross + "self." + part]);
  }
  CHECK(to[cross + "output.dense0.weight"] == from[cross + "output.dense.weight"]);
  CHECK(to[cross + "output.dense1.bias"] == from[cross + "output.dense.bias"]);
  CHECK(to[cross + "output.merge_layer.weight"] == before.at(cross + "output.merge_layer.weight"));
  CHECK(r.missing.size() == 6);  // two layers of the class's head, one merging layer
}

TEST_CASE("loading: ALBEF's pre-training gives its other models", "[io]") {
  const scratch_folder folder("load");
  const auto whole = make_albef_pretrainer(1);
  auto from = values_of(whole);
  const std::string path = saved(folder, whole), bert = "text_encoder.bert.";

  SECTION("retrieval: one level of names less") {
    auto model = make_albef_retriever(2);
    CHECK(load_weights(path, model.values()).unexpected.empty());
    auto to = values_of(model);
    CHECK(to["text_encoder.embeddings.token_type_embeddings.weight"] ==
          from[bert + "embeddings.token_type_embeddings.weight"]);
    CHECK(to["text_encoder.encoder.layer.3.crossattention.self.key.weight"] ==
          from[bert + "encoder.layer.3.crossattention.self.key.weight"]);
    CHECK(to["vision_proj.bias"] == from["vision_proj.bias"]);
  }
  SECTION("and the way back: a level of names more") {
    auto part = make_albef_retriever(2);
    auto model = make_albef_pretrainer(3);
    const load_report r = load_weights(saved(folder, part, "part.safetensors"), model.values(), {.keep_missing = true});
    CHECK(values_of(model)[bert + "encoder.layer.0.output.dense.bias"] ==
          values_of(part)["text_encoder.encoder.layer.0.output.dense.bias"]);
    CHECK(r.missing.size() == 5);  // the word head
  }
  SECTION("answers: the decoder is the encoder's second half") {
    auto model = make_albef_answerer(2);
    const load_report r = load_weights(path, model.values());
    CHECK(r.rewrite.kind == checkpoint_rewrite::albef_answerer);
    auto to = values_of(model);
    for (const int l : {0, 1})
      for (const char* part :
           {"attention.self.query.weight", "crossattention.self.value.weight", "output.dense.bias"}) {
        const std::string name = std::to_string(l) + "." + part, source = std::to_string(l + 2) + "." + part;
        CHECK(to["text_decoder.bert.encoder.layer." + name] == from[bert + "encoder.layer." + source]);
      }
    CHECK(to["text_decoder.cls.predictions.transform.dense.weight"] ==
          from["text_encoder.cls.predictions.transform.dense.weight"]);
    CHECK(to["text_decoder.bert.embeddings.word_embeddings.weight"] ==
          from[bert + "embeddings.word_embeddings.weight"]);
    CHECK(to["text_encoder.encoder.layer.3.output.dense.bias"] == from[bert + "encoder.layer.3.output.dense.bias"]);
  }
  SECTION("two pictures: each layer with cross-attention twice") {
    auto model = make_albef_reasoner(2);
    const load_report r = load_weights(path, model.values(), {.keep_missing = true});
    CHECK(r.rewrite.kind == checkpoint_rewrite::albef_pairs);
    auto to = values_of(model);
    for (const auto& [ours, theirs] : {std::pair(0, 0), {1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}})
      for (const char* part : {"attention.self.query.weight", "output.dense.bias"})
        CHECK(to["text_encoder.encoder.layer." + std::to_string(ours) + "." + part] ==
              from[bert + "encoder.layer." + std::to_string(theirs) + "." + part]);
    CHECK(to["text_encoder.encoder.layer.5.crossattention.self.query.weight"] ==
          from[bert + "encoder.layer.3.crossattention.self.query.weight"]);
    CHECK(r.missing.size() == 4);  // the class's head
    // Its own files are read as they are.
    auto again = make_albef_reasoner(3);
    CHECK(load_weights(saved(folder, model, "pairs.safetensors"), again.values()).rewrite.kind ==
          checkpoint_rewrite::none);
    CHECK(values_of(again) == to);
  }
}

TEST_CASE("loading: momentum copies go into the momentum copy", "[io]") {
  const scratch_folder folder("load");
  const auto model = make_retriever(1);
  auto tensors = tensors_of(saved(folder, model));
  for (auto& t : tensors) {
    t.name = momentum_copy_name(t.name);
    for (float& v : t.values) v += 1;
  }
  CHECK(momentum_copy_name("vision_proj.weight") == "vision_proj_m.weight");
  const auto online = tensors_of(saved(folder, model));
  tensors.insert(tensors.end(), online.begin(), online.end());
  const std::string path = put_tensors(folder, "both.safetensors", tensors);
  auto other = make_retriever(2);
  load_weights(path, other.values());
  CHECK(values_of(other) == values_of(model));
  const auto& first = other.values().layout()->at("temp");  // the first parameter that has no copy
  const auto averaged = other.values().layout()->entries()[static_cast<std::size_t>(first.entry)].offset;
  arena<B> copy(other.values().layout(), averaged);
  const load_report r = load_weights(path, copy, {.momentum = true});
  CHECK(r.loaded == r.parameters);
  CHECK(std::count(r.unused.begin(), r.unused.end(), "itm_head_m.weight") == 1);
  for (const char* name :
       {"visual_encoder.pos_embed", "text_encoder.encoder.layer.1.output.dense.weight", "text_proj.bias"}) {
    auto expected = model.values().read(name);
    for (float& v : expected) v += 1;
    CHECK(copy.read(name) == expected);
  }
}

TEST_CASE("loading: position tables of another grid are resized, of both copies", "[io]") {
  const scratch_folder folder("load");
  const auto small = make_captioner(1);
  auto large = make_captioner(2, {.depth = 2, .image_height = 10, .image_width = 10});
  const load_report r = load_weights(saved(folder, small), large.values());
  CHECK(r.resized == std::vector<std::string>{"visual_encoder.pos_embed"});
  const auto table = small.values().read("visual_encoder.pos_embed");
  CHECK(large.values().read("visual_encoder.pos_embed") ==
        resize_position_table<float>(table, 6, {1, 3, 3}, {1, 5, 5}));
  auto wide = make_captioner(2, {.depth = 2, .image_height = 4, .image_width = 12});
  const std::string path = saved(folder, small);
  CHECK(failure([&] { load_weights(path, wide.values()); }).first == "shape");  // 12 patches: which grid?
  load_weights(path, wide.values(), {.grid_height = 2, .grid_width = 6});
  CHECK(wide.values().read("visual_encoder.pos_embed") == resize_position_table<float>(table, 6, {1, 3, 3}, {1, 2, 6}));
  auto copies = tensors_of(path);
  for (auto& t : copies) t.name = momentum_copy_name(t.name);
  load_weights(put_tensors(folder, "m.safetensors", copies), large.values(), {.momentum = true});
  CHECK(large.values().read("visual_encoder.pos_embed") ==
        resize_position_table<float>(table, 6, {1, 3, 3}, {1, 5, 5}));
}

TEST_CASE("loading: LAVIS's ALBEF has no token types, and a model that has some says so", "[io]") {
  const scratch_folder folder("load");
  text_options plain = fuser_options;
  plain.embedding.token_types = 0;
  const auto theirs = make_albef_retriever(1, plain);
  const std::string path = saved(folder, theirs);
  auto same = make_albef_retriever(2, plain);
  CHECK(load_weights(path, same.values()).layout == weights_layout::lavis);
  CHECK(values_of(same) == values_of(theirs));
  auto official = make_albef_retriever(2);
  const auto [kind, text] = failure([&] { load_weights(path, official.values()); });
  CHECK(kind == "format");
  CHECK(text.find("text_encoder.embeddings.token_type_embeddings.weight (which the layout does not have)") !=
        std::string::npos);
}

TEST_CASE("loading: whatever does not fit is named, with what it may have meant", "[io]") {
  const scratch_folder folder("load");
  const auto model = make_captioner(1);
  const std::string whole = saved(folder, model);
  auto other = make_captioner(2);
  const auto before = values_of(other);
  const auto attempt = [&](std::vector<plain_tensor> tensors, const load_options& o = {}) {
    const std::string path = put_tensors(folder, "x.safetensors", tensors);
    auto result = failure([&] { load_weights(path, other.values(), o); });
    if (const auto at = result.second.find(path); at == 0) result.second.erase(0, path.size());
    return result;
  };
  const auto renamed = [&](const std::string& from, const std::string& to) {
    auto tensors = tensors_of(whole);
    for (auto& t : tensors)
      if (t.name == from) t.name = to;
    return tensors;
  };
  {
    const auto [kind, text] = attempt(renamed("visual_encoder.norm.weight", "visual_encoder.nrom.weight"));
    CHECK(kind == "format");
    CHECK(text ==
          " does not fit the model: missing visual_encoder.norm.weight (is it visual_encoder.nrom.weight?); "
          "unexpected visual_encoder.nrom.weight\n"
          "  expected 93 names of parameters, found 92 of them in the layout that fits best, official\n"
          "  the file belongs to a model of another size or task, or load_options must allow the difference");
  }
  {
    auto tensors = tensors_of(save_weights((folder.path / "t.safetensors").string(), model.values(),
                                           {.layout = weights_layout::transformers}));
    for (auto& t : tensors)
      if (t.name == "vision_model.post_layernorm.weight") t.name = "vision_model.post_layer_norm.weight";
    const auto [kind, text] = attempt(tensors);
    CHECK(kind == "format");
    CHECK(text.find("missing visual_encoder.norm.weight (there vision_model.post_layernorm.weight) (is it "
                    "vision_model.post_layer_norm.weight?)") != std::string::npos);
    CHECK(text.find("fits best, transformers") != std::string::npos);
  }
  {
    auto tensors = tensors_of(whole);
    for (auto& t : tensors)
      if (t.name == "visual_encoder.norm.bias") t.shape = {2, 3};
    const auto [kind, text] = attempt(tensors);
    CHECK(kind == "shape");
    CHECK(text.find("of another shape visual_encoder.norm.bias [6] (there [2, 3])") != std::string::npos);
    CHECK(attempt(tensors, {.keep_mismatched = true}).first == "none");
    CHECK(other.values().read("visual_encoder.norm.bias") == before.at("visual_encoder.norm.bias"));
    CHECK(other.values().read("visual_encoder.norm.weight") == model.values().read("visual_encoder.norm.weight"));
  }
  {
    std::vector<plain_tensor> others;
    for (int i = 0; i < 12; ++i) others.push_back({"layer" + std::to_string(i), {1}, {1}});
    const auto [kind, text] = attempt(others);
    CHECK(kind == "format");
    CHECK(text.find("found 0 of them") != std::string::npos);
    CHECK(text.find("and ") != std::string::npos);
    CHECK(text.find("another kind of model") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK(text.size() < 2000);
  }
  const load_report r =
      compare_weights(weights_file(put_tensors(folder, "x.safetensors", renamed("visual_encoder.norm.weight", "y"))),
                      *other.values().layout());
  REQUIRE(r.missing.size() == 1);
  CHECK(r.missing[0].name == "visual_encoder.norm.weight");
  CHECK(r.unused == std::vector<std::string>{"y"});
  CHECK(r.unexpected.empty());  // of no part that the model has
}

TEST_CASE("loading: a tied parameter with two values is refused", "[io]") {
  const scratch_folder folder("load");
  const auto model = make_blip_pretrainer(1);
  auto tensors = tensors_of(saved(folder, model));
  auto other = make_blip_pretrainer(2);
  load_weights(put_tensors(folder, "x.safetensors", tensors), other.values());
  CHECK(values_of(other) == values_of(model));
  for (auto& t : tensors)
    if (t.name == "text_decoder.bert.encoder.layer.1.output.dense.bias") t.values[2] += 1;
  const std::string path = put_tensors(folder, "x.safetensors", tensors);
  const auto [kind, text] = failure([&] { load_weights(path, other.values()); });
  CHECK(kind == "format");
  CHECK(text.find("text_decoder.bert.encoder.layer.1.output.dense.bias") != std::string::npos);
  CHECK(values_of(other) == values_of(model));
}

TEST_CASE("loading: a failure at any tensor leaves the model untouched", "[io]") {
  const scratch_folder folder("load");
  const auto model = make_captioner(1);
  auto other = make_captioner(2);
  const auto before = values_of(other);
  // A checkpoint of torch.save whose storages are damaged one by one: the checksum tells when all others were read.
  std::vector<std::pair<std::string, std::string>> items;
  storages bytes;
  const auto tensors = tensors_of(saved(folder, model));
  for (const auto& t : tensors) {
    const std::string key = std::to_string(bytes.size());
    std::vector<std::int64_t> shape(t.shape.begin(), t.shape.end()), strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    items.emplace_back(t.name, p_tensor(p_storage(key, static_cast<std::int64_t>(t.values.size())), 0, shape, strides));
    bytes.emplace_back(key, raw(t.values));
  }
  const std::string archive = make_torch_zip(p_program(p_dict({{"model", p_dict(items)}})), bytes);
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    std::string damaged = archive;
    const auto at = damaged.find(bytes[i].second);
    REQUIRE(at != std::string::npos);
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const std::string path = folder.put("x.pth", damaged);
    CHECK(failure([&] { load_weights(path, other.values()); }).first == "format");
  }
  CHECK(values_of(other) == before);
  const load_report r = load_weights(folder.put("x.pth", archive), other.values());
  CHECK(values_of(other) == values_of(model));
  CHECK(r.missing.empty());
}

TEST_CASE("loading: packed values cannot be loaded into", "[io]") {
  const scratch_folder folder("load");
  auto model = make_captioner(1);
  auto packed = arena<B>::packed(model.values().clone(), buffer<B, std::byte>(64), {{0, false, true}});
  const std::string path = saved(folder, model);
  CHECK(failure([&] { load_weights(path, packed); }).first == "config");
}
