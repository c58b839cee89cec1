// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "blip/backend/pack.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/text_transformer.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

// Decoding on any back end.
namespace blip_test::decoding {

using namespace blip;

inline constexpr int words = 31, longest = 23;
inline constexpr text_config everywhere{.width = 24, .heads = 3, .hidden = 40, .context = 20, .cross = cross_schedule::all};
inline constexpr text_config later{.width = 24, .heads = 3, .hidden = 40, .context = 20, .cross = cross_schedule::from_layer};

template <text_config C, class B>
struct decoder_and_head {
  text_transformer<C, B> text{{.layers = 3,
                               .cross_from = 1,
                               .embedding = {.vocabulary = words, .positions = longest, .norm_eps = 1e-5},
                               .norm_eps = 1e-5}};
  lm_head<24, B> head{words};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("text", self.text), f("head", self.head);
  }
};

// A captioner of random weights with the states of some pictures of 7 rows.
template <text_config C, class B>
class random_captioner {
 public:
  using S = typename B::scalar;

  // `packed`: weights as the back end reads them fastest.
  explicit random_captioner(int pictures, typename B::options o = {}, bool packed = false) : dev(o) {
    // Larger weights than those of a fresh model, for texts that differ.
    std::uint64_t seed = 100;
    for (const auto& entry : model_.values().layout()->entries()) {
      const double reach = entry.rows > 1 ? 0.9 : 0.1,
                   middle = entry.rows == 1 && entry.name.ends_with("weight") ? 1 : 0;
      std::vector<S> v;
      for (const double x : random_numbers(static_cast<int>(entry.size()), ++seed, middle - reach, middle + reach))
        v.push_back(static_cast<S>(x));
      model_.values().write(entry, v);
    }
    std::vector<S> states;
    for (const double x : random_numbers(pictures * 7 * 20, 5)) states.push_back(static_cast<S>(x));
    states_ = buffer<B, S>(std::span<const S>(states));
    if constexpr (packs_weights<B>)
      if (packed) packed_ = pack(dev, model_.values().clone());
  }

  inference_tape<B> tape() { return inference_tape<B>(dev, packed_.is_packed() ? packed_ : model_.values()); }
  const decoder_and_head<C, B>& operator*() const { return *model_; }

  // What texts read: `count` pictures from number `first` on.
  template <class T>
  auto context(T& t, int first, int count) const {
    const auto rows = t.template input<20>({states_.data() + first * 140, count * 7, 20, 20, nullptr});
    return model_->text.project(t, rows, sequence_layout::uniform(count, 7));
  }

  // The logits after each id of one text, by a pass over the whole text.
  std::vector<numbers> whole(const std::vector<int>& ids, int picture) {
    auto t = tape();
    const text_batch<B> text(std::vector<std::vector<int>>{ids}, words);
    const auto states = model_->text.multimodal(t, text.ids(), text.layout(), context(t, picture, 1), nullptr, true);
    const auto all = to_host(model_->head.forward(t, states, model_->text.words()));
    std::vector<numbers> rows;
    for (std::size_t r = 0; r < ids.size(); ++r)
      rows.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(r * words),
                        all.begin() + static_cast<std::ptrdiff_t>((r + 1) * words));
    return rows;
  }

  device<B> dev;

 private:
  owned<decoder_and_head<C, B>, B> model_{7};
  arena<B> packed_;
  buffer<B, S> states_;
};

template <class S>
numbers row_of(const matrix_view<const S>& m, int r) {
  return {m.row(r), m.row(r) + m.width};
}

// Follows random parents through many steps and compares every row with a pass over its whole text.
template <text_config C, class B>
void check_steps(typename B::options options = {}, bool packed = false) {
  random_captioner<C, B> s(4, options, packed);
  auto t = s.tape();
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, 4));
  std::vector<std::vector<int>> texts{{1, 5, 9}, {2}, {3, 3, 3, 3, 8}, {1, 5}};
  std::vector<int> picture{0, 1, 2, 3};
  auto logits = model.start(texts, 9, longest - 4);
  for (int step = 0; step < 13; ++step) {
    REQUIRE(logits.rows == static_cast<int>(texts.size()));
    for (int r = 0; r < logits.rows; ++r)
      CHECK(difference_of_bits(row_of(logits, r), s.whole(at(texts, r), at(picture, r)).back()) == "");
    std::vector<int> parents, tokens, next_picture;
    std::vector<std::vector<int>> next;
    const int rows = 1 + (step * 5 + 3) % 9;
    for (int r = 0; r < rows; ++r) {
      const int parent = (r * r + step * 7) % static_cast<int>(texts.size());
      parents.push_back(parent), tokens.push_back((r * 11 + step * 3) % words);
      next.push_back(at(texts, parent)), next.back().push_back(tokens.back());
      next_picture.push_back(at(picture, parent));
    }
    texts = next, picture = next_picture;
    logits = model.step(parents, tokens);
  }
}

}  // namespace blip_test::decoding
