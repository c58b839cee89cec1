// SPDX-License-Identifier: Apache-2.0
#include "support/bench.hpp"

namespace {

using namespace blip;
using namespace bench;

constexpr int width = 768;

// A tape needs parameters for some ops: one of every kind.
struct parameters {
  parameter weight{width, width, true}, bias{width}, gain{width, initial::ones}, row{width};
  parameter wide{4 * width, width, true}, wide_bias{4 * width}, narrow{width, 4 * width, true};
  parameter words{30524, width}, positions{577, width}, temperature{1, initial::ones};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("weight", self.weight), f("bias", self.bias), f("gain", self.gain), f("row", self.row);
    f("wide", self.wide), f("wide_bias", self.wide_bias), f("narrow", self.narrow);
    f("words", self.words), f("positions", self.positions), f("temperature", self.temperature);
  }
};

struct matrix {
  std::shared_ptr<buffer<cpu, float>> data;
  int rows, columns;
  matrix(int r, int c, std::uint32_t seed)
      : data(std::make_shared<buffer<cpu, float>>(noise_buffer(static_cast<std::size_t>(r) * static_cast<std::size_t>(c), seed))),
        rows(r), columns(c) {}
  matrix_view<const float> view() const { return {data->data(), rows, columns, columns, nullptr}; }
  template <int W, class T>
  var<T, W> on(T& t) const {
    return t.template input<W>(view(), true);
  }
};

template <class F>
void op(const std::string& thing, const std::vector<variant>& ways, int rows, int columns, const work& w, F call) {
  for (const variant& v : ways) {
    const auto make = [=] { return std::make_shared<subject<parameters>>(v.options); };
    add(thing, v, rows, columns, w, [=]() -> iteration { return [s = make(), call] { s->infer(call); }; });
    add(thing + "_vjp", v, rows, columns, {3 * w.flop, 3 * w.bytes, w.items},
        [=]() -> iteration { return [s = make(), call] { s->train(call); }; });
  }
}

const auto indices = [](int n, int bound) {
  std::vector<int> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int>((i * 7919) % static_cast<std::size_t>(bound));
  return std::make_shared<buffer<cpu, int>>(std::span<const int>(v));
};

void products() {
  for (const int rows : {1, 8, 577, 4616}) {
    const double n = rows;
    const matrix x(rows, width, 1);
    op("affine", variants(), rows, width, {product_flop(n, width, width), 4 * (2 * n * width + width * width), n},
       [=](auto& t, const parameters& p) { return ops::affine<width>(t, x.on<width>(t), p.weight, &p.bias); });
    op("affine_gelu", variants(), rows, width, {product_flop(n, width, width), 4 * (2 * n * width + width * width), n},
       [=](auto& t, const parameters& p) {
         return ops::affine<width>(t, x.on<width>(t), p.weight, &p.bias, activation::gelu);
       });
    op("affine_norm", variants(), rows, width, {product_flop(n, width, width), 4 * (3 * n * width + width * width), n},
       [=](auto& t, const parameters& p) {
         const auto h = x.on<width>(t);
         return ops::affine_norm<width>(t, h, p.weight, &p.bias, activation::none, h, p.gain, p.bias, 1e-6);
       });
  }
  for (const int rows : {112, 1576}) {
    const double n = rows, hidden = 4.0 * width;
    const matrix x(rows, width, 1);
    op("feed_forward", variants(), rows, width, {2 * product_flop(n, width, hidden), 4 * (2 * n * width + 2 * hidden * width), n},
       [=](auto& t, const parameters& p) {
         return ops::feed_forward<width>(t, x.on<width>(t), {p.wide, p.wide_bias, p.narrow, p.bias}, activation::gelu);
       });
  }
  const matrix a(64, 256, 2), b(4096, 256, 3);
  op("similarity", variants(), 64, 4096, {product_flop(64, 256, 4096), 4 * (64.0 + 4096) * 256, 64},
     [=](auto& t, const parameters& p) {
       return ops::similarity(t, a.on<256>(t), b.on<256>(t), &p.temperature);
     });
}

void attention() {
  const attention_spec spec{12, 0.125, false, {}};
  for (const int batch : {1, 8}) {
    const matrix qkv(577 * batch, 3 * width, 4);
    const sequence_layout l = sequence_layout::uniform(batch, 577);
    op("attend_self", without_engine(), 577 * batch, width, {batch * attention_flop(577, 577, width), 16.0 * 577 * batch * width, 577.0 * batch},
       [=](auto& t, const parameters&) { return ops::attend_self<width>(t, qkv.on<3 * width>(t), l, spec); });
  }
  // Thirty query rows of one caption over an image's rows; one decode row of three beams.
  for (const int queries : {1, 30}) {
    const matrix q(3 * queries, width, 5), kv(577, 2 * width, 6);
    const auto source = std::make_shared<buffer<cpu, int>>(std::span<const int>(std::vector<int>{0, 0, 0}));
    op("attend_cross", without_engine(), 3 * queries, width,
       {attention_flop(3 * queries, 577, width), 4.0 * 2 * 577 * width, 3.0 * queries}, [=](auto& t, const parameters&) {
         return ops::attend_cross<width>(t, q.on<width>(t), kv.on<2 * width>(t), sequence_layout::uniform(3, queries),
                                         sequence_layout::uniform(1, 577), source->data(), spec);
       });
  }
}

