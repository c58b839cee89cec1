// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/io/position_table.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int width = 12, picture_width = 10, vocabulary = 31;
constexpr text_config sized(cross_schedule cross) {
  return {.width = width, .heads = 3, .hidden = 20, .context = picture_width, .cross = cross};
}
constexpr text_options options_of(int layers, int cross_from) {
  return {.layers = layers,
          .cross_from = cross_from,
          .embedding = {.vocabulary = vocabulary, .positions = 9, .token_types = 2, .dropout = 0.1f},
          .dropout = 0.1f,
          .attention_dropout = 0.1f};
}
template <class B>
using albef_text_tower = text_transformer<sized(cross_schedule::from_layer), B>;
template <class B>
using blip_text_tower = text_transformer<sized(cross_schedule::all), B>;

// Weights as a model begins with make attention flat; these make it sharp.
template <class Tower, class B>
void sharpen(owned<Tower, B>& tower, std::uint64_t seed) {
  for (const auto& n : tower.values().layout()->names()) {
    if (n.rank < 2) continue;
    const numbers v = random_numbers(static_cast<int>(n.count), ++seed, -0.7, 0.7);
    tower.values().template write<double>(n.text, std::span<const double>(v));
  }
}

template <class V>
numbers states_of(const V& x) {
  const auto host = to_host(x);
  return {host.begin(), host.end()};
}

}  // namespace

TEMPLATE_TEST_CASE("albef: text and then fusion is what both at once is (O2)", "[oracles]", reference<double>, cpu) {
  using B = TestType;
  using S = typename B::scalar;
  owned<albef_text_tower<B>, B> tower(1, options_of(4, 2));
  sharpen(tower, 5);
  const numbers pixels = random_numbers(8 * picture_width, 3);
  const buffer<B, S> picture{std::vector<S>(pixels.begin(), pixels.end())};
  const text_batch<B> texts(std::vector<std::vector<int>>{{1, 4, 7, 4}, {1, 9}, {1, 5, 11, 30, 2}}, vocabulary);
  const buffer<B, int> source(std::vector<int>{1, 0, 1});
  device<B> dev;
  auto t = tower.inference(dev);
  const auto context =
      tower->project(t, t.template input<picture_width>({picture.data(), 8, picture_width, picture_width, nullptr}),
                     sequence_layout::uniform(2, 4));
  const auto text = tower->text(t, texts.ids(), texts.layout());
  const numbers together = states_of(tower->multimodal(t, texts.ids(), texts.layout(), context, source.data()));
  CHECK(difference_of_bits(states_of(tower->fuse(t, text, texts.layout(), context, source.data())), together) == "");
  CHECK(worst_error(states_of(text), together) > 0.1);  // the picture matters
}

TEMPLATE_TEST_CASE("text: rows between texts, and a longer neighbour, change no bit of a state (O4)", "[oracles]",
                   reference<double>, cpu) {
  using B = TestType;
  using S = typename B::scalar;
  owned<blip_text_tower<B>, B> tower(1, options_of(3, 0));
  sharpen(tower, 7);
  const numbers pixels = random_numbers(6 * picture_width, 3);
  const buffer<B, S> picture{std::vector<S>(pixels.begin(), pixels.end())};
  device<B> dev;
  auto t = tower.inference(dev);
  const auto context =
      tower->project(t, t.template input<picture_width>({picture.data(), 6, picture_width, picture_width, nullptr}),
                     sequence_layout::uniform(2, 3));
  const std::vector<std::vector<int>> words{{1, 4, 7}, {1, 9, 5, 11, 30, 2}};
  for (const bool causal : {false, true}) {
    const auto run = [&](const buffer<B, int>& ids, const sequence_layout& layout, const int* source) {
      return states_of(tower->multimodal(t, ids.data(), layout, context, source, causal));
    };
    const text_batch<B> packed(words, vocabulary);
    const numbers together = states_of(tower->multimodal(t, packed.ids(), packed.layout(), context, nullptr, causal));

    // As a padded batch has them: rows 0 to 7 and 8 to 15, the rest of each filled with anything.
    for (const int padding : {0, 17}) {
      std::vector<int> ids(16, padding), begins{0, 8}, lengths{3, 6};
      for (std::size_t s = 0; s < 2; ++s)
        for (std::size_t i = 0; i < words[s].size(); ++i) ids[8 * s + i] = words[s][i];
      const packed_layout<B> layout(begins, lengths, 16);
      const numbers padded = run(buffer<B, int>(ids), layout, nullptr);
      CHECK(difference_of_bits(rows_of(padded, width, 0, 3), rows_of(together, width, 0, 3)) == "");
      CHECK(difference_of_bits(rows_of(padded, width, 8, 6), rows_of(together, width, 3, 6)) == "");
    }
    for (int s = 0, first = 0; s < 2; first += static_cast<int>(at(words, s).size()), ++s) {
      const int length = static_cast<int>(at(words, s).size());
      const packed_layout<B> layout(std::vector<int>{length});
      const buffer<B, int> source(std::vector<int>{s});
      CHECK(difference_of_bits(run(buffer<B, int>(at(words, s)), layout, source.data()),
                               rows_of(together, width, first, length)) == "");
    }
  }
}

