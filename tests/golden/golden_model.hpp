// SPDX-License-Identifier: Apache-2.0
#pragma once

// Golden cases of whole models: the sizes of a case as configurations, its state loaded, its results compared.
#include <map>

#include "blip/io/checkpoint_rewrite.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/train/training_state.hpp"
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the case's case.json

namespace golden {

namespace c = blip_golden;
constexpr bool albef = c::family == std::string_view("albef");

// The numbers that the two families' cases call by different names.
constexpr blip::vit_config vision{.width = c::vision_width, .heads = c::vision_heads, .hidden = albef ? c::vision_mlp_ratio * c::vision_width : c::vision_mlp_hidden,
                                  .patch = c::patch_size};
inline constexpr blip::vit_options vision_options{.depth = c::vision_depth, .image_height = c::image_size,
                                                  .image_width = c::image_size};
constexpr blip::text_config encoder{
    .width = c::text_hidden, .heads = c::text_heads, .hidden = c::text_intermediate, .context = c::vision_width,
    .cross = albef ? blip::cross_schedule::from_layer : blip::cross_schedule::all};
inline constexpr blip::text_options encoder_options{
    .layers = c::text_layers, .cross_from = c::text_fusion_layer,
    .embedding = {.vocabulary = albef ? c::text_vocab_size : c::vocab_size,
                  .positions = albef ? c::text_max_positions : c::max_positions,
                  .token_types = c::text_type_vocab_size}};

// Ids padded to [n, length] with a mask, as texts.
inline std::vector<std::vector<int>> texts_of(const std::vector<int>& ids, const std::vector<int>& mask, std::size_t n) {
  std::vector<std::vector<int>> out(n);
  const std::size_t length = ids.size() / n;
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (mask[i]) out[i / length].push_back(ids[i]);
  return out;
}

// The key of a run's result: what equals the first run's is stored there only.
template <class S>
std::string key_of(const test_case<S>& g, const std::string& run, const std::string& first, const std::string& name) {
  return g.expected.has(run + name) ? run + name : first + name;
}

// Of padded values [n, length, width] the rows that predict a word, which is in `labels` [n, length] one place later.
inline std::vector<double> predicting_rows(const std::vector<double>& x, const std::vector<int>& labels, std::size_t n) {
  const std::size_t length = labels.size() / n, width = x.size() / labels.size();
  std::vector<double> out;
  for (std::size_t r = 0; r + 1 < labels.size(); ++r)
    if ((r + 1) % length != 0 && labels[r + 1] >= 0)
      out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(r * width),
                 x.begin() + static_cast<std::ptrdiff_t>((r + 1) * width));
  return out;
}

// Pictures on a tape.
template <class T, class B = typename T::backend_type>
blip::images<T> images_of(T& t, const blip::picture_batch<B>& p) {
  return {t.input(rows_of(p.pixels, p.count, p.channels * p.height * p.width)), p.channels, p.height, p.width};
}

// What the text tower gives by itself: a step asks for all rows only where fusion carries them on.
template <class M, class B>
std::vector<typename B::scalar> text_states(blip::device<B>& d, const M& model, const blip::arena<B>& values,
                                            const blip::text_batch<B>& texts) {
  blip::inference_tape<B> t(d, values);
  return blip::to_host(model.towers().text(t, texts.ids(), texts.layout()));
}

// The same of the vision tower: a momentum model is asked for class rows only where nothing else reads its pictures.
template <class M, class B>
std::vector<typename B::scalar> image_states(blip::device<B>& d, const M& model, const blip::arena<B>& values,
                                             const blip::picture_batch<B>& pictures) {
  blip::inference_tape<B> t(d, values);
  return blip::to_host(model.towers().images(t, images_of(t, pictures)).rows);
}

// Collects what a step shows, to be compared by name.
template <class B>
struct shown {
  std::map<std::string, std::vector<typename B::scalar>> values{};
  void operator()(std::string_view name, const blip::matrix_view<const typename B::scalar>& x) {
    blip::matrix_view<const typename B::scalar> used = x;
    used.rows = x.live_rows();  // both back ends of these tests are in host memory
    values[std::string(name)] = blip::to_host<B>(used);
  }
};

// Reads parameters, momentum copy and queues from the tensors of `from` under `prefix`; `weights` supplies what a step
// does not store again.
template <class M, class S>
void load_state(blip::training_state<M>& state, const stored& from, const std::string& prefix = "") {
  for (const auto& n : state.values().layout()->names()) {
    if (!from.has(prefix + n.text)) continue;
    const auto v = from.template read<double>(prefix + n.text);
    state.values().template write<double>(n.text, std::span<const double>(v));
  }
  if constexpr (M::has_momentum)
    for (const auto& n : state.values().layout()->names()) {
      const std::string name = prefix + blip::momentum_copy_name(n.text);
      if (!from.has(name)) continue;
      const auto v = from.template read<double>(name);
      state.carried().momentum.template write<double>(n.text, std::span<const double>(v));
    }
}

template <class B>
std::vector<typename B::scalar> transposed(const std::vector<double>& columns, int size, int width) {
  std::vector<typename B::scalar> rows(columns.size());
  for (int r = 0; r < size; ++r)
    for (int i = 0; i < width; ++i)
      rows[static_cast<std::size_t>(r * width + i)] =
          static_cast<typename B::scalar>(columns[static_cast<std::size_t>(i * size + r)]);
  return rows;
}

template <class B, class Q>
void load_queues(Q& queue, const stored& from, const std::string& prefix, const std::string& pointer, int size, int width) {
  queue.images.rows().write(transposed<B>(from.template read<double>(prefix + "image_queue"), size, width));
  queue.texts.rows().write(transposed<B>(from.template read<double>(prefix + "text_queue"), size, width));
  if (from.has(prefix + "idx_queue")) queue.ids.write(from.template read<int>(prefix + "idx_queue"));
  queue.cursor = from.template read<int>(prefix + pointer)[0];
}

