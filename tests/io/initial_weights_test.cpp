// SPDX-License-Identifier: Apache-2.0
#include "tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using tensors = std::vector<plain_tensor>;

// Numbers that differ from each other.
std::vector<float> counted(std::size_t size, float first) {
  std::vector<float> v(size);
  for (std::size_t i = 0; i < size; ++i) v[i] = first + static_cast<float>(i);
  return v;
}
std::size_t elements(const std::vector<std::uint64_t>& shape) {
  std::size_t n = 1;
  for (const auto d : shape) n *= static_cast<std::size_t>(d);
  return n;
}
// Every tensor with numbers of its own.
void number(tensors& all) {
  float next = 0;
  for (auto& t : all) {
    t.values = counted(elements(t.shape), next);
    next += static_cast<float>(t.values.size());
  }
}
const std::vector<float>& at(const tensors& all, const std::string& name) {
  for (const auto& t : all)
    if (t.name == name) return t.values;
  FAIL("no tensor " << name);
  return all[0].values;
}

// BERT of the tiny models' size, whose vocabulary lacks the last two words; `old`: with the first files' names of
// norms.
tensors make_bert(bool old, const std::string& prefix = "bert.") {
  const std::string gain = old ? "LayerNorm.gamma" : "LayerNorm.weight",
                    bias = old ? "LayerNorm.beta" : "LayerNorm.bias";
  tensors t{{prefix + "embeddings.word_embeddings.weight", {9, 6}, {}},
            {prefix + "embeddings.position_embeddings.weight", {7, 6}, {}},
            {prefix + "embeddings.token_type_embeddings.weight", {2, 6}, {}},
            {prefix + "embeddings." + gain, {6}, {}},
            {prefix + "embeddings." + bias, {6}, {}},
            {prefix + "pooler.dense.weight", {6, 6}, {}},
            {"cls.predictions.bias", {9}, {}},
            {"cls.predictions.transform.dense.weight", {6, 6}, {}},
            {"cls.predictions.transform.dense.bias", {6}, {}},
            {"cls.predictions.transform." + gain, {6}, {}},
            {"cls.predictions.transform." + bias, {6}, {}},
            {"cls.seq_relationship.weight", {2, 6}, {}}};
  for (int l = 0; l < 4; ++l) {
    const std::string layer = prefix + "encoder.layer." + std::to_string(l) + ".";
    for (const char* part : {"query", "key", "value"}) {
      t.push_back({layer + "attention.self." + part + ".weight", {6, 6}, {}});
      t.push_back({layer + "attention.self." + part + ".bias", {6}, {}});
    }
    for (const auto& [name, out, in] : {std::tuple("attention.output.", 6u, 6u), {"output.", 6u, 14u}}) {
      t.push_back({layer + name + "dense.weight", {out, in}, {}});
      t.push_back({layer + name + "dense.bias", {out}, {}});
      t.push_back({layer + name + gain, {6}, {}});
      t.push_back({layer + name + bias, {6}, {}});
    }
    t.push_back({layer + "intermediate.dense.weight", {14, 6}, {}});
    t.push_back({layer + "intermediate.dense.bias", {14}, {}});
  }
  number(t);
  return t;
}

}  // namespace

TEST_CASE("initial weights: BERT starts ALBEF's text tower and word head; words that it lacks stay", "[io]") {
  const scratch_folder folder("bert");
  for (const bool old : {false, true}) {
    INFO("old names " << old);
    const tensors bert = make_bert(old);
    const std::string gain = old ? "LayerNorm.gamma" : "LayerNorm.weight";
    auto model = make_albef_pretrainer(2);
    const auto before = values_of(model);
    const load_report r =
        load_weights(put_tensors(folder, "bert.safetensors", bert), model.values(), initial_weights());
    CHECK(r.layout == weights_layout::bert);
    auto to = values_of(model);
    const std::string text = "text_encoder.bert.";
    CHECK(to[text + "encoder.layer.3.attention.self.key.weight"] ==
          at(bert, "bert.encoder.layer.3.attention.self.key.weight"));
    CHECK(to[text + "encoder.layer.2.output.LayerNorm.weight"] == at(bert, "bert.encoder.layer.2.output." + gain));
    CHECK(to[text + "embeddings.LayerNorm.weight"] == at(bert, "bert.embeddings." + gain));
    CHECK(to["text_encoder.cls.predictions.transform.LayerNorm.weight"] ==
          at(bert, "cls.predictions.transform." + gain));
    auto words = at(bert, "bert.embeddings.word_embeddings.weight"), bias = at(bert, "cls.predictions.bias");
    const auto& own = before.at(text + "embeddings.word_embeddings.weight");
    words.insert(words.end(), own.begin() + 54, own.end());
    bias.insert(bias.end(), 2, 0.0f);
    CHECK(to[text + "embeddings.word_embeddings.weight"] == words);
    CHECK(to["text_encoder.cls.predictions.bias"] == bias);
    const std::string cross = text + "encoder.layer.2.crossattention.self.query.weight";
    CHECK(to[cross] == before.at(cross));
    CHECK(to["visual_encoder.pos_embed"] == before.at("visual_encoder.pos_embed"));
    CHECK(std::count(r.unused.begin(), r.unused.end(), "bert.pooler.dense.weight") == 1);
    CHECK(r.grown.size() == 2);
  }
}

