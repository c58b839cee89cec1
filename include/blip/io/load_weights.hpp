// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/core/function_ref.hpp"
#include "blip/core/parallel_for.hpp"
#include "blip/io/load_plan.hpp"
#include "blip/io/position_table.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Throws what the options do not allow.
[[gnu::cold]] inline void require_fit(const load_report& r, const load_options& o) {
  const bool missing = !r.missing.empty() && !o.keep_missing, mismatched = !r.mismatched.empty() && !o.keep_mismatched;
  const bool unexpected = !r.unexpected.empty() && !o.ignore_unexpected;
  if (!missing && !mismatched && !unexpected) return;
  const std::string text = r.path + " does not fit the model: " + complaints(r, missing, mismatched, unexpected);
  const std::string names = std::to_string(r.parameters) + " names of parameters";
  const std::string loaded =
      std::to_string(r.loaded) + " of them in the layout that fits best, " + std::string(describe(r.layout).name);
  const error::facts facts{
      text, names, loaded,
      r.loaded == 0 ? "the file belongs to another kind of model"
                    : "the file belongs to a model of another size or task, or load_options must allow the difference"};
  if (missing || unexpected) throw format_error(facts);
  throw shape_error(facts);
}

// Calls body(i) for i in [0, count) on all threads, as each becomes free; the first exception comes out.
inline void each_in_parallel(std::size_t count, function_ref<void(std::size_t)> body) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const int threads = static_cast<int>(std::min<std::size_t>(count, static_cast<std::size_t>(available_threads())));
  parallel_for(threads, threads, [&](int) {
    try {
      for (std::size_t i = next++; i < count; i = next++) body(i);
    } catch (...) {
      const std::lock_guard lock(guard);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  });
  if (failure) std::rethrow_exception(failure);
}

// The elements of one part in the order of the parameter's rows.
template <class S>
std::vector<S> reordered(std::vector<S> from, element_order order, const weights_tensor& t, std::size_t cols) {
  if (order == element_order::transposed && cols > 0) {
    const std::size_t rows = from.size() / cols;
    std::vector<S> to(from.size());
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < cols; ++c) to[r * cols + c] = from[c * rows + r];
    return to;
  }
  if (order == element_order::convolution) {
    const auto h = static_cast<std::size_t>(t.shape[0]), w = static_cast<std::size_t>(t.shape[1]);
    const auto in = static_cast<std::size_t>(t.shape[2]), out = static_cast<std::size_t>(t.shape[3]);
    std::vector<S> to(from.size());
    for (std::size_t y = 0; y < h; ++y)
      for (std::size_t x = 0; x < w; ++x)
        for (std::size_t i = 0; i < in; ++i)
          for (std::size_t o = 0; o < out; ++o)
            to[((o * in + i) * h + y) * w + x] = from[((y * w + x) * in + i) * out + o];
    return to;
  }
  return from;
}

// Whether steps give a value to every scalar of every entry among the first `held` ones.
[[gnu::cold]] inline bool fills(const arena_layout& model, std::int64_t held, const std::vector<load_step>& steps) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> stretches;
  for (const load_step& s : steps) {
    const auto& n = model.names()[s.name];
    const auto at = static_cast<std::uint64_t>(model.entries()[static_cast<std::size_t>(n.entry)].offset + n.first);
    stretches.emplace_back(at, at + static_cast<std::uint64_t>(n.count));
  }
  std::sort(stretches.begin(), stretches.end());
  std::size_t next = 0;
  for (const auto& e : model.entries()) {  // they lie in this order
    if (e.offset >= held) break;
    auto filled = static_cast<std::uint64_t>(e.offset);
    const std::uint64_t end = filled + static_cast<std::uint64_t>(e.size());
    for (; next < stretches.size() && stretches[next].first < end; ++next)
      if (stretches[next].first <= filled) filled = std::max(filled, stretches[next].second);
    if (filled < end) return false;
  }
  return true;
}

