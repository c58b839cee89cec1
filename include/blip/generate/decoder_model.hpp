// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/autograd/replayed.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/generate/key_value_cache.hpp"
#include "blip/generate/next_token_model.hpp"
#include "blip/ops/gather_rows.hpp"

namespace blip::inline BLIP_ABI {

// A causal text tower with a word head as next_token_model: what samplers ask. Keys and values of the texts are cached,
// those of what the tower reads (pictures, question states) were projected once and are shared by all beams and samples
// of a prompt. Each logit has the bits that a pass over the whole text gives it.
//
//   auto t = model.inference(dev);
//   const auto& d = model->towers().decoder();
//   decoder_model captioner(t, d.text, d.head, d.text.project(t, states, layout));
//   beam_search(captioner, prompts, {.max_tokens = 16});
//
// `Text` is any tower with `extend` (blip::text_transformer), `Head` any with forward(t, rows, words) (blip::lm_head).
// Tape and layers are referred to. Prompt i reads sequence i of the context, or reads[i].
template <class T, class Text, class Head, class Context>
class decoder_model {
  static_assert(!T::records, "blip::decoder_model: decoding has no gradients; use an inference_tape");

 public:
  using B = typename T::backend_type;
  using scalar = typename B::scalar;
  static constexpr int width = Text::width;

  decoder_model(T& t, const Text& text, const Head& head, Context context, std::span<const int> reads = {})
      : t_(t),
        text_(text),
        head_(head),
        context_(for_many_reads(t, text, std::move(context))),
        reads_(reads.begin(), reads.end()),
        step_(t.device()) {
    for (const int r : reads_)
      if (r < 0 || r >= context_.layout.sequences)
        throw shape_error({"decoder_model: what a prompt reads",
                           "0 to " + std::to_string(context_.layout.sequences - 1),
                           std::to_string(r),
                           {}});
  }

  int vocabulary() const { return text_.vocabulary(); }
  int positions() const { return text_.positions(); }

  matrix_view<const scalar> start(std::span<const std::vector<int>> prompts, int rows, int tokens) {
    const int count = static_cast<int>(prompts.size());
    require_equal("decoder_model: start", "prompts", count,
                  reads_.empty() ? context_.layout.sequences : static_cast<long long>(reads_.size()));
    const text_batch<B> checked(prompts, vocabulary());
    lengths_.clear(), ids_.clear(), source_.clear();
    for (int i = 0; i < count; ++i) {
      const std::vector<int>& prompt = prompts[static_cast<std::size_t>(i)];
      lengths_.push_back(static_cast<int>(prompt.size()));
      ids_.insert(ids_.end(), prompt.begin(), prompt.end());
      source_.push_back(reads_.empty() ? i : reads_[static_cast<std::size_t>(i)]);
    }
    const int longest = checked.layout().longest + tokens - 1;
    if (longest > positions())
      throw shape_error({"decoder_model: longest text", "at most " + std::to_string(positions()) + " tokens",
                         std::to_string(longest), "allow fewer new tokens"});
    rows = std::max(rows, count);
    if (!cache_.holds(rows, longest)) {
      cache_ = key_value_cache<B>(text_.layers(), width, rows, longest);
      step_.forget();
    }
    cache_.start(lengths_);
    if (std::exchange(ranked_, wished_) != wished_) step_.forget();
    if (ranked_ > 0) hold(found_, static_cast<std::size_t>(rows) * static_cast<std::size_t>(2 * ranked_ + 2));
    tell(rows);
    first_ = head_.forward(t_, ops::gather_rows(t_, pass(), cache_.ends(), count), text_.words()).ref();
    find_best(first_->value);
    bring(first_->value);
    return result_;
  }

  matrix_view<const scalar> step(std::span<const int> parents, std::span<const int> tokens) {
    require_equal("decoder_model: step", "tokens", static_cast<long long>(tokens.size()),
                  static_cast<long long>(parents.size()));
    cache_.advance(parents);
    next_source_.clear(), ids_.clear();
    for (std::size_t r = 0; r < parents.size(); ++r) {
      if (tokens[r] < 0 || tokens[r] >= vocabulary())
        throw shape_error({"decoder_model: token of a row",
                           "0 to " + std::to_string(vocabulary() - 1),
                           std::to_string(tokens[r]),
                           {}});
      ids_.push_back(tokens[r]);
      next_source_.push_back(source_[static_cast<std::size_t>(parents[r])]);
    }
    std::swap(source_, next_source_);
    tell(static_cast<int>(parents.size()));
    first_ = {};
    bring(step_(static_cast<int>(parents.size()), [&] {
      const tensor<B> y = head_.forward(t_, pass(), text_.words()).ref();
      find_best(y->value);
      return y;
    }));
    return result_;
  }

