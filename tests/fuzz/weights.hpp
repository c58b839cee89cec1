// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "blip/backend/reference.hpp"
#include "blip/io/describe_weights.hpp"
#include "blip/io/load_weights.hpp"
#include "fuzz/target.hpp"

namespace blip_test {

// What readers of weights may ask for in these tests; the factors between input and memory stay what they are.
inline blip::limits small_limits() {
  blip::limits l;
  l.tensor_bytes = 8u << 20, l.inflated_bytes = 1u << 20, l.repeated_bytes = 1u << 14;
  return l;
}

// A model of a few parameters whose names are of all the kinds that loading treats in ways of their own.
struct watched_model {
  blip::parameter table{12, 4}, positions = blip::parameter(10, 4).stored_as({1, 10, 4}, 3), weight{4, 6, true}, bias{4};

  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("text_encoder.embeddings.word_embeddings.weight", s.table);
    f("visual_encoder.blocks.0.attn.proj.weight", s.weight), f("visual_encoder.blocks.0.attn.proj.bias", s.bias);
    f("visual_encoder.pos_embed", s.positions);
  }
};

// Loads a file into a model: all of it, or nothing changes.
inline void load_or_leave(const blip::weights_file& file, const blip::load_options& options) {
  using B = blip::reference<float>;
  static watched_model model;
  static const auto layout = [] {
    auto l = std::make_shared<blip::arena_layout>();
    l->place("", model);
    return l;
  }();
  blip::arena<B> values(layout);
  std::fill_n(values.data(), values.size(), 7.f);
  try {
    look_at(blip::load_weights(file, values, options).path);
  } catch (const blip::error&) {
    if (std::any_of(values.data(), values.data() + values.size(), [](float v) { return v != 7.f; }))
      throw std::logic_error("a model that is half loaded");
    throw;
  }
}

// Opens a file of weights of any kind and does with it what users do.
inline void use_weights(const std::string& path) {
  const blip::weights_file file(path, small_limits());
  for (const auto& t : file.tensors()) {
    look_at(file.read<double>(t));
    const auto bytes = file.bytes(t);
    if (bytes.size() != t.elements() * blip::describe(t.type).bytes) throw std::logic_error("bytes of another number");
    look_at(bytes);
  }
  look_at(blip::to_text(blip::describe_weights(file)));
  const blip::load_options tolerant{.keep_missing = true, .keep_mismatched = true, .ignore_unexpected = true};
  for (const auto& options : {blip::initial_weights(), tolerant, blip::load_options{}})
    unless_refused([&] { load_or_leave(file, options); });
}

}  // namespace blip_test
