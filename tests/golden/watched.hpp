// SPDX-License-Identifier: Apache-2.0
#pragma once

// Models whose inner results can be asked for their gradients: towers and heads that let a watch see what they give.
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "golden_model.hpp"

namespace golden {

// Keeps what the recording pass gives while it lives. Make it after the tape, so that it goes first.
template <class B>
class watch {
 public:
  watch() { current_ = this; }
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
  ~watch() { current_ = nullptr; }

  template <class T, class V>
  static V see(T&, std::string_view name, V x) {
    if constexpr (T::records)
      if (current_) current_->seen_[std::string(name)] = x.ref();
    return x;
  }

  // The gradient that reached a result, by all ways.
  template <class T>
  std::vector<typename B::scalar> gradient(const T& t, const std::string& name) const {
    INFO("gradient of " << name);
    REQUIRE(seen_.contains(name));
    const auto g = t.gradient_of(blip::scores<T>(seen_.at(name)));
    REQUIRE(g.data != nullptr);
    return blip::to_host<B>(g);
  }

 private:
  static inline watch* current_ = nullptr;
  std::map<std::string, blip::tensor<B>> seen_;
};

template <class Towers>
struct watched_towers : Towers {
  using Towers::Towers;
  using B = typename Towers::backend_type;

  template <class T>
  auto images(T& t, const blip::images<T>& pixels) const {
    const auto x = Towers::images(t, pixels);
    watch<B>::see(t, "images", x.rows);
    return x;
  }
  template <class T, class... A>
  auto text(T& t, const A&... a) const {
    return watch<B>::see(t, "text", Towers::text(t, a...));
  }
  template <class T, class... A>
  auto multimodal(T& t, const A&... a) const {
    return watch<B>::see(t, "multimodal", Towers::multimodal(t, a...));
  }
  template <class T, class X>
  auto masked_logits(T& t, const X& rows) const {
    return watch<B>::see(t, "masked_logits", Towers::masked_logits(t, rows));
  }
  template <class T, class X>
  auto decoder_logits(T& t, const X& rows) const {
    return watch<B>::see(t, "decoder_logits", Towers::decoder_logits(t, rows));
  }
};

template <class Loss>
struct watched_loss : Loss {
  watched_loss(Loss loss) : Loss(std::move(loss)) {}  // NOLINT(google-explicit-constructor): stands for it

  template <class Towers>
  struct head_type : Loss::template head_type<Towers> {
    using base = typename Loss::template head_type<Towers>;
    using B = typename Towers::backend_type;
    explicit head_type(const watched_loss& loss) : base(static_cast<const Loss&>(loss)) {}

    template <class T, class X>
    auto image(T& t, const X& rows) const {
      return watch<B>::see(t, "image_feature", base::image(t, rows));
    }
    template <class T, class X>
    auto text(T& t, const X& rows) const {
      return watch<B>::see(t, "text_feature", base::text(t, rows));
    }
    template <class T, class X>
    auto forward(T& t, const X& rows) const {
      return watch<B>::see(t, std::string(Loss::name) + ".logits", base::forward(t, rows));
    }
  };
};

template <class Model>
struct watched_model;
template <class Towers, class... Losses>
struct watched_model<blip::vision_language_model<Towers, Losses...>> {
  using type = blip::vision_language_model<watched_towers<Towers>, watched_loss<Losses>...>;
};
// The same model, watched.
template <class Model>
using watched = typename watched_model<Model>::type;

// Of padded values [n, length, width] the rows that have a label.
inline std::vector<double> labelled_rows(const std::vector<double>& x, const std::vector<int>& labels) {
  const std::size_t width = x.size() / labels.size();
  std::vector<double> out;
  for (std::size_t r = 0; r < labels.size(); ++r)
    if (labels[r] >= 0)
      out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(r * width),
                 x.begin() + static_cast<std::ptrdiff_t>((r + 1) * width));
  return out;
}

}  // namespace golden
