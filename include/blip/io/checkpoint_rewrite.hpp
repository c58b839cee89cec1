// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/io/name_pattern.hpp"

namespace blip::inline BLIP_ABI {

// How a model finds its parameters in a checkpoint of another task.
enum class checkpoint_rewrite {
  automatic,       // what the names ask for
  none,            // as they are called
  albef_pairs,     // each layer with cross-attention twice: ALBEF's pre-training to its text assignment and NLVR2
  albef_answerer,  // the decoder from the encoder's layers with cross-attention: ALBEF's pre-training to its VQA
};

namespace detail {

struct rewrite_rule {
  std::string_view ours, theirs;
};

// These never lead astray, because a file has only one of the two names. A file of ALBEF's pre-training has a word
// head, hence one more level; a layer that reads two pictures starts with one and the same cross-attention for both.
inline constexpr std::array<rewrite_rule, 8> harmless_rewrites{{
    {"text_encoder.bert.*", "text_encoder.*"},
    {"text_encoder.*", "text_encoder.bert.*"},
    {"*.crossattention.self0.*", "*.crossattention.self.*"},
    {"*.crossattention.self1.*", "*.crossattention.self.*"},
    {"*.crossattention.output.dense0.*", "*.crossattention.output.dense.*"},
    {"*.crossattention.output.dense1.*", "*.crossattention.output.dense.*"},
    {"text_decoder.bert.*", "text_decoder.*"},
    {"text_decoder.*", "text_decoder.bert.*"},
}};

// The number of a layer, at most what any model has: sums of what a hostile file says must not overflow.
inline int number_in(std::string_view digits) {
  int n = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), n);
  return std::min(n, 1 << 20);
}

// The layers of a text encoder by its names: how many, and the first with cross-attention (-1: none).
struct encoder_shape {
  int layers = 0, cross_from = -1;
};
inline encoder_shape encoder_of(std::span<const std::string> names) {
  encoder_shape s;
  for (const std::string& name : names)
    for (const std::string_view pattern : {"text_encoder.encoder.layer.#.*", "text_encoder.bert.encoder.layer.#.*"}) {
      const auto found = match_name(pattern, name);
      if (!found) continue;
      const int layer = number_in(found->texts[0]);
      s.layers = std::max(s.layers, layer + 1);
      if (found->texts[1].starts_with("crossattention.") && (s.cross_from < 0 || layer < s.cross_from))
        s.cross_from = layer;
    }
  return s;
}
inline bool any_starts_with(std::span<const std::string> names, std::string_view part) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return n.starts_with(part); });
}

}  // namespace detail

// A rewrite as it applies to one file and one model.
struct rewrite_plan {
  checkpoint_rewrite kind = checkpoint_rewrite::none;
  int cross_from = 0;  // the file's first layer with cross-attention
};

// What the names of a model and of a file ask for, both in the official form. ALBEF's pairs have as many layers more
// than the file as the file has with cross-attention; an answerer finds no decoder.
[[gnu::cold]] inline rewrite_plan plan_rewrite(checkpoint_rewrite asked, std::span<const std::string> ours,
                                               std::span<const std::string> theirs) {
  const detail::encoder_shape model = detail::encoder_of(ours), file = detail::encoder_of(theirs);
  const int from = std::max(file.cross_from, 0);
  if (asked != checkpoint_rewrite::automatic) return {asked, from};
  if (file.cross_from > 0 && model.layers == 2 * file.layers - file.cross_from)
    return {checkpoint_rewrite::albef_pairs, from};
  if (file.cross_from > 0 && detail::any_starts_with(ours, "text_decoder.") &&
      !detail::any_starts_with(theirs, "text_decoder."))
    return {checkpoint_rewrite::albef_answerer, from};
  return {checkpoint_rewrite::none, from};
}

// The official names under which a parameter may be found, the likeliest first. Sources: `Pretrain_nlvr.py`, `NLVR.py`,
// `VQA.py`, `Retrieval.py` of ALBEF; `blip_nlvr.py` of BLIP.
[[gnu::cold]] inline std::vector<std::string> names_to_try(const rewrite_plan& plan, std::string_view ours) {
  std::vector<std::string> all{std::string(ours)};
  const auto layer_of = [](std::string_view pattern, std::string_view name, auto layer) {
    auto found = match_name(pattern, name);
    if (!found) return std::string(name);
    const std::string number = std::to_string(layer(detail::number_in(found->texts[0])));
    found->texts[0] = number;
    return fill_name(pattern, *found);
  };
  if (plan.kind == checkpoint_rewrite::albef_pairs) {
    const int first = plan.cross_from;
    const auto halved = [first](int l) { return l < first ? l : first + (l - first) / 2; };
    all[0] = layer_of("text_encoder.encoder.layer.#.*", all[0], halved);
    all[0] = layer_of("text_encoder.bert.encoder.layer.#.*", all[0], halved);
  } else if (plan.kind == checkpoint_rewrite::albef_answerer) {
    if (auto name = rename_by("text_decoder.*", "text_encoder.*", all[0])) {
      const auto later = [&](int l) { return l + plan.cross_from; };
      all[0] = layer_of("text_encoder.bert.encoder.layer.#.*", *name, later);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const detail::rewrite_rule& rule : detail::harmless_rewrites)
      if (auto name = rename_by(rule.ours, rule.theirs, all[i]);
          name && std::find(all.begin(), all.end(), *name) == all.end() && name->find(".bert.bert.") == name->npos)
        all.push_back(std::move(*name));
  return all;
}

// The name that the published checkpoints give to the momentum copy of a parameter: vision_proj_m.weight.
inline std::string momentum_copy_name(std::string_view name) {
  const std::size_t end = std::min(name.find('.'), name.size());
  return std::string(name.substr(0, end)) + "_m" + std::string(name.substr(end));
}

}  // namespace blip::inline BLIP_ABI