TEST_CASE("initial weights: BERT starts BLIP's encoder and decoder, also without its first level", "[io]") {
  const scratch_folder folder("bert");
  const tensors bert = make_bert(false, "");
  auto model = make_answerer(2);
  load_weights(put_tensors(folder, "bert.safetensors", bert), model.values(), initial_weights());
  auto to = values_of(model);
  for (const std::string part : {"text_encoder.", "text_decoder.bert."})
    CHECK(to[part + "encoder.layer.1.output.dense.weight"] == at(bert, "encoder.layer.1.output.dense.weight"));
  CHECK(to["text_decoder.cls.predictions.transform.dense.bias"] == at(bert, "cls.predictions.transform.dense.bias"));
  const auto [kind, text] = failure([&] { load_weights((folder.path / "bert.safetensors").string(), model.values()); });
  CHECK(kind == "format");  // strictly, it is no such model
}

TEST_CASE("initial weights: a checkpoint of DeiT starts the vision tower, its table resized", "[io]") {
  const scratch_folder folder("deit");
  tensors deit{
      {"cls_token", {1, 1, 6}, {}},       {"pos_embed", {1, 5, 6}, {}}, {"patch_embed.proj.weight", {6, 3, 2, 2}, {}},
      {"patch_embed.proj.bias", {6}, {}}, {"norm.weight", {6}, {}},     {"norm.bias", {6}, {}},
      {"head.weight", {4, 6}, {}}};
  for (int l = 0; l < 2; ++l) {
    const std::string block = "blocks." + std::to_string(l) + ".";
    for (const char* norm : {"norm1", "norm2"})
      for (const char* which : {".weight", ".bias"}) deit.push_back({block + norm + which, {6}, {}});
    for (const auto& [name, out, in] :
         {std::tuple("attn.qkv", 18u, 6u), {"attn.proj", 6u, 6u}, {"mlp.fc1", 10u, 6u}, {"mlp.fc2", 6u, 10u}}) {
      deit.push_back({block + name + ".weight", {out, in}, {}});
      deit.push_back({block + name + ".bias", {out}, {}});
    }
  }
  number(deit);
  std::vector<std::pair<std::string, std::string>> items;
  storages bytes;
  for (const auto& t : deit) {
    const std::string key = std::to_string(bytes.size());
    std::vector<std::int64_t> shape(t.shape.begin(), t.shape.end()), strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    items.emplace_back(t.name, p_tensor(p_storage(key, static_cast<std::int64_t>(t.values.size())), 0, shape, strides));
    bytes.emplace_back(key, raw(t.values));
  }
  for (const bool legacy : {false, true}) {
    const std::string program = p_program(p_dict({{"model", p_dict(items)}}));
    auto model = make_captioner(2);
    const auto before = values_of(model);
    const load_report r = load_weights(
        folder.put("deit.pth", legacy ? make_torch_legacy(program, bytes) : make_torch_zip(program, bytes)),
        model.values(), initial_weights());
    CHECK(r.layout == weights_layout::vit_timm);
    CHECK(r.unused == std::vector<std::string>{"head.weight"});
    auto to = values_of(model);
    CHECK(to["visual_encoder.blocks.1.attn.qkv.weight"] == at(deit, "blocks.1.attn.qkv.weight"));
    CHECK(to["visual_encoder.pos_embed"] ==
          resize_position_table<float>(at(deit, "pos_embed"), 6, {1, 2, 2}, {1, 3, 3}));
    CHECK(to["text_decoder.bert.embeddings.LayerNorm.bias"] ==
          before.at("text_decoder.bert.embeddings.LayerNorm.bias"));
  }
}