void rows() {
  const int n = 4616;
  const double moved = 8.0 * n * width;
  const matrix x(n, width, 7), y(n, width, 8);
  const auto way = threads_only();
  const auto index = indices(n, n);
  const sequence_layout l = sequence_layout::uniform(8, 577);
  op("layer_norm", way, n, width, {0, moved, n}, [=](auto& t, const parameters& p) { return ops::layer_norm(t, x.on<width>(t), p.gain, p.bias, 1e-6); });
  op("residual", way, n, width, {0, 1.5 * moved, n}, [=](auto& t, const parameters&) { return ops::add(t, x.on<width>(t), y.on<width>(t)); });
  op("residual_dropout", way, n, width, {0, 1.5 * moved, n}, [=](auto& t, const parameters&) {
    return ops::residual(t, x.on<width>(t), y.on<width>(t), l, dropout_spec{0.1f, 0, {}});
  });
  op("scale", way, n, width, {0, moved, n}, [=](auto& t, const parameters&) { return ops::scale(t, x.on<width>(t), 0.5); });
  op("gather_rows", way, n, width, {0, moved, n}, [=](auto& t, const parameters&) { return ops::gather_rows(t, x.on<width>(t), index->data(), n); });
  op("scatter_rows", way, n, width, {0, 1.5 * moved, n}, [=](auto& t, const parameters&) { return ops::scatter_rows(t, x.on<width>(t), index->data(), n); });
  op("concat_columns", way, n, width, {0, 2 * moved, n}, [=](auto& t, const parameters&) { return ops::concat_columns(t, x.on<width>(t), y.on<width>(t)); });
  op("l2_normalize", way, n, width, {0, moved, n}, [=](auto& t, const parameters&) { return ops::l2_normalize(t, x.on<width>(t)); });
  op("weighted_sum", way, n, width, {0, moved, n}, [=](auto& t, const parameters&) { return ops::weighted_sum(t, x.on<width>(t), y.view()); });
}

void embeddings() {
  const int n = 30 * 64;
  const auto way = threads_only();
  const auto ids = indices(n, 30524);
  op("embed", way, n, width, {0, 12.0 * n * width, n}, [=](auto& t, const parameters& p) {
    return ops::embed<width>(t, ids->data(), sequence_layout::uniform(64, 30), {&p.words, &p.positions, &p.row, 0});
  });
  const matrix pixels(8, 3 * 384 * 384, 9), patches(8 * 576, width, 10);
  op("patchify", way, 8 * 576, width, {0, 8.0 * 8 * 576 * width, 8}, [=](auto& t, const parameters&) {
    return ops::patchify<width>(t, images<std::decay_t<decltype(t)>>(t.input(pixels.view(), true), 3, 384, 384), 16);
  });
  op("tokens", way, 8 * 577, width, {0, 12.0 * 8 * 577 * width, 8}, [=](auto& t, const parameters& p) {
    return ops::tokens(t, patches.on<width>(t), &p.row, p.positions, {1, 24, 24}, {1, 24, 24}, 8);
  });
}

void losses() {
  const int n = 128, vocabulary = 30524;
  const matrix logits(n, vocabulary, 11), targets(n, vocabulary, 12);
  const auto labels = indices(n, vocabulary);
  const double moved = 4.0 * n * vocabulary;
  const auto on = [](auto& t, const matrix& m) { return scores<std::decay_t<decltype(t)>>(t.input(m.view(), true)); };
  op("cross_entropy", threads_only(), n, vocabulary, {0, moved, n},
     [=](auto& t, const parameters&) { return ops::cross_entropy(t, on(t, logits), labels->data(), 0.1); });
  op("distilled_cross_entropy", threads_only(), n, vocabulary, {0, 2 * moved, n}, [=](auto& t, const parameters&) {
    return ops::cross_entropy(t, on(t, logits), {.labels = labels->data(), .teacher = t.input(targets.view()), .alpha = 0.4});
  });
  const matrix features(8, 256, 13), batch(8, 256, 14), queue(57600, 256, 15);
  op("contrast", threads_only(), 8, 57608, {2 * product_flop(8, 256, 57608), 4.0 * 57608 * 256, 8},
     [=](auto& t, const parameters& p) {
       return ops::contrast(t, features.on<256>(t),
                            {.batch = t.input(batch.view()), .queue = queue.view(), .teacher = t.input(features.view()), .alpha = 0.4},
                            p.temperature);
     });
  op("soft_cross_entropy", threads_only(), n, vocabulary, {0, 2 * moved, n},
     [=](auto& t, const parameters&) { return ops::soft_cross_entropy(t, on(t, logits), on(t, targets)); });
}

const bool registered = [] {
  products(), attention(), rows(), embeddings(), losses();
  return true;
}();

}  // namespace
