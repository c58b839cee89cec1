// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/data/record_set.hpp"
#include "blip/data/sample_order.hpp"
#include "blip/data/skipped_samples.hpp"
#include "blip/text/cleaning.hpp"
#include "blip/text/wordpiece.hpp"
#include "blip/train/batch_source.hpp"
#include "blip/train/pair_batches.hpp"

namespace blip::inline BLIP_ABI {

// What stands for one record in the examples of a step. A question has all the answers that people gave, each with what
// it counts (0.5 of Visual Genome's in ALBEF, 0.2 in BLIP); statements and premises have their label.
// One that throws leaves the examples as they were.
// Source: ALBEF and BLIP, `vqa_dataset.py`, `nlvr_dataset.py`, `ve_dataset.py`.
inline void add_record(examples& to, const vqa_record& r, const wordpiece& tokens, cleaning rules, int words, int longest) {
  const std::vector<weighted_answer> answers = weigh_answers(r, rules == cleaning::albef ? 0.5 : 0.2);
  if (answers.empty()) throw format_error({"question " + r.id, "an answer to learn from", "none", {}});
  const int number = static_cast<int>(to.texts.size());
  std::vector<std::vector<int>> ids{tokens.encode(clean_question(rules, r.question, words), longest)};
  for (const weighted_answer& a : answers) ids.push_back(tokens.encode(a.text, longest));
  to.texts.push_back(std::move(ids[0]));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    to.answers.push_back(std::move(ids[i + 1]));
    to.answer_of.push_back(number), to.answer_weights.push_back(answers[i].weight);
  }
}
inline void add_record(examples& to, const nlvr2_record& r, const wordpiece& tokens, cleaning rules, int words, int longest) {
  to.texts.push_back(tokens.encode(clean_caption(rules, r.sentence, words), longest));
  to.labels.push_back(r.label);
}
inline void add_record(examples& to, const entailment_record& r, const wordpiece& tokens, cleaning rules, int words,
                       int longest) {
  to.texts.push_back(tokens.encode(clean_caption(rules, r.sentence, words), longest));
  to.labels.push_back(r.label);
}

// Batches of a task's records for a trainer, shuffled anew in each epoch. What step n sees is a function of n, with
// options as pair_batches has them; positives, prompts and phases are none of a record's. A record that throws blip::error
// is counted and replaced by the next one that works, within 16. Where a text has two pictures, the first ones of all
// texts come first; half of the statements are told of their pictures in the other order (see swapped), as published.
template <class Model, class Record>
class record_batches {
 public:
  // Throws config_error for sizes that cannot be used.
  record_batches(record_set<Record> all, wordpiece tokens, pair_batch_options o, std::shared_ptr<skipped_samples> skipped)
      : all_(std::move(all)), tokens_(std::move(tokens)), o_(std::move(o)), skipped_(std::move(skipped)),
        order_(all_.size, o_.seed) {
    if (o_.batch < 1 || o_.micro_batches < 1 || o_.height < 1 || o_.width < 1 || !o_.view || !o_.clean || o_.rank < 0 ||
        o_.rank >= o_.ranks)
      throw config_error({"record_batches: options",
                          "batches and pictures of sizes from 1 on, a view, cleaning, a rank below ranks",
                          "others",
                          {}});
  }

  step_batches<Model> operator()(const Model& model, std::int64_t step) {
    if (!ahead_ || ahead_->position() != static_cast<std::uint64_t>(step)) {
      ahead_.reset();  // its threads end before new ones begin
      ahead_.emplace([this](std::uint64_t n) { return make(n); }, static_cast<std::uint64_t>(step), o_.ahead);
    }
    const host_step made = ahead_->next();
    step_batches<Model> out;
    example_site at{.seed = o_.seed, .step = static_cast<std::uint64_t>(step), .first = o_.rank * o_.batch};
    for (const host_batch& b : made) {
      out.add(model, b.pixels, 3, o_.height, o_.width, b.texts, at);
      if (o_.ranks == 1) at.first += o_.batch;  // several ranks: models hold each to its place
    }
    return out;
  }

 private:
  static constexpr std::uint32_t order_of_pictures = 0x5a11;  // a choice that no view draws by
  static constexpr std::size_t pictures = std::same_as<Record, nlvr2_record> ? 2 : 1;
  struct host_batch {
    std::vector<float> pixels;
    examples texts;
  };
  using host_step = std::vector<host_batch>;

  host_step make(std::uint64_t step) const {
    const auto batch = static_cast<std::uint64_t>(o_.batch), of_all = batch * static_cast<std::uint64_t>(o_.ranks);
    std::uint64_t at = step * of_all * static_cast<std::uint64_t>(o_.micro_batches) +
                       static_cast<std::uint64_t>(o_.rank) * batch;
    host_step made(static_cast<std::size_t>(o_.micro_batches));
    for (host_batch& b : made) fill(b, std::exchange(at, at + of_all));
    return made;
  }

  void fill(host_batch& b, std::uint64_t first) const {
    const std::size_t one = 3 * static_cast<std::size_t>(o_.height) * static_cast<std::size_t>(o_.width);
    const auto batch = static_cast<std::size_t>(o_.batch);
    b.pixels.resize(one * batch * pictures);
    for (std::size_t i = 0; i < batch; ++i) {
      const std::uint64_t at = first + i, epoch = at / all_.size, place = order_.at(at);
      for (std::uint64_t attempt = 0;; ++attempt) {
        try {
          Record r = all_.record((place + attempt) % all_.size);
          const picture_site site{.seed = o_.seed, .sample = at, .epoch = static_cast<std::uint32_t>(epoch)};
          if constexpr (pictures == 2)
            if (site.uniform(order_of_pictures) < 0.5) r = swapped(std::move(r));
          std::vector<image> shown;
          for (const std::string& name : pictures_of(r)) shown.push_back(all_.picture(name));
          for (std::size_t k = 0; k < pictures; ++k)
            o_.view(shown[k], std::span(b.pixels).subspan((k * batch + i) * one, one),
                    {.seed = o_.seed + k, .sample = at, .epoch = site.epoch});
          add_record(b.texts, r, tokens_, *o_.clean, o_.words, o_.longest);
          skipped_->use();
          break;
        } catch (const error& e) {
          skipped_->skip(e);
          if (attempt == 16) throw;
        }
      }
    }
  }

  record_set<Record> all_;
  wordpiece tokens_;
  pair_batch_options o_;
  std::shared_ptr<skipped_samples> skipped_;
  sample_order order_;
  std::optional<prefetch<host_step>> ahead_;
};

}  // namespace blip::inline BLIP_ABI
