// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/data/hash_of_name.hpp"
#include "blip/data/pair_stream.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/image/picture_site.hpp"
#include "blip/text/cleaning.hpp"
#include "blip/text/wordpiece.hpp"
#include "blip/train/batch_source.hpp"

namespace blip::inline BLIP_ABI {

// A stretch of a run that learns from one stream of pairs: a curriculum is several of them.
struct training_phase {
  std::shared_ptr<const pair_stream> pairs;
  std::int64_t steps = 0;  // the last phase has no end
};

// How a picture becomes a row of pixels [3 height width]; called by several threads at once.
using picture_view = std::function<void(const image&, std::span<float>, const picture_site&)>;

struct pair_batch_options {
  int batch = 32, micro_batches = 1;    // pairs of a micro-batch; micro-batches of a step
  int height = 224, width = 224;        // of what `view` makes
  picture_view view{};                  // required
  std::optional<cleaning> clean = cleaning::blip;  // none: captions as they are
  int words = 30;                       // of a caption, when it is cleaned
  int longest = 30;                     // tokens of a text, [CLS] and [SEP] included
  std::string prompt{};                 // in front of every caption
  bool alike_are_positives = false;     // pairs of one picture or of equal texts count as one (examples::image_ids)
  bool names_are_ids = false;           // examples::image_ids are hashes of pictures' names, so that a queue knows them
  int rank = 0, ranks = 1;              // whose batches; those of all ranks together are one of ranks x batch pairs
  std::uint64_t seed = 0;               // of the view, and of what losses draw on the host (masks)
  prefetch_options ahead{};
};

// Batches of picture and caption for a trainer. What step n sees is a function of n: micro-batch m of rank r begins at
// position ((n micro_batches + m) ranks + r) batch of the phase's stream. Pictures are decoded, and texts made to ids, ahead of time in other threads.
template <class Model>
class pair_batches {
 public:
  // Throws config_error for phases or sizes that cannot be used.
  pair_batches(std::vector<training_phase> phases, wordpiece tokens, pair_batch_options o)
      : phases_(std::move(phases)), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (phases_.empty() || o_.batch < 1 || o_.micro_batches < 1 || o_.height < 1 || o_.width < 1 || !o_.view ||
        o_.rank < 0 || o_.rank >= o_.ranks)
      throw config_error({"pair_batches: options",
                          "a phase, batches and pictures of sizes from 1 on, a view, a rank below ranks",
                          "others",
                          {}});
    for (const training_phase& p : phases_) {
      if (!p.pairs || p.steps < 0)
        throw config_error({"pair_batches: a phase",
                            "a stream and steps from 0 on",
                            p.pairs ? std::to_string(p.steps) : "no stream",
                            {}});
      if (static_cast<std::uint64_t>(o_.batch) % p.pairs->block() != 0)
        throw config_error({"pair_batches: batch",
                            "a multiple of the stream's block, " + std::to_string(p.pairs->block()),
                            std::to_string(o_.batch), "neighbours such as twins stay in one batch"});
    }
  }

  step_batches<Model> operator()(const Model& model, std::int64_t step) {
    if (!ahead_ || ahead_->position() != static_cast<std::uint64_t>(step)) {
      ahead_.reset();  // its threads end before new ones begin
      ahead_.emplace([this](std::uint64_t n) { return make(static_cast<std::int64_t>(n)); },
                     static_cast<std::uint64_t>(step), o_.ahead);
    }
    const host_step made = ahead_->next();
    step_batches<Model> out;
    // What losses draw differs between micro-batches: by the place, or, since models hold a rank to its own, by the seed.
    example_site at{.seed = o_.seed, .step = static_cast<std::uint64_t>(step), .first = o_.rank * o_.batch};
    for (const host_batch& b : made) {
      out.add(model, b.pixels, 3, o_.height, o_.width, b.texts, at);
      if (o_.ranks == 1)
        at.first += o_.batch;
      else
        at.seed += 0x9e3779b97f4a7c15u;
    }
    return out;
  }

 private:
  struct host_batch {
    std::vector<float> pixels;
    examples texts;
  };
  using host_step = std::vector<host_batch>;

  host_step make(std::int64_t step) const {
    const auto [phase, within] = find(step);
    const auto batch = static_cast<std::uint64_t>(o_.batch), of_all = batch * static_cast<std::uint64_t>(o_.ranks);
    std::uint64_t at = static_cast<std::uint64_t>(within) * of_all * static_cast<std::uint64_t>(o_.micro_batches) +
                       static_cast<std::uint64_t>(o_.rank) * batch;
    host_step made(static_cast<std::size_t>(o_.micro_batches));
    for (host_batch& b : made) fill(b, *phase->pairs, std::exchange(at, at + of_all));
    return made;
  }

  // The phase of a step, and its number within it.
  std::pair<const training_phase*, std::int64_t> find(std::int64_t step) const {
    std::size_t k = 0;
    while (k + 1 < phases_.size() && step >= phases_[k].steps) step -= phases_[k++].steps;
    return {&phases_[k], step};
  }

  void fill(host_batch& b, const pair_stream& pairs, std::uint64_t first) const {
    const std::size_t one = 3 * static_cast<std::size_t>(o_.height) * static_cast<std::size_t>(o_.width);
    b.pixels.resize(one * static_cast<std::size_t>(o_.batch));
    groups alike;
    for (std::size_t i = 0; i < static_cast<std::size_t>(o_.batch); ++i) {
      const std::uint64_t at = first + i;
      const captioned_picture p = pairs.at(at);
      o_.view(p.picture, std::span(b.pixels).subspan(i * one, one),
              {.seed = o_.seed, .sample = at, .epoch = static_cast<std::uint32_t>(at >> 32)});
      b.texts.texts.push_back(
          tokens_.encode(o_.prompt + (o_.clean ? clean_caption(*o_.clean, p.caption, o_.words) : p.caption), o_.longest));
      if (o_.names_are_ids)
        b.texts.image_ids.push_back(static_cast<int>(hash_of_name(p.id) >> 33));  // 31 bits; queues' own are -100
      else if (o_.alike_are_positives)
        alike.add(p.id, b.texts.texts.back());
    }
    if (o_.alike_are_positives && !o_.names_are_ids) b.texts.image_ids = alike.numbers();
  }

  // Pairs that share a picture or a text, and what those share, have one number.
  class groups {
   public:
    void add(const std::string& picture, const std::vector<int>& text) {
      const int mine = static_cast<int>(parent_.size());
      parent_.push_back(mine);
      std::string key(reinterpret_cast<const char*>(text.data()), text.size() * sizeof(int));
      for (const auto& [where, name] :
           {std::pair{&pictures_, &picture}, {&texts_, static_cast<const std::string*>(&key)}}) {
        const auto [at, fresh] = where->emplace(*name, mine);
        if (!fresh) parent_[static_cast<std::size_t>(root(mine))] = root(at->second);
      }
    }
    std::vector<int> numbers() {
      std::vector<int> out;
      for (int i = 0; i < static_cast<int>(parent_.size()); ++i) out.push_back(root(i));
      return out;
    }

   private:
    int root(int i) const {
      while (parent_[static_cast<std::size_t>(i)] != i) i = parent_[static_cast<std::size_t>(i)];
      return i;
    }
    std::vector<int> parent_;
    std::unordered_map<std::string, int> pictures_, texts_;
  };

  std::vector<training_phase> phases_;
  wordpiece tokens_;
  pair_batch_options o_;
  std::optional<prefetch<host_step>> ahead_;
};

}  // namespace blip::inline BLIP_ABI