// Momentum copy and queues after a step.
template <class M, class S>
void compare_carried(const test_case<S>& g, blip::training_state<M>& state, const std::string& run) {
  int compared = 0;
  if constexpr (M::has_momentum)
    for (const auto& n : state.values().layout()->names()) {
      const std::string key = run + "after." + blip::momentum_copy_name(n.text);
      if (!g.expected.has(key)) continue;
      g.compare(key, state.carried().momentum.read(n.text), "after_momentum_and_queues"), ++compared;
    }
  int stored_copies = 0;
  for (const auto& name : g.expected.names())
    stored_copies += name.starts_with(run + "after.") && name.find("_m.") != name.npos;
  CHECK(compared == stored_copies);
}
template <class B, class S, class Q>
void compare_queues(const test_case<S>& g, Q& queue, const std::string& run, const std::string& pointer) {
  const int size = queue.images.size(), width = queue.images.width();
  const auto want = [&](const char* name) {
    std::vector<double> rows;
    for (const auto v : transposed<blip::reference<double>>(g.expected.template read<double>(run + name), size, width)) rows.push_back(v);
    return rows;
  };
  const char* const kind = albef ? "after_queues" : "after_momentum_and_queues";
  g.compare("image_queue", queue.images.rows().to_host(), want("after.image_queue"), kind);
  g.compare("text_queue", queue.texts.rows().to_host(), want("after.text_queue"), kind);
  CHECK(queue.cursor % size == g.expected.template read<int>(run + "after." + pointer)[0]);
  if (g.expected.has(run + "after.idx_queue"))
    CHECK(queue.ids.to_host() == g.expected.template read<int>(run + "after.idx_queue"));
}

// Parameters after an optimiser step that was fed the stored gradients: 1e-6 wherever these are not noise.
template <class B, class S>
void compare_after(const test_case<S>& g, const blip::arena<B>& values, const std::string& run, double rate) {
  for (const auto& n : values.layout()->names()) {
    const std::string key = run + "after." + n.text, slope = run + "grad." + n.text;
    if (!g.expected.has(key) || !g.expected.has(slope)) continue;
    const auto want = g.expected.template read<double>(key), gradient = g.expected.template read<double>(slope);
    const auto got = values.read(n.text);
    double worst = 0, worst_noise = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double off = std::abs(static_cast<double>(got[i]) - want[i]);
      (std::abs(gradient[i]) >= 1e-6 ? worst : worst_noise) = std::max(std::abs(gradient[i]) >= 1e-6 ? worst : worst_noise, off);
    }
    INFO(key);
    CHECK(worst <= 1e-6);
    CHECK(worst_noise <= 2.2 * rate);
  }
}

inline const char* const name_of_negative_images = albef ? "negatives.image_for_text" : "neg_image_index";
inline const char* const name_of_negative_texts = albef ? "negatives.text_for_image" : "neg_text_index";

// The optimiser as the case states it; a learning rate of 0: the run has no optimiser step.
template <class S>
double weight_decay(const test_case<S>& g) {
  return albef ? g.number_at("/optimizer/weight_decay", 0) : g.number_at("/configuration/weight_decay", 0);
}
template <class S>
double learning_rate(const test_case<S>& g, int step) {
  if (albef) return g.number_at("/optimizer/lr", 0);
  return g.number_at("/configuration/lr/" + std::to_string(step), g.number_at("/configuration/lr", 0));
}
// Weight of the momentum model's distribution in run or step number `run`.
template <class S>
double alpha(const test_case<S>& g, int run) {
  const std::string n = std::to_string(run);
  return g.number_at("/runs/" + n + "/alpha", g.number_at("/configuration/alpha/" + n, g.number_at("/configuration/alpha", 0)));
}
// BLIP decays everything, ALBEF neither vectors nor biases.
template <class B>
void decay_as_published(blip::adamw<B>& optimiser, const blip::arena_layout& layout, double decay) {
  for (std::size_t i = 0; i < layout.entries().size(); ++i) {
    const auto& e = layout.entries()[i];
    optimiser.decay(static_cast<int>(i), albef && (e.rank == 1 || e.name.ends_with(".bias")) ? 0.0 : decay);
  }
}
// The moments after the first step: m = 0.1 g, v = 0.001 g^2.
template <class B, class S>
void load_moments(const test_case<S>& g, blip::adamw<B>& optimiser, const std::string& run) {
  for (const auto& n : optimiser.first_moment().layout()->names()) {
    if (!g.expected.has(run + "grad." + n.text)) continue;
    auto first = g.expected.template read<double>(run + "grad." + n.text), second = first;
    for (std::size_t i = 0; i < first.size(); ++i) second[i] = 0.001 * first[i] * first[i], first[i] *= 0.1;
    optimiser.first_moment().template write<double>(n.text, std::span<const double>(first));
    optimiser.second_moment().template write<double>(n.text, std::span<const double>(second));
    optimiser.steps()[static_cast<std::size_t>(n.entry)] = 1;
  }
}

// Replaces gradients by the stored ones, so that the optimiser is tested alone.
template <class B, class S>
void feed_gradients(const test_case<S>& g, blip::gradients<B>& gradients, const std::string& run) {
  for (const auto& n : gradients.values().layout()->names())
    if (g.expected.has(run + "grad." + n.text)) {
      const auto v = g.expected.template read<double>(run + "grad." + n.text);
      gradients.values().template write<double>(n.text, std::span<const double>(v));
    }
}

}  // namespace golden
