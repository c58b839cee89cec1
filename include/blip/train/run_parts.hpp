// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/optim/adamw.hpp"
#include "blip/train/training_state.hpp"

namespace blip::inline BLIP_ABI {

enum class part_memory { host, back_end };

// A stretch of memory that a run changes, under the name of its file in a checkpoint.
struct run_part {
  std::string name;
  void* data;
  std::size_t bytes;
  part_memory where;
};

namespace detail {

// Rings of features with their ids and the place of the next one (see itc).
template <class S>
concept holds_queues = requires(S& s) {
  s.images.rows().data();
  s.texts.rows().data();
  s.ids.data();
  { s.cursor } -> std::same_as<std::int64_t&>;
};

// f(name, buffer or number) for what the state of a loss keeps from step to step. A state of one's own that is not empty
// says so in `static void kept(Self& self, F&& f)`.
template <class S, class F>
void each_kept(S& s, F&& f) {
  constexpr bool says = requires { S::kept(s, f); };
  static_assert(says || holds_queues<S> || std::is_empty_v<S>,
                "blip::run_parts: a loss has a state, but no `static void kept(Self& self, F&& f)` that calls f(name, part) "
                "for each part to save");
  if constexpr (says) {
    S::kept(s, f);
  } else if constexpr (holds_queues<S>) {
    f("images", s.images.rows()), f("texts", s.texts.rows()), f("ids", s.ids), f("cursor", s.cursor);
  }
}

}  // namespace detail

// All memory that a run changes from step to step: parameters, moments and their step counts, the momentum copy, what
// losses keep (`itc.0.images`: of loss number 0). The same model has the same parts in the same order.
template <class Model, class B = typename Model::backend_type>
std::vector<run_part> run_parts(training_state<Model>& state, adamw<B>& optimiser) {
  std::vector<run_part> parts;
  const auto keep = [&]<class P>(std::string name, P& p) {
    if constexpr (requires { p.data(), p.bytes(); }) {
      parts.push_back({std::move(name), p.data(), p.bytes(), part_memory::back_end});
    } else {
      static_assert(std::is_trivially_copyable_v<P>, "blip::run_parts: a part is a buffer or a plain value");
      parts.push_back({std::move(name), &p, sizeof p, part_memory::host});
    }
  };
  keep("values", state.values());
  keep("first_moment", optimiser.first_moment());
  keep("second_moment", optimiser.second_moment());
  auto& counts = optimiser.steps();
  parts.push_back({"moment_steps", counts.data(), counts.size() * sizeof counts[0], part_memory::host});
  keep("momentum", state.carried().momentum);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (detail::each_kept(std::get<I>(state.carried().losses),
                       [&](std::string_view name, auto& part) {
                         keep(std::string(Model::loss_names[I]) + "." + std::to_string(I) + "." + std::string(name), part);
                       }),
     ...);
  }(std::make_index_sequence<Model::loss_count>{});
  return parts;
}

}  // namespace blip::inline BLIP_ABI
