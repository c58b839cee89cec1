// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "blip/core/initialise.hpp"
#include "blip/losses/examples.hpp"
#include "blip/losses/needs.hpp"
#include "blip/losses/tower_pass.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

template <class Need, class Towers, class Provided>
consteval bool met() {
  if constexpr (std::same_as<Need, need::image_states> || std::same_as<Need, need::class_states>) return Towers::has_vision;
  else if constexpr (std::same_as<Need, need::text_states> || std::same_as<Need, need::feature_states> ||
                     std::same_as<Need, need::states_to_fuse>)
    return Towers::has_text;
  else if constexpr (std::same_as<Need, need::fusion>) return Towers::has_fusion && !Towers::reads_pairs;
  else if constexpr (std::same_as<Need, need::pairs> || std::same_as<Need, need::chosen_pairs>)
    return Towers::has_fusion && Towers::reads_pairs;
  else if constexpr (std::same_as<Need, need::momentum_fusion>) return Towers::has_fusion;
  else if constexpr (std::same_as<Need, need::masked_words>) return Towers::has_masked_words;
  else if constexpr (std::same_as<Need, need::decoder>) return Towers::has_decoder;
  else if constexpr (std::same_as<Need, need::averaged_decoder>) return Towers::averages_decoder;
  else if constexpr (std::same_as<Need, need::momentum>) return true;
  else return contains<Need, Provided>;
}
template <class Towers, class Provided, class... Need>
consteval bool all_met(type_list<Need...>) {
  const auto one = []<class N>(type_list<N>) {
    constexpr bool ok = met<N, Towers, Provided>();
    if constexpr (!ok) N::template require<ok>();
    return ok;
  };
  return (one(type_list<Need>{}) && ...);
}
template <class Towers, class Provided>
consteval bool losses_fit() {
  return true;
}
template <class Towers, class Provided, class First, class... Rest>
consteval bool losses_fit() {
  constexpr bool ok = all_met<Towers, Provided>(typename First::needs{});
  if constexpr (ok)
    return losses_fit<Towers, typename joined_lists<Provided, typename First::provides>::type, Rest...>();
  return false;
}

}  // namespace detail

// Pictures of a step, normalised, in back-end memory that outlives it.
template <class B>
struct picture_batch {
  const typename B::scalar* pixels = nullptr;
  int count = 0, channels = 3, height = 0, width = 0;
};

// What changes from step to step but is no weight.
template <class B>
struct step_settings {
  double alpha = 0;                  // weight of the momentum model's distributions in the targets
  bool momentum_stochastic = true;   // dropout in the momentum model's pass, where the online pass has it
  communicator<B>* ranks = nullptr;  // null: this process alone
  const step_observer<B>* observe = nullptr;
};

template <class T, std::size_t N>
struct step_losses {
  var<T, 1> total;                  // their sum
  std::array<var<T, 1>, N> parts;   // in the order of the losses
};

// Towers and losses as one model. Each loss says what it needs; the model computes the union once, gives it to the losses
// in their order, and adds them up. ALBEF, BLIP, CLIP and others are lists of losses (see blip/models/albef.hpp, blip.hpp).
// A model is structure only: values, gradients and the momentum copy are arenas (blip/train/training_state.hpp).
template <class Towers, class... Losses>
class vision_language_model {
  static_assert(detail::losses_fit<Towers, type_list<>, Losses...>());

 public:
  using B = typename Towers::backend_type;
  using backend_type = B;
  using towers_type = Towers;
  static constexpr std::size_t loss_count = sizeof...(Losses);
  static constexpr std::array<std::string_view, loss_count> loss_names{Losses::name...};
  template <class Need>
  static constexpr bool needs = (contains<Need, typename Losses::needs> || ...);
  static constexpr int pictures_per_text = needs<need::pairs> ? 2 : 1;
  static constexpr bool has_momentum = needs<need::momentum> || needs<need::momentum_fusion>;