  // See ranking_model. Back ends that find the best tokens themselves spare the host all others.
  static constexpr bool ranks = requires { &kernels<B>::best_tokens; };
  bool rank(int count)
    requires ranks
  {
    constexpr int most = 128;
    wished_ = count > most ? 0 : std::min(count, vocabulary());
    return wished_ > 0;
  }
  token_ranking<scalar> ranking()
    requires ranks
  {
    return {static_cast<std::size_t>(ranked_), best_.data(), best_tokens_.data(), log_sums_.data()};
  }
  std::span<const scalar> row(int r)
    requires ranks
  {
    logits_.resize(static_cast<std::size_t>(answer_.width));
    memory<B>::copy_out(logits_.data(), answer_.row(r), logits_.size() * sizeof(scalar));
    return logits_;
  }

 private:
  static Context for_many_reads(T& t, const Text& text, Context context) {
    if constexpr (requires { text.packed(t, std::move(context)); })
      return text.packed(t, std::move(context));
    else
      return context;
  }
  // Ids and sources go to the back end in one piece, where at most `rows` texts have room.
  void tell(int rows) {
    ids_.insert(ids_.end(), source_.begin(), source_.end());
    hold(device_, std::max(ids_.size(), 2 * static_cast<std::size_t>(rows)));
    device_.write(ids_);
  }
  // Gives an array so much room at least; where it moves, no step may be replayed.
  void hold(buffer<B, int>& b, std::size_t room) {
    if (b.size() >= room) return;
    b = buffer<B, int>(room);
    step_.forget();
  }
  var<T, width> pass() {
    return text_.extend(
        t_, device_.data(), cache_.queries(), [this](int layer) { return cache_.template layer<T, width>(t_, layer); },
        context_, device_.data() + cache_.queries().rows);
  }

  // Of a ranking: the best of each row. Sums, logits and tokens lie one behind the other, so that they come in one piece.
  void find_best([[maybe_unused]] const matrix_view<scalar>& m) {
    if constexpr (ranks) {
      if (ranked_ == 0) return;
      static_assert(sizeof(scalar) == sizeof(int));
      int* const best = found_.data() + 2 * std::ptrdiff_t{m.rows};
      kernels<B>::best_tokens(t_.device(), m, ranked_, reinterpret_cast<scalar*>(best),
                              best + std::ptrdiff_t{m.rows} * ranked_, reinterpret_cast<double*>(found_.data()));
    }
  }

  // The answer to the host: all logits, or the ranking.
  void bring(const matrix_view<const scalar>& m) {
    answer_ = m;
    if constexpr (ranks)
      if (ranked_ > 0) {
        const auto rows = static_cast<std::size_t>(m.rows), all = rows * static_cast<std::size_t>(ranked_);
        log_sums_.resize(rows), best_.resize(all), best_tokens_.resize(all), host_.resize(2 * rows + 2 * all);
        memory<B>::copy_out(host_.data(), found_.data(), host_.size() * sizeof(int));
        const int* from = host_.data();
        const auto take = [&from](auto& to) {
          const std::size_t bytes = to.size() * sizeof(to[0]);
          std::memcpy(static_cast<void*>(to.data()), from, bytes);
          from += bytes / sizeof(int);
        };
        take(log_sums_), take(best_), take(best_tokens_);
        result_ = {nullptr, m.rows, 0, 0, nullptr};
        return;
      }
    const std::size_t columns = static_cast<std::size_t>(m.width);
    logits_.resize(static_cast<std::size_t>(m.rows) * columns);
    const int at_once = m.stride == m.width ? m.rows : 1;  // a GPU waits for every copy
    for (int r = 0; r < m.rows; r += at_once)
      memory<B>::copy_out(logits_.data() + static_cast<std::size_t>(r) * columns, m.row(r),
                          static_cast<std::size_t>(at_once) * columns * sizeof(scalar));
    result_ = {logits_.data(), m.rows, m.width, m.width, nullptr};
  }

  T& t_;
  const Text& text_;
  const Head& head_;
  Context context_;
  std::vector<int> reads_;
  key_value_cache<B> cache_;
  std::vector<int> lengths_, ids_, source_, next_source_;
  buffer<B, int> device_;
  std::vector<scalar> logits_;
  matrix_view<const scalar> result_;  // `logits_`
  matrix_view<const scalar> answer_;  // where the back end has them, until the next call
  tensor<B> first_;                   // keeps the answer of start()
  int wished_ = 0, ranked_ = 0;
  buffer<B, int> found_;
  std::vector<int> host_, best_tokens_;
  std::vector<double> log_sums_;
  std::vector<scalar> best_;
  replayed<B> step_;
};

}  // namespace blip::inline BLIP_ABI
