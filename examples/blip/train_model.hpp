// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "blip/backend/cpu.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/image/training_view.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/io/save_weights.hpp"
#include "blip/train/in_process.hpp"
#include "blip/train/pair_batches.hpp"
#include "blip/train/standard_error.hpp"
#include "training.hpp"
#include "weights_of.hpp"

namespace tool {

// How a recipe looks at pictures, as rows of pixels.
inline blip::picture_view view_of(const blip::training_recipe& r) {
  if (!r.augment) {
    const blip::evaluation_view_options o{.height = r.image_size, .width = r.image_size};
    return [o](const blip::image& p, std::span<float> row, const blip::picture_site&) {
      const std::vector<float> made = blip::evaluation_pixels({&p, 1}, o);
      std::copy(made.begin(), made.end(), row.begin());
    };
  }
  blip::training_view_options o{.height = r.image_size, .width = r.image_size};
  o.augment.magnitude = r.magnitude;
  if (r.least_area > 0)
    o.crop->min_area = r.least_area;
  else
    o.crop.reset();
  return [o](const blip::image& p, std::span<float> row, const blip::picture_site& at) {
    blip::normalise(blip::training_view(p, at, o), row, blip::clip_statistics);
  };
}

inline blip::trainer_options options_of(const training_request& q, std::int64_t steps_per_epoch) {
  const blip::training_recipe& r = q.recipe;
  blip::trainer_options t;
  t.steps = r.steps, t.steps_per_epoch = r.epochs > 0 ? steps_per_epoch : 0;
  t.rate = schedule_of(r), t.alpha = alpha_of(r), t.optimiser = optimiser_of(r), t.clip = r.clip;
  t.seed = q.seed, t.begin = blip::start::resume, t.facts = q.facts;
  t.checkpoint_every = q.checkpoint_every, t.log_every = q.log_every;
  t.stop = q.stop, t.notice = q.told;
  if (q.told) t.progress_to = q.told, t.progress_as = blip::standard_error_options();
  return t;
}

// Steps of an epoch of so many samples.
inline std::int64_t steps_of_epoch(const training_request& q, std::uint64_t samples) {
  std::uint64_t taken = 1;
  for (const int factor : {q.recipe.batch, q.recipe.accumulate, q.recipe.ranks})
    taken *= static_cast<std::uint64_t>(factor);
  return static_cast<std::int64_t>(std::max<std::uint64_t>(samples / taken, 1));
}

// The threads of a rank: --threads is for all of them.
inline blip::cpu::options share_of(blip::cpu::options o, int ranks) {
  if (o.threads > 0) o.threads = std::max(1, o.threads / ranks);
  return o;
}

// What a model trains on.
struct samples_to_train_on {
  std::uint64_t size = 0;                            // of an epoch
  std::shared_ptr<const blip::skipped_samples> skipped{};
  blip::load_options init{.ignore_unexpected = true};  // how the weights to begin with are read
};

// Trains Model{towers, losses...} as the request says, on the recipe's number of ranks, and leaves weights.safetensors and
// vocab.txt. batches(options) gives a rank's batch_source.
template <class Model, class Batches, class... Losses>
blip::run_result train_on(const training_request& request, blip::tower_options towers, const samples_to_train_on& samples,
                          Batches batches, const Losses&... losses) {
  training_request q = request;
  const std::int64_t epoch = steps_of_epoch(q, samples.size);
  if (q.recipe.steps == 0) q.recipe.steps = q.recipe.epochs * epoch;
  const blip::training_recipe& r = q.recipe;
  towers.vision.checkpoint_last = std::min(r.checkpointed_blocks, towers.vision.depth);
  const blip::pair_batch_options b{.batch = r.batch,
                                   .micro_batches = r.accumulate,
                                   .height = r.image_size,
                                   .width = r.image_size,
                                   .view = view_of(r),
                                   .clean = cleaning_of(r),
                                   .words = r.words,
                                   .longest = r.longest,
                                   .prompt = r.prompt,
                                   .ranks = r.ranks,
                                   .seed = q.seed};
  blip::run_result result;
  const auto one = [&](blip::communicator<blip::cpu>* ranks, blip::device<blip::cpu>& d) {
    const auto state = std::make_unique<blip::training_state<Model>>(
        blip::training_options{.seed = q.seed, .momentum = r.momentum, .spread = {.tables = 0.05, .by_fan_in = true}},
        towers, losses...);
    if (!q.init.empty()) {
      if (blip::load_weights(weights_of(q.init), state->values(), samples.init).loaded == 0)
        throw blip::format_error({q.init + ": weights to begin with", "those of towers like these", "none of them", {}});
      state->restart();
    }
    blip::pair_batch_options own = b;
    own.rank = ranks ? ranks->rank() : 0;
    auto source = batches(own);
    blip::trainer_options how = options_of(q, epoch);
    if (own.rank > 0) how.stop = {}, how.notice = {}, how.progress_to = {};
    const blip::run_result made = blip::trainer<Model>(d, *state, q.out, how, {}, ranks).train(source);
    if (own.rank > 0) return;
    result = made;
    if (made.end == blip::run_end::finished)
      blip::save_weights(q.out + "/weights.safetensors", state->values(), {.every_name = true});
  };
  const blip::cpu::options machine{.threads = q.on.threads,
                                   .products = q.on.bf16 ? blip::precision::bf16 : blip::precision::fp32};
  if (r.ranks == 1) {
    blip::device<blip::cpu> d(machine);
    one(nullptr, d);
  } else {
    // A rank may wait for all files of a checkpoint to be written.
    blip::in_process<blip::cpu>({.ranks = r.ranks, .patience = 3600}, share_of(machine, r.ranks)).run([&](auto& all, auto& d) {
      one(&all, d);
    });
  }
  if (q.told)
    for (const auto& [cause, count] : samples.skipped->causes())
      q.told(std::to_string(count) + " samples were skipped: " + cause + "\n");
  if (result.end == blip::run_end::stopped) return result;
  std::string words;
  for (int id = 0; id < q.tokens.size(); ++id) words += q.tokens.tokens().token(id) + '\n';
  blip::write_file(q.out + "/vocab.txt", words);
  return result;
}

// The same on the pairs of the request.
template <class Model, class... Losses>
blip::run_result train_model(const training_request& q, const blip::tower_options& towers, const Losses&... losses) {
  const blip::training_recipe& r = q.recipe;
  std::vector<blip::weighted_pairs> sources;
  samples_to_train_on samples;
  for (const weighted_set& s : q.data) sources.push_back({s.pairs, s.weight}), samples.size += s.pairs.size();
  const auto stream = std::make_shared<blip::pair_stream>(std::move(sources), blip::stream_options{.seed = q.seed});
  samples.skipped = stream->skipped();
  const auto batches = [&](blip::pair_batch_options o) {
    o.alike_are_positives = r.queue == 0;
    // Numbers within a batch mean nothing to a queue, nor to another rank.
    o.names_are_ids = (r.queue > 0 && blip::learns_to_match(r)) || (r.ranks > 1 && r.negatives_of_all_ranks);
    return blip::pair_batches<Model>({{stream, 0}}, q.tokens, o);
  };
  return train_on<Model>(q, towers, samples, batches, losses...);
}

}  // namespace tool
