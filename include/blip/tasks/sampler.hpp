// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/generate/beam_search.hpp"
#include "blip/generate/greedy.hpp"
#include "blip/generate/sample.hpp"

namespace blip::inline BLIP_ABI {

// How a task makes its texts.
enum class sampler { greedy, beam, sample };
inline constexpr std::array<std::string_view, 3> sampler_names{"greedy", "beam", "sample"};

// The texts behind each prompt, made as the options of a task say it: `how`, `rules`, `beam` and, for samples, `filter`,
// `samples`, `seed`. `streams` as in sampling_options. Throws what the sampler throws.
template <next_token_model M, class Options>
generated_texts make_texts(M& model, std::span<const std::vector<int>> prompts, const Options& o,
                           std::vector<std::uint32_t> streams, generation_observer observe) {
  switch (o.how) {
    case sampler::greedy:
      return greedy(model, prompts, o.rules, observe);
    case sampler::beam:
      return beam_search(model, prompts, o.rules, o.beam, observe);
    case sampler::sample:
      break;
  }
  return sample(model, prompts, o.rules,
                {.filter = o.filter, .samples = o.samples, .seed = o.seed, .streams = std::move(streams)}, observe);
}

// The streams of inputs `first`, `first` + 1, ..., `count` of them: the lower 32 bits of those given; none given: the
// inputs' own numbers.
inline std::vector<std::uint32_t> streams_of(std::span<const std::uint64_t> given, std::size_t first,
                                             std::size_t count) {
  std::vector<std::uint32_t> out;
  for (std::size_t i = first; i < first + count; ++i)
    out.push_back(static_cast<std::uint32_t>(given.empty() ? i : given[i]));
  return out;
}

}  // namespace blip::inline BLIP_ABI