TEST_CASE("blip: text alone sees neither pictures nor the parameters that read them (O5)", "[oracles]") {
  using B = reference<double>;
  owned<blip_text_tower<B>, B> tower(1, options_of(3, 0));
  sharpen(tower, 9);
  const text_batch<B> texts(std::vector<std::vector<int>>{{1, 4, 7, 4}, {1, 9}}, vocabulary);
  device<B> dev;
  const auto run = [&] {
    auto t = tower.recording(dev);
    tower.gradients().clear();
    const auto x = tower->text(t, texts.ids(), texts.layout());
    const numbers states = states_of(x);
    t.backward(ops::weighted_sum(t, x));
    return states;
  };
  const numbers before = run();
  int reading = 0;
  for (const auto& n : tower.values().layout()->names()) {
    const bool reads = n.text.find(".crossattention.") != n.text.npos;
    CHECK(tower.gradients().touched(n.entry) == !reads);
    if (!reads) continue;
    tower.values().write<double>(n.text, numbers(static_cast<std::size_t>(n.count), blip_test::nan));
    ++reading;
  }
  CHECK(reading == 3 * 10);
  CHECK(difference_of_bits(run(), before) == "");
}

// Keys' cubic is linear between two rows for a = -1/2 only. With a = -3/4, as published, a ramp comes out ahead of
// itself by
// -(2 a + 1) t (1 - t) (1 - 2 t) at the fraction t: not at all on a row and halfway, by at most 0.05 of a row's step.
TEST_CASE(
    "positions: a table of the same grid stays, a constant stays constant, a ramp keeps its slope within the border "
    "(O7)",
    "[oracles]") {
  constexpr int columns = 3;
  const position_grid small{1, 6, 5}, wide{1, 9, 20}, narrow{1, 4, 3};
  const numbers any = random_numbers(small.rows() * columns, 3);
  CHECK(difference_of_bits(resize_position_table<double>(any, columns, small, small), any) == "");
  for (const position_grid to : {wide, narrow}) {
    const numbers constant = resize_position_table<double>(numbers(any.size(), 1.25), columns, small, to);
    for (const double x : constant) CHECK(x == Approx(1.25).epsilon(1e-14));

    numbers ramp(any.size());
    for (int y = 0; y < small.height; ++y)
      for (int x = 0; x < small.width; ++x)
        for (int c = 0; c < columns; ++c) at(ramp, (1 + y * small.width + x) * columns + c) = 2 * x - 3 * y + c;
    const numbers resized = resize_position_table<double>(ramp, columns, small, to);
    const auto ahead = [](double at) {
      const double t = at - std::floor(at);
      return at + 0.5 * t * (1 - t) * (1 - 2 * t);
    };
    int interior = 0;
    for (int y = 0; y < to.height; ++y)
      for (int x = 0; x < to.width; ++x) {
        // The place of a new centre among the old ones; all four taps of each axis must lie on the table.
        const double sy = (y + 0.5) * small.height / to.height - 0.5, sx = (x + 0.5) * small.width / to.width - 0.5;
        if (sy < 1 || sy > small.height - 2 || sx < 1 || sx > small.width - 2) continue;
        ++interior;
        for (int c = 0; c < columns; ++c)
          CHECK(at(resized, (1 + y * to.width + x) * columns + c) ==
                Approx(2 * ahead(sx) - 3 * ahead(sy) + c).margin(1e-12));
      }
    CHECK(interior > 0);
    for (int c = 0; c < columns; ++c) CHECK(at(resized, c) == at(ramp, c));  // the class row's
  }
}
