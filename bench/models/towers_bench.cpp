// SPDX-License-Identifier: Apache-2.0
#include "support/bench.hpp"

namespace {

using namespace blip;
using namespace bench;

double block_flop(double rows, double keys, double width, double hidden) {
  return 4 * product_flop(rows, width, width) + attention_flop(rows, keys, width) + 2 * product_flop(rows, width, hidden);
}

// ViT-B/16: one picture is (side / 16)^2 + 1 rows.
void vision(int batch, int side) {
  vit_options options = vit_b16.options;
  options.image_height = options.image_width = side;
  const double n = 1 + (side / 16) * (side / 16);
  const work w{batch * (12 * block_flop(n, n, 768, 3072) + product_flop(n - 1, 768, 768)),
               4.0 * static_cast<double>(parameter_count(vit_b16.structure, options)), static_cast<double>(batch)};
  const std::size_t values = static_cast<std::size_t>(batch * 3 * side * side);
  const auto pixels = std::make_shared<buffer<cpu, float>>(noise_buffer(values, 3));
  const auto call = [=](auto& t, const auto& tower) {
    const int one = 3 * side * side;
    return tower.forward(t, images<std::decay_t<decltype(t)>>(t.input({pixels->data(), batch, one, one, nullptr}), 3, side, side));
  };
  using tower = vit<vit_b16.structure, cpu>;
  for (const variant& v : variants()) {
    const std::string thing = "vit_b16_" + std::to_string(side);
    const auto make = [=] { return std::make_shared<subject<tower>>(v.options, options); };
    add(thing, v, batch * static_cast<int>(n), 768, w, [=]() -> iteration { return [s = make(), call] { s->infer(call); }; });
    if (side == 224 && batch == 1)
      add(thing + "_train", v, batch * static_cast<int>(n), 768, {3 * w.flop, 3 * w.bytes, w.items},
          [=]() -> iteration { return [s = make(), call] { s->train(call); }; });
  }
}

// BERT-base text tower on packed captions of 9 and 14 tokens.
void text(int batch) {
  std::vector<std::vector<int>> captions;
  int rows = 0;
  for (int i = 0; i < batch; ++i) {
    captions.emplace_back(static_cast<std::size_t>(i % 2 == 0 ? 9 : 14), 1000 + i);
    rows += static_cast<int>(captions.back().size());
  }
  const auto batch_of = std::make_shared<text_batch<cpu>>(captions, 30524);
  double flop = 0;
  for (const auto& c : captions) flop += 12 * block_flop(static_cast<double>(c.size()), static_cast<double>(c.size()), 768, 3072);
  const auto call = [=](auto& t, const auto& tower) { return tower.text(t, batch_of->ids(), batch_of->layout()); };
  using tower = text_transformer<blip_text.structure, cpu>;
  for (const variant& v : variants()) {
    const auto make = [=] { return std::make_shared<subject<tower>>(v.options, blip_text.options); };
    const work w{flop, 4.0 * 85e6, static_cast<double>(rows)};
    add("text_base", v, rows, 768, w, [=]() -> iteration { return [s = make(), call] { s->infer(call); }; });
    if (batch == 8)
      add("text_base_train", v, rows, 768, {3 * w.flop, 3 * w.bytes, w.items},
          [=]() -> iteration { return [s = make(), call] { s->train(call); }; });
  }
}

const bool registered = [] {
  for (const int side : {224, 384})
    for (const int batch : {1, 8}) vision(batch, side);
  for (const int batch : {1, 8}) text(batch);
  return true;
}();

}  // namespace