// Carries a plan out into an arena.
template <backend B>
class weights_reader {
  using S = typename B::scalar;

 public:
  weights_reader(const weights_file& file, arena<B>& to) : file_(file), to_(to) {}

  [[gnu::cold]] void run(const load_step& step) {
    const auto& n = to_.layout()->names()[step.name];
    S* at = to_.data() + to_.layout()->entries()[static_cast<std::size_t>(n.entry)].offset + n.first;
    for (const weights_tensor* t : step.parts) {
      const auto put = [&](std::span<const S> values) {
        if (step.repeats)
          compare(n.text, *t, values, at);
        else
          memory<B>::copy_in(at, values.data(), values.size_bytes());
        at += values.size();
      };
      if (step.from.rows() > 0)
        put(resize_position_table<S>(file_.read<S>(*t), n.shape[2], step.from, step.to));
      else if (step.order == element_order::transposed || step.order == element_order::convolution)
        put(reordered(file_.read<S>(*t), step.order, *t,
                      static_cast<std::size_t>(n.rank > 1 ? n.count / n.shape[0] : 1)));
      else
        file_.each_piece<S>(*t, put);
    }
  }

 private:
  [[gnu::cold]] void compare(const std::string& name, const weights_tensor& t, std::span<const S> values,
                             const S* at) const {
    std::vector<S> there(values.size());
    memory<B>::copy_out(there.data(), at, values.size_bytes());
    if (values.empty() || std::memcmp(there.data(), values.data(), values.size_bytes()) == 0) return;
    throw format_error({file_.path() + ": " + one_line(t.name) + " and a tensor that the model ties to it differ",
                        "the same values for " + name + " under all its names", "others",
                        "the file comes from a model that does not tie them; load it into one that does not either"});
  }

  const weights_file& file_;
  arena<B>& to_;
};

}  // namespace detail

// Reads a model's parameters from a file of any container and layout: names are translated, checkpoints of a task
// before this one are rewritten, position tables of another grid are resized (bicubic), element types are converted.
// Strict: all parameters and no others, but for what the options allow. All or nothing: the arena changes only when
// everything was read and checked. Returns what was done. Throws io_error, format_error, limit_error, shape_error;
// config_error when the arena is packed. Source of the rules: `load_checkpoint` of BLIP and ALBEF, which drop silently
// what does not fit.
template <backend B>
[[gnu::cold]] load_report load_weights(const weights_file& file, arena<B>& values, const load_options& options = {}) {
  if (values.is_packed())
    throw config_error({"load_weights: the arena is packed", {}, {}, "load into a plain one, then pack it"});
  detail::load_planner plan(*values.layout(), values.size(), file, options);
  load_report& report = plan.report();
  detail::require_fit(report, options);
  std::vector<detail::load_step>& steps = plan.steps();
  // Clearing or copying memory that is written anyway would cost as much as reading the file.
  const bool whole = report.grown.empty() && detail::fills(*values.layout(), values.size(), steps);
  arena<B> fresh = whole ? arena<B>::unset(values.layout(), values.size()) : values.clone();
  detail::weights_reader<B> reader(file, fresh);
  std::vector<std::pair<std::uint64_t, std::size_t>> order;  // the largest first: threads end together
  std::vector<std::size_t> repeats;
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (steps[i].repeats)
      repeats.push_back(i);
    else
      order.emplace_back(~(steps[i].parts[0]->elements() * steps[i].parts.size()), i);
  std::sort(order.begin(), order.end());
  detail::each_in_parallel(order.size(), [&](std::size_t i) { reader.run(steps[order[i].second]); });
  detail::each_in_parallel(repeats.size(), [&](std::size_t i) { reader.run(steps[repeats[i]]); });
  values = std::move(fresh);
  return std::move(report);
}
template <backend B>
load_report load_weights(const std::string& path, arena<B>& values, const load_options& options = {},
                         const limits& bounds = {}) {
  return load_weights(weights_file(path, bounds), values, options);
}

}  // namespace blip::inline BLIP_ABI