  template <class O>
  explicit vision_language_model(const O& options, Losses... losses)
      : towers_(options), losses_(std::move(losses)...), heads_(std::apply([](const auto&... l) {
          return std::tuple<typename Losses::template head_type<Towers>...>(typename Losses::template head_type<Towers>(l)...);
        }, losses_)) {}

  // A step's input: what the towers read, and what each loss made of the examples.
  struct batch {
    picture_batch<B> pictures;
    text_batch<B> texts;
    buffer<B, int> class_rows;
    buffer<B, int> picture_streams;  // where they draw their random numbers; empty: 0, 1, ...
    int first = 0;                   // number of the first text among those of all ranks
    std::tuple<typename Losses::template data<B>...> data;
  };
  // Checks the examples and copies them to the back end. On rank r of several, at.first is r times the texts of a batch.
  // Throws shape_error.
  batch prepare(const picture_batch<B>& pictures, const examples& e, const example_site& at = {}) const;

  // The momentum copy and what the losses carry from step to step.
  struct state {
    arena<B> momentum;  // of the averaged parameters; empty when no loss needs it
    std::tuple<typename Losses::template state<B>...> losses;

    void commit() { std::apply([](auto&... s) { (s.commit(), ...); }, losses); }
    void discard() { std::apply([](auto&... s) { (s.discard(), ...); }, losses); }
  };
  // The momentum copy starts as a copy of `values`.
  state make_state(const arena<B>& values, std::uint64_t seed);

  // What a step begins with: temperatures return to their range. Writes `values`.
  void begin(device<B>& d, arena<B>& values) const {
    each([&](const auto& loss, const auto& head) { loss.begin(d, values, head); });
  }

  // The losses of a batch on tape `t`; total.backward fills the gradients. New queue entries enter with state.commit().
  // With several ranks every one has its own part of the losses, whose mean over the ranks counts. Throws
  // distributed_error when ranks disagree about the sizes of a batch.
  template <class T>
  step_losses<T, loss_count> loss(T& t, state& s, const batch& b, const step_settings<B>& o = {}) const;

  const Towers& towers() const { return towers_; }
  template <std::size_t I>
  auto& loss_at() {
    return std::get<I>(losses_);
  }
  template <std::size_t I>
  const auto& loss_at() const {
    return std::get<I>(losses_);
  }
  template <std::size_t I>
  const auto& head_at() const {
    return std::get<I>(heads_);
  }
  int vocabulary() const { return towers_.vocabulary(); }

  // The averaged parameters come first, so that the momentum copy is the beginning of an arena.
  template <class Self, class F>
  static void averaged(Self& self, F&& f) {
    Towers::averaged(self.towers_, f);
    std::apply([&](auto&... head) { (std::remove_cvref_t<decltype(head)>::averaged(head, f), ...); }, self.heads_);
  }
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    averaged(self, f);
    Towers::others(self.towers_, f);
    std::apply([&](auto&... head) { (std::remove_cvref_t<decltype(head)>::others(head, f), ...); }, self.heads_);
  }
  static void ties(vision_language_model& self, arena_layout& layout) { Towers::ties(self.towers_, layout); }

 private:
  template <class F>
  void each(F f) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::get<I>(losses_), std::get<I>(heads_)), ...);
    }(std::index_sequence_for<Losses...>{});
  }
  // Whole: whether all rows of the pictures are read, or their class rows alone.
  template <bool Whole, class P>
  void run_towers(P& pass, const batch& b) const;
  // What the encoder's texts read of the pictures.
  template <class P>
  auto read_pictures(P& pass) const {
    if constexpr (needs<need::pairs>)
      return towers_.project_pairs(pass.tape, pass.images);
    else
      return towers_.project(pass.tape, pass.images);
  }

  Towers towers_;
  std::tuple<Losses...> losses_;
  std::tuple<typename Losses::template head_type<Towers>...> heads_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/models/vision_language_model-inl.hpp"
