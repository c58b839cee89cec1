// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/generate/decoder_model.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/tasks/profile.hpp"
#include "blip/tasks/sampler.hpp"
#include "blip/tasks/seen_pictures.hpp"
#include "blip/text/wordpiece.hpp"

namespace blip::inline BLIP_ABI {

struct captioner_options {
  evaluation_view_options view{};
  std::string prompt{};              // "a picture of " is what BLIP's captioners were trained with
  blip::sampler how = sampler::beam;
  token_rules rules{};               // the stop id is the tokenizer's [SEP], whatever stands here
  beam_options beam{};
  token_filter filter{};             // of samples
  std::uint64_t seed = 0;            // of samples
  int samples = 1;                   // of each picture; of beams, `beam.best`
  int batch = 16;                    // pictures in one pass

  void follow(const profile_rules& r) { prompt = r.prompt, beam.rule = r.beams; }
};

// One text about a picture, best first where there are several.
struct caption_result {
  std::string text;  // without special tokens, the prompt included
  generated details;
};

// Describes pictures, for a model whose decoder reads them. Holds references: model and values must outlive it. Several
// threads may share one, each with a device of its own. A caption depends on its picture, and a sampled one on seed and
// stream as well, not on its batch. Source: BLIP `blip.py`, generate.
template <class Model>
class captioner {
  static_assert(Model::towers_type::decoder_reads_images,
                "blip::captioner: the model has no decoder that reads pictures");

 public:
  using B = typename Model::backend_type;

  [[gnu::cold]] captioner(const Model& model, const arena<B>& values, wordpiece tokens, captioner_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)), prompt_(tokens_.open(o_.prompt)) {
    if (o_.batch < 1) throw config_error({"captioner: batch", "1 or more", std::to_string(o_.batch), {}});
    prompt_[0] = tokens_.id("[DEC]");
    o_.rules.stop = tokens_.closing();
  }

  const captioner_options& options() const { return o_; }

  // The texts of each picture. `streams` number the pictures for the samples' random numbers, by their lower 32 bits;
  // none: 0, 1, 2, ... When `observe` gives false everything stops: texts are what they are by then, and pictures that
  // were not begun have none. Throws shape_error, config_error for options that contradict the model.
  std::vector<std::vector<caption_result>> operator()(device<B>& d, std::span<const image> pictures,
                                                      std::span<const std::uint64_t> streams = {},
                                                      generation_observer observe = unobserved) const {
    if (!streams.empty())
      require_equal("captioner", "streams", static_cast<long long>(streams.size()),
                    static_cast<long long>(pictures.size()));
    std::vector<std::vector<caption_result>> out;
    bool wanted = true;
    for (std::size_t at = 0; at < pictures.size() && wanted; at += static_cast<std::size_t>(o_.batch)) {
      const std::size_t n = std::min(pictures.size() - at, static_cast<std::size_t>(o_.batch));
      const auto told = [&](generation_progress p) {
        p.sequence += static_cast<int>(at);
        return wanted = observe(p);
      };
      for (const std::vector<generated>& texts : describe(d, pictures.subspan(at, n), streams_of(streams, at, n), told)) {
        std::vector<caption_result>& mine = out.emplace_back();
        for (const generated& g : texts) {
          std::vector<int> ids = prompt_;
          ids.insert(ids.end(), g.tokens.begin(), g.tokens.end());
          mine.push_back({tokens_.decode(ids), g});
        }
      }
    }
    out.resize(pictures.size());
    return out;
  }

 private:
  generated_texts describe(device<B>& d, std::span<const image> pictures, std::vector<std::uint32_t> streams,
                           generation_observer observe) const {
    inference_tape<B> t(d, values_);
    const seen_pictures seen(t, model_.towers(), pictures, o_.view);
    const auto& decoder = model_.towers().decoder();
    decoder_model next(t, decoder.text, decoder.head, decoder.text.project(t, seen.rows.rows, seen.rows.layout, true));
    const std::vector<std::vector<int>> prompts(pictures.size(), prompt_);
    return make_texts(next, prompts, o_, std::move(streams), observe);
  }

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  captioner_options o_;
  std::vector<int> prompt_;
};

}  // namespace blip::inline BLIP_ABI