TEST_CASE("initial weights: JAX's arrays start the vision tower, every product transposed", "[io]") {
  const scratch_folder folder("jax");
  for (const std::string prefix : {"", "opt/target/"}) {
    INFO("prefix " << prefix);
    std::vector<zip_part> parts;
    std::map<std::string, std::vector<float>> arrays;
    float next = 0;
    const auto add = [&](const std::string& name, const std::vector<std::uint64_t>& shape) {
      std::string sizes;
      for (const auto d : shape) sizes += std::to_string(d) + ", ";
      arrays[name] = counted(elements(shape), next);
      next += 1000;
      parts.push_back({.name = prefix + name + ".npy",
                       .bytes = make_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (" + sizes + "), }\n",
                                         raw(arrays[name]))});
    };
    add("cls", {1, 1, 6}), add("embedding/kernel", {2, 2, 3, 6}), add("embedding/bias", {6});
    add("Transformer/posembed_input/pos_embedding", {1, 10, 6});
    add("Transformer/encoder_norm/scale", {6}), add("Transformer/encoder_norm/bias", {6});
    add("head/kernel", {6, 4});
    for (int l = 0; l < 2; ++l) {
      const std::string block = "Transformer/encoderblock_" + std::to_string(l) + "/";
      const std::string heads = block + "MultiHeadDotProductAttention_1/";
      for (const char* norm : {"LayerNorm_0/", "LayerNorm_2/"})
        add(block + norm + "scale", {6}), add(block + norm + "bias", {6});
      for (const char* n : {"query/", "key/", "value/"})
        add(heads + n + "kernel", {6, 2, 3}), add(heads + n + "bias", {2, 3});
      add(heads + "out/kernel", {2, 3, 6}), add(heads + "out/bias", {6});
      add(block + "MlpBlock_3/Dense_0/kernel", {6, 10}), add(block + "MlpBlock_3/Dense_0/bias", {10});
      add(block + "MlpBlock_3/Dense_1/kernel", {10, 6}), add(block + "MlpBlock_3/Dense_1/bias", {6});
    }
    auto model = make_captioner(2);
    const load_report r = load_weights(folder.put("vit.npz", make_zip(parts)), model.values(), initial_weights());
    CHECK(r.layout == weights_layout::vit_jax);
    CHECK(r.prefix == prefix);
    CHECK(r.unused == std::vector<std::string>{prefix + "head/kernel"});
    auto to = values_of(model);
    const std::string ours = "visual_encoder.blocks.1.", theirs = "Transformer/encoderblock_1/";
    const auto &patch = to["visual_encoder.patch_embed.proj.weight"], &kernel = arrays["embedding/kernel"];
    for (std::size_t o = 0; o < 6; ++o)
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t y = 0; y < 2; ++y)
          for (std::size_t x = 0; x < 2; ++x)
            CHECK(patch[((o * 3 + i) * 2 + y) * 2 + x] == kernel[((y * 2 + x) * 3 + i) * 6 + o]);
    const auto& qkv = to[ours + "attn.qkv.weight"];
    std::size_t part = 0;
    for (const char* n : {"query/", "key/", "value/"}) {
      const auto& k = arrays[theirs + "MultiHeadDotProductAttention_1/" + n + "kernel"];
      const auto& b = arrays[theirs + "MultiHeadDotProductAttention_1/" + n + "bias"];
      for (std::size_t row = 0; row < 6; ++row) {
        for (std::size_t c = 0; c < 6; ++c) CHECK(qkv[(part * 6 + row) * 6 + c] == k[c * 6 + row]);
        CHECK(to[ours + "attn.qkv.bias"][part * 6 + row] == b[row]);
      }
      ++part;
    }
    for (std::size_t row = 0; row < 6; ++row)
      for (std::size_t c = 0; c < 10; ++c)
        CHECK(to[ours + "mlp.fc2.weight"][row * 10 + c] == arrays[theirs + "MlpBlock_3/Dense_1/kernel"][c * 6 + row]);
    for (std::size_t row = 0; row < 6; ++row)
      for (std::size_t c = 0; c < 6; ++c)
        CHECK(to[ours + "attn.proj.weight"][row * 6 + c] ==
              arrays[theirs + "MultiHeadDotProductAttention_1/out/kernel"][c * 6 + row]);
    CHECK(to[ours + "norm2.weight"] == arrays[theirs + "LayerNorm_2/scale"]);
    CHECK(to["visual_encoder.pos_embed"] == arrays["Transformer/posembed_input/pos_embedding"]);
  }
}

TEST_CASE("initial weights: a tower alone is given a name of its own", "[io]") {
  const scratch_folder folder("tower");
  const auto model = make_captioner(1);
  const std::string path =
      save_weights((folder.path / "t.safetensors").string(), model.values(), {.layout = weights_layout::transformers});
  owned<vit<eye, B>, B> tower(2, eye_options);
  load_weights(path, tower.values(), {.prefix = "visual_encoder."});
  CHECK(tower.values().read("blocks.1.mlp.fc1.bias") == model.values().read("visual_encoder.blocks.1.mlp.fc1.bias"));
  const std::string split = save_weights((folder.path / "s.safetensors").string(), tower.values(),
                                         {.layout = weights_layout::vit_transformers, .prefix = "visual_encoder."});
  CHECK(weights_file(split).find("vit.encoder.layer.0.attention.attention.key.weight")->shape ==
        std::vector<std::uint64_t>{6, 6});
  owned<vit<eye, B>, B> again(3, eye_options);
  CHECK(load_weights(split, again.values(), {.prefix = "visual_encoder."}).layout == weights_layout::vit_transformers);
  CHECK(values_of(again) == values_of(tower));
}
