// SPDX-License-Identifier: Apache-2.0
#include "support/bench.hpp"

namespace {

using namespace blip;
using namespace bench;

constexpr int width = 768, hidden = 3072, heads = 12;

// Registers `thing` forward and `thing_train` (forward and backward, three times the arithmetic) for every variant.
template <class L, class F, class... P>
void layer(const std::string& thing, int rows, const work& w, F call, P... parameters) {
  for (const variant& v : variants()) {
    const auto make = [=] { return std::make_shared<subject<L>>(v.options, parameters...); };
    add(thing, v, rows, width, w, [=]() -> iteration {
      return [s = make(), call] { s->infer(call); };
    });
    add(thing + "_train", v, rows, width, {3 * w.flop, 3 * w.bytes, w.items}, [=]() -> iteration {
      return [s = make(), call] { s->train(call); };
    });
  }
}

template <int W>
auto input(int rows, std::uint32_t seed) {
  return [rows, x = std::make_shared<buffer<cpu, float>>(noise_buffer(static_cast<std::size_t>(rows) * W, seed))](auto& t) {
    return t.template input<W>({x->data(), rows, W, W, nullptr}, true);
  };
}

const bool registered = [] {
  for (const int rows : {1, 9, 577, 1154}) {
    const double n = rows;
    const auto x = input<width>(rows, 1);
    layer<linear<linear_config{width, width}, cpu>>("linear", rows, {product_flop(n, width, width), 4 * (2 * n * width + width * width), n},
                                                    [=](auto& t, const auto& l) { return l.forward(t, x(t)); });
    layer<mlp<mlp_config{width, hidden}, cpu>>("mlp", rows, {2 * product_flop(n, width, hidden), 4 * (2 * n * width + 2.0 * width * hidden), n},
                                               [=](auto& t, const auto& l) { return l.forward(t, x(t)); });
    layer<layer_norm<width, cpu>>("layer_norm", rows, {8 * n * width, 8 * n * width, n},
                                  [=](auto& t, const auto& l) { return l.forward(t, x(t)); });
    const sequence_layout one = sequence_layout::uniform(1, rows);
    layer<attention<attention_config{width, heads}, cpu>>(
        "attention", rows, {4 * product_flop(n, width, width) + attention_flop(n, n, width), 4 * (2 * n * width + 4.0 * width * width), n},
        [=](auto& t, const auto& l) { return l.forward(t, x(t), one); });
    layer<transformer_block<block_config{width, heads, hidden}, cpu>>(
        "transformer_block", rows,
        {4 * product_flop(n, width, width) + attention_flop(n, n, width) + 2 * product_flop(n, width, hidden),
         4 * (2 * n * width + 4.0 * width * width + 2.0 * width * hidden), n},
        [=](auto& t, const auto& l) { return l.forward(t, x(t), one); });
  }
  return true;
}();

}  // namespace
