// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "blip/core/require_agreement.hpp"
#include "blip/models/vision_language_model.hpp"
#include "blip/ops/gather_rows.hpp"
#include "blip/ops/residual.hpp"

namespace blip::inline BLIP_ABI {

template <class Towers, class... Losses>
auto vision_language_model<Towers, Losses...>::prepare(const picture_batch<B>& pictures, const examples& e,
                                                       const example_site& at) const -> batch {
  std::vector<int> class_rows, streams;
  if constexpr (Towers::has_vision) {
    const int rows = towers_.image_layout(pictures.count, pictures.height, pictures.width).step;
    for (int i = 0; i < pictures.count; ++i) class_rows.push_back(i * rows);
    require_equal("vision_language_model: prepare", "pictures", pictures.count, pictures_per_text * std::ssize(e.texts));
    const int texts = static_cast<int>(e.texts.size());
    if (pictures_per_text > 1 || at.first > 0)
      for (int i = 0; i < pictures.count; ++i) streams.push_back(pictures_per_text * (at.first + i % texts) + i / texts);
  }
  return {pictures, text_batch<B>(e.texts, vocabulary(), -1, at.first), buffer<B, int>(std::span<const int>(class_rows)),
          buffer<B, int>(std::span<const int>(streams)), at.first,
          std::apply([&](const auto&... l) { return std::tuple(l.template prepare<B>(e, vocabulary(), at)...); }, losses_)};
}

template <class Towers, class... Losses>
auto vision_language_model<Towers, Losses...>::make_state(const arena<B>& values, std::uint64_t seed) -> state {
  state s{{}, std::apply([&](const auto&... l) { return std::tuple(l.template make_state<B>(seed)...); }, losses_)};
  if constexpr (has_momentum) {
    std::int64_t end = 0;
    averaged(*this, [&](std::string_view name, auto& m) {
      walk(m, name, [&](std::string_view, const parameter_rows& r, bool) {
        end = std::max(end, r.whole.offset() + (r.whole.size() + 15) / 16 * 16);
      });
    });
    s.momentum = arena<B>(values.layout(), end);
    memory<B>::copy(s.momentum.data(), values.data(), static_cast<std::size_t>(end) * sizeof(typename B::scalar));
  }
  return s;
}

// The union of what the losses need, each once.
template <class Towers, class... Losses>
template <bool Whole, class P>
void vision_language_model<Towers, Losses...>::run_towers(P& pass, const batch& b) const {
  auto& t = pass.tape;
  if constexpr (Towers::has_vision) {
    const picture_batch<B>& p = b.pictures;
    const int values = p.channels * p.height * p.width;
    const images<typename P::tape_type> pixels(t.input({p.pixels, p.count, values, values, nullptr}), p.channels, p.height,
                                               p.width, b.picture_streams.data());
    if constexpr (Whole) {
      pass.images = towers_.images(t, pixels);
      pass.show("image_states", pass.images.rows);
      if constexpr (needs<need::class_states>)
        pass.class_states = ops::gather_rows(t, pass.images.rows, pass.class_rows, p.count);
    } else {
      pass.class_states = towers_.class_states(t, pixels);
      pass.show("class_states", pass.class_states);
    }
  }
  if constexpr (needs<need::text_states> || (needs<need::states_to_fuse> && Towers::fuses_states)) {
    const auto scope = t.scoped("text");
    pass.text_states = towers_.text(t, pass.texts.ids(), pass.texts.layout());
    pass.show("text_states", pass.text_states);
    if constexpr (needs<need::feature_states>)
      pass.feature_states =
          ops::gather_rows(t, pass.text_states, towers_.feature_rows(pass.texts), pass.texts.layout().sequences);
  } else if constexpr (needs<need::feature_states>) {
    const auto scope = t.scoped("text");
    pass.feature_states = towers_.feature_states(t, pass.texts);
    pass.show("feature_states", pass.feature_states);
  }
}

template <class Towers, class... Losses>
template <class T>
auto vision_language_model<Towers, Losses...>::loss(T& t, state& s, const batch& b, const step_settings<B>& o) const
    -> step_losses<T, loss_count> {
  const auto ignore = [](std::string_view, const matrix_view<const typename B::scalar>&) {};
  const step_observer<B> observe = o.observe ? *o.observe : step_observer<B>(ignore);
  const auto observe_momentum = [&](std::string_view name, const matrix_view<const typename B::scalar>& x) {
    if (o.observe) observe("momentum." + std::string(name), x);
  };
  single_process<B> alone;
  communicator<B>& ranks = o.ranks ? *o.ranks : alone;
  if (ranks.ranks() > 1) {
    const int texts = b.texts.layout().sequences;
    require_agreement(ranks, "vision_language_model: loss",
                      {{"texts of a batch", texts}, {"pictures of a batch", b.pictures.count},
                       {"height of a picture", b.pictures.height}, {"width of a picture", b.pictures.width}});
    require_equal("vision_language_model: loss", "example_site::first of this rank's batch", b.first, ranks.rank() * texts);
  }

  using pass_type = tower_pass<T, Towers>;
  pass_type pass{t, towers_, b.texts, b.class_rows.data(), ranks, observe, o.alpha, b.first};
  run_towers<needs<need::image_states> || !needs<need::class_states>>(pass, b);
  if constexpr (needs<need::fusion> || needs<need::pairs> || needs<need::chosen_pairs>) pass.context = read_pictures(pass);
  if constexpr (needs<need::decoder> && Towers::decoder_reads_images)
    pass.decoder_context = towers_.decoder_reads(t, pass.images, pass.context);

  using momentum_type = typename pass_type::momentum_type;
  std::optional<inference_tape<B>> momentum_tape;
  std::optional<typename inference_tape<B>::scope_guard> momentum_scope;
  std::optional<momentum_type> momentum;
  // Features of the momentum model are keys of the contrast whatever alpha is; all else it is asked for is weighed by alpha.
  const bool averages = needs<need::momentum> || (needs<need::momentum_fusion> && o.alpha > 0);
  if constexpr (has_momentum)
    if (averages) {
      tape_options options = t.options();
      options.stochastic = options.stochastic && o.momentum_stochastic;
      momentum_tape.emplace(t.device(), s.momentum, options);
      momentum.emplace(momentum_type{*momentum_tape, towers_, b.texts, b.class_rows.data(), ranks, observe_momentum, o.alpha,
                                     b.first});
      momentum_scope.emplace(*momentum_tape, "momentum");  // or it would draw the online pass's masks
      run_towers<needs<need::momentum_fusion> || !needs<need::class_states>>(*momentum, b);
      if constexpr (needs<need::momentum_fusion>)
        if (o.alpha > 0) momentum->context = read_pictures(*momentum);
      pass.momentum = &*momentum;
    }

  step_losses<T, loss_count> out;
  const auto run = [&]<std::size_t I>() {
    const auto& loss = std::get<I>(losses_);
    const auto scope = t.scoped(loss.name);
    std::optional<typename inference_tape<B>::scope_guard> loss_scope;
    if (averages) loss_scope.emplace(*momentum_tape, loss.name);
    out.parts[I] = loss.loss(pass, std::get<I>(heads_), std::get<I>(b.data), std::get<I>(s.losses));
    pass.show(loss.name, out.parts[I]);
    out.total = I == 0 ? out.parts[I] : ops::add(t, out.total, out.parts[I]);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) { (run.template operator()<I>(), ...); }(
      std::index_sequence_for<Losses...>{});
  return out;
}

}  // namespace blip::inline BLIP_ABI
