// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "blip/core/philox.hpp"
#include "blip/generate/grow_texts.hpp"
#include "blip/generate/token_distribution.hpp"

namespace blip::inline BLIP_ABI {

struct sampling_options {
  token_filter filter{};
  int samples = 1;  // texts of each prompt
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> streams{};  // of each prompt, its picture's number in a data set say; empty: 0, 1, 2, ...
};

// Texts drawn token by token from the model's distribution, as the filter leaves it. A draw is addressed by seed,
// stream, sample and number of the token, so a text depends on nothing else: neither on its batch nor on how many
// samples it has.
template <next_token_model M>
generated_texts sample(M& model, std::span<const std::vector<int>> prompts, const token_rules& rules = {},
                       const sampling_options& options = {}, generation_observer observe = unobserved) {
  options.filter.check();
  if (options.samples < 1)
    throw config_error({"sampling_options: samples", "at least 1", std::to_string(options.samples), {}});
  if (!options.streams.empty())
    require_equal("sampling_options", "number of streams", static_cast<long long>(options.streams.size()),
                  static_cast<long long>(prompts.size()));
  token_distribution distribution;
  return grow_texts(
      model, prompts, options.samples, rules, observe, options.filter.top_k,
      [&](const growing_text& text, const row_scores<M>& scores) {
        distribution.of(scores.scores(), options.filter, scores.tokens());
        const auto s = static_cast<std::uint32_t>(text.sequence);
        const random_site site{options.seed, nullptr, mix(0x746f6b65u, static_cast<std::uint32_t>(text.sample))};
        const philox_counter word =
            site.block(options.streams.empty() ? s : options.streams[s], static_cast<std::uint32_t>(text.made()), 0);
        const std::uint64_t bits = std::uint64_t{word[0]} << 32 | word[1];
        return distribution.at(static_cast<double>(bits >> 11) * 0x1p-53);
      });
}

}  // namespace blip::inline BLIP_ABI
