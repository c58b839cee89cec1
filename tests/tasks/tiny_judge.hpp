// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <numeric>

#include "tasks/tiny_models.hpp"

namespace blip_test {

// A tiny model that matches, with its tokenizer, and one pair alone composed by hand.
template <class Model>
struct tiny_judge {
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  static constexpr bool fuses = Model::towers_type::fuses_states;

  tiny_judge() { scatter(model.values()); }

  // The logit of a match: W row + b, column 1. BLIP's text begins with [ENC] if it is marked.
  double logit(device<B>& d, const image& picture, const std::string& text, bool marked = true) const {
    auto t = model.inference(d);
    buffer<B, S> pixels;
    const auto& towers = model->towers();
    const auto context = towers.project(t, rows_of_picture(t, towers, picture, pixels));
    std::vector<int> ids = tokens.encode(text, longest);
    if (!fuses && marked) ids[0] = tokens.id("[ENC]");
    const text_batch<B> batch(std::vector<std::vector<int>>{ids}, tokens.size());
    const auto states = [&] {
      if constexpr (fuses)
        return towers.fuse(t, towers.text(t, batch.ids(), batch.layout()), batch.layout(), context, nullptr);
      else
        return towers.multimodal(t, batch.ids(), batch.layout(), context, nullptr);
    }();
    return product("itm_head", to_host(states))[1];
  }
  // The cosine of the features.
  double similarity(device<B>& d, const image& picture, const std::string& text) const {
    auto t = model.inference(d);
    buffer<B, S> pixels;
    const numbers a = product("vision_proj", to_host(rows_of_picture(t, model->towers(), picture, pixels).rows));
    const text_batch<B> batch(std::vector<std::vector<int>>{tokens.encode(text, longest)}, tokens.size());
    const numbers b = product("text_proj", to_host(model->towers().text(t, batch.ids(), batch.layout())));
    const auto dot = [](const numbers& x, const numbers& y) {
      return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
    };
    return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
  }

  wordpiece tokens = fuses ? albef_words() : blip_words();
  owned<Model, B> model{7, options_of(fuses ? 3 : 2, fuses ? 1 : 0, tokens.size()),
                        itc<features>(itc_options{.queue = 0}),
                        itm<>({.first_token = fuses ? -1 : tokens.id("[ENC]")})};

 private:
  // W x + b of a head's parameters, x the first row of states.
  numbers product(const std::string& name, const std::vector<S>& rows) const {
    const auto w = model.values().read(name + ".weight"), b = model.values().read(name + ".bias");
    const std::size_t width = w.size() / b.size();
    numbers y;
    for (std::size_t k = 0; k < b.size(); ++k) {
      y.push_back(static_cast<double>(b[k]));
      for (std::size_t i = 0; i < width; ++i)
        y[k] += static_cast<double>(w[width * k + i]) * static_cast<double>(rows[i]);
    }
    return y;
  }
};

}  // namespace blip_test
