// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/backend/types.hpp"
#include "blip/core/arena_layout.hpp"
#include "blip/io/load_report.hpp"
#include "blip/io/nearest_names.hpp"
#include "blip/io/recognise_layout.hpp"
#include "blip/io/weights_file.hpp"

namespace blip::inline BLIP_ABI {

// How a model takes its parameters from a file, and what it may do without.
struct load_options {
  std::string prefix{};                    // makes the model's names official: "visual_encoder."
  std::optional<weights_layout> layout{};  // none: the one that fits best
  checkpoint_rewrite rewrite = checkpoint_rewrite::automatic;
  bool momentum = false;                // read the momentum copies in place of the parameters
  bool keep_missing = false;            // parameters that the file has not stay as they are
  bool keep_mismatched = false;         // the same for those of another shape, as the published code does
  bool ignore_unexpected = false;       // leave tensors alone that should belong to the model but do not
  bool grow_tables = false;             // words and their biases beyond those of the file stay as they are
  int grid_height = 0, grid_width = 0;  // patches of the model's position table; 0: as many rows as columns
};

// What a tower starts training from: what the file has.
inline load_options initial_weights() { return {.keep_missing = true, .ignore_unexpected = true, .grow_tables = true}; }

namespace detail {

// What to do for one name of the model.
struct load_step {
  std::size_t name;                          // its number
  std::vector<const weights_tensor*> parts;  // tensors of the file
  element_order order = element_order::same;
  position_grid from{}, to{};  // of a position table to be resized
  bool repeats = false;        // tied: the values must be those that another name brought
};

// A grid of as many rows as columns behind one row of its own; none when there is none.
inline std::optional<position_grid> square_grid(std::uint64_t rows) {
  if (rows < 2 || rows > (std::uint64_t{1} << 32)) return std::nullopt;
  int side = 0;
  while (static_cast<std::uint64_t>(side + 1) * static_cast<std::uint64_t>(side + 1) <= rows - 1) ++side;
  const position_grid g{1, side, side};
  return static_cast<std::uint64_t>(g.rows()) == rows ? std::optional(g) : std::nullopt;
}

// Compares a model's names with a file's tensors. Nothing is read.
class load_planner {
 public:
  [[gnu::cold]] load_planner(const arena_layout& model, std::int64_t held, const weights_file& file,
                             const load_options& options)
      : model_(model),
        held_(held),
        file_(file),
        options_(options),
        steps_of_(model.entries().size()),
        used_(file.tensors().size()) {
    report_.path = file.path();
    for (const auto& t : file.tensors()) theirs_.push_back(t.name);
    for (const auto& n : model.names()) ours_.push_back(options.prefix + n.text);
    number_rows();
    choose_layout();
    for (std::size_t i = 0; i < ours_.size(); ++i)
      if (holds(i)) plan(i);
    list_missing();
    list_unused();
  }

  load_report& report() { return report_; }
  std::vector<load_step>& steps() { return steps_; }

 private:
  const arena_layout::name& name_at(std::size_t i) const { return model_.names()[i]; }
  const arena_layout::entry& entry_at(std::size_t i) const {
    return model_.entries()[static_cast<std::size_t>(name_at(i).entry)];
  }
  std::size_t number_of(const weights_tensor& t) const { return static_cast<std::size_t>(&t - file_.tensors().data()); }
  bool holds(std::size_t i) const { return entry_at(i).offset + entry_at(i).size() <= held_; }

  // The tensors that a parameter is made of; none when one of them is not there.
  struct found_source {
    std::vector<const weights_tensor*> parts{};
    element_order order = element_order::same;
  };
  [[gnu::cold]] std::optional<found_source> find(weights_layout layout, const std::string& prefix,
                                                 const rewrite_plan& rewrite, const std::string& ours,
                                                 std::string* wanted = nullptr) const {
    const auto by_name = [&](const std::string& official) -> std::optional<found_source> {
      for (const tensor_source& source :
           names_in(layout, prefix, options_.momentum ? momentum_copy_name(official) : official)) {
        if (wanted && wanted->empty()) *wanted = source.names.front();
        found_source found{.order = source.order};
        for (const std::string& name : source.names)
          if (const weights_tensor* t = file_.find(name)) found.parts.push_back(t);
        if (found.parts.size() == source.names.size()) return found;
      }
      return std::nullopt;
    };
    if (rewrite.kind == checkpoint_rewrite::none)  // nearly always that is all
      if (auto found = by_name(ours)) return found;
    for (const std::string& official : names_to_try(rewrite, ours))
      if (auto found = by_name(official)) return found;
    return std::nullopt;
  }

  // Tied names have the same rows, and with them the same number.
  [[gnu::cold]] void number_rows() {
    std::vector<std::pair<std::uint64_t, std::size_t>> places;
    for (std::size_t i = 0; i < ours_.size(); ++i)
      places.emplace_back(static_cast<std::uint64_t>(entry_at(i).offset + name_at(i).first), i);
    std::sort(places.begin(), places.end());
    rows_.resize(ours_.size());
    for (std::size_t p = 0; p < places.size(); ++p)
      rows_[places[p].second] = p == 0 || places[p].first != places[p - 1].first ? distinct_++ : distinct_ - 1;
  }
  // Whether number i is new; says so once.
  static bool mark(std::vector<char>& seen, std::size_t i) { return !std::exchange(seen[i], char{1}); }

  [[gnu::cold]] void choose_layout() {
    const found_layout by_names = recognise_layout(theirs_);
    report_.layout = options_.layout.value_or(by_names.layout), report_.prefix = by_names.prefix;
    std::size_t best = 0;
    std::size_t rows = 0;
    const auto attempt = [&](weights_layout layout, const std::string& prefix) {
      const rewrite_plan rewrite = plan_rewrite(options_.rewrite, ours_, official_names(layout, prefix, theirs_));
      std::size_t known = 0;
      std::vector<char> seen(distinct_);
      rows = 0;
      for (std::size_t i = 0; i < ours_.size(); ++i)
        if (find(layout, prefix, rewrite, ours_[i])) ++known, rows += mark(seen, rows_[i]);
      if (known <= best) return;
      best = known;
      report_.layout = layout, report_.prefix = prefix, report_.rewrite = rewrite;
    };
    if (!options_.layout || *options_.layout == by_names.layout) attempt(by_names.layout, by_names.prefix);
    if (rows == distinct_) return;  // what the names say is right
    each_layout([&](const layout_rules& rules, std::string_view prefix) {
      if (options_.layout.value_or(rules.layout) != rules.layout) return;
      if (rules.layout == weights_layout::lavis && !options_.layout) return;  // called as the official one
      attempt(rules.layout, std::string(prefix));
    });
  }

  [[gnu::cold]] void plan(std::size_t i) {
    ++report_.parameters;
    std::string wanted;
    const auto found = find(report_.layout, report_.prefix, report_.rewrite, ours_[i], &wanted);
    if (!found) {
      absent_.push_back(i), wanted_.push_back(wanted);
      return;
    }
    load_step step{.name = i, .parts = found->parts, .order = found->order};
    for (const weights_tensor* t : step.parts) used_[number_of(*t)] = 1;
    if (!fits(step)) {
      const auto& n = name_at(i);
      const std::vector<std::uint64_t> expected(n.shape.begin(), n.shape.begin() + n.rank);
      report_.mismatched.push_back({n.text, step.parts[0]->name, expected, step.parts[0]->shape});
      return;
    }
    ++report_.loaded;
    auto& others = steps_of_[static_cast<std::size_t>(name_at(i).entry)];
    const auto same_rows = [&](std::size_t s) {
      const auto &a = name_at(steps_[s].name), &b = name_at(i);
      return a.first == b.first && a.count == b.count;
    };
    const auto twin = std::find_if(others.begin(), others.end(), same_rows);
    if (twin != others.end()) {
      bool same_bytes = steps_[*twin].order == step.order && steps_[*twin].parts.size() == step.parts.size();
      for (std::size_t p = 0; same_bytes && p < step.parts.size(); ++p)
        same_bytes = file_.same_place(*steps_[*twin].parts[p], *step.parts[p]);
      if (same_bytes) return;
      step.repeats = true;
    } else {
      others.push_back(steps_.size());
    }
    steps_.push_back(std::move(step));
  }

  // Whether the tensors have the parameter's shape, or one that can be made into it.
  [[gnu::cold]] bool fits(load_step& step) {
    const auto& n = name_at(step.name);
    const std::vector<std::uint64_t> shape(n.shape.begin(), n.shape.begin() + n.rank);
    const auto count = static_cast<std::uint64_t>(n.count);
    const std::vector<std::uint64_t>& found = step.parts[0]->shape;
    if (step.parts.size() > 1 || step.order == element_order::flat || step.order == element_order::transposed) {
      // All parts have the same number of rows; a transposed one's dimensions must divide after the columns.
      const std::uint64_t cols = shape.size() > 1 ? count / shape[0] : 1;
      for (const weights_tensor* t : step.parts) {
        if (t->elements() != count / step.parts.size() || count % step.parts.size() != 0) return false;
        if (step.order == element_order::same && (t->shape.size() != shape.size() || t->shape.back() != shape.back()) &&
            shape.size() > 1)
          return false;
        if (step.order == element_order::transposed && !divides_after(t->shape, cols)) return false;
      }
      return true;
    }
    if (step.order == element_order::convolution)
      return found.size() == 4 && shape.size() == 4 && found[0] == shape[2] && found[1] == shape[3] &&
             found[2] == shape[1] && found[3] == shape[0];
    if (found == shape) return true;
    if (n.text.ends_with("pos_embed")) return can_resize(step, shape, found);
    return can_grow(n.text, shape, found);
  }
  static bool divides_after(const std::vector<std::uint64_t>& shape, std::uint64_t cols) {
    std::uint64_t n = 1;
    for (const std::uint64_t d : shape) {
      if (n == cols) return true;
      n *= d;
    }
    return n == cols;
  }
  bool can_resize(load_step& step, const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& found) {
    if (shape.size() != 3 || found.size() != 3 || found[0] != 1 || found[2] != shape[2] || found[1] > 1'000'000)
      return false;
    const bool given = options_.grid_height > 0 && options_.grid_width > 0;
    const auto from = square_grid(found[1]);
    const auto to = given ? position_grid{1, options_.grid_height, options_.grid_width} : square_grid(shape[1]);
    if (!from || !to || static_cast<std::uint64_t>(to->rows()) != shape[1]) return false;
    step.from = *from, step.to = *to;
    report_.resized.push_back(name_at(step.name).text);
    return true;
  }
  bool can_grow(const std::string& name, const std::vector<std::uint64_t>& shape,
                const std::vector<std::uint64_t>& found) {
    if (!options_.grow_tables ||
        !(name.ends_with("word_embeddings.weight") || name.ends_with("predictions.bias") ||
          name.ends_with("predictions.decoder.weight") || name.ends_with("predictions.decoder.bias")))
      return false;
    if (found.size() != shape.size() || found[0] > shape[0] ||
        !std::equal(found.begin() + 1, found.end(), shape.begin() + 1))
      return false;
    report_.grown.push_back(name);
    return true;
  }

  // A name is not missing when another one brings the same rows; of tied ones the first is listed.
  [[gnu::cold]] void list_missing() {
    std::vector<char> listed(distinct_);
    for (std::size_t a = 0; a < absent_.size(); ++a) {
      const std::size_t i = absent_[a];
      const auto& n = name_at(i);
      const auto& kept = describe(report_.layout).kept;
      if (std::any_of(kept.begin(), kept.end(), [&](auto p) { return match_name(p, ours_[i]).has_value(); })) {
        report_.kept.push_back(n.text);
        continue;
      }
      const auto& others = steps_of_[static_cast<std::size_t>(n.entry)];
      const bool brought = std::any_of(others.begin(), others.end(), [&](std::size_t s) {
        const auto& other = name_at(steps_[s].name);
        return other.first <= n.first && other.first + other.count >= n.first + n.count;
      });
      if (!brought && mark(listed, rows_[i])) report_.missing.push_back({n.text, wanted_[a], {}});
    }
  }

  [[gnu::cold]] void list_unused() {
    static constexpr std::array<std::string_view, 6> buffers{"*position_ids", "*_queue",    "queue_ptr",
                                                             "ptr_queue",     "*.pooler.*", "text_encoder*.cls.*"};
    const auto part = [](std::string_view name) { return name.substr(0, name.find('.')); };
    std::vector<std::string_view> parts;
    const auto is_part = [&](std::string_view p) { return std::find(parts.begin(), parts.end(), p) != parts.end(); };
    for (const auto& t : file_.tensors()) {
      const std::string_view p = part(std::string_view(t.name).substr(used_[number_of(t)] ? report_.prefix.size() : 0));
      if (used_[number_of(t)] && !is_part(p)) parts.push_back(p);
    }
    std::vector<std::string> left;
    for (const auto& t : file_.tensors()) {
      if (used_[number_of(t)]) continue;
      report_.unused.push_back(t.name);
      const std::string_view name =
          std::string_view(t.name).substr(t.name.starts_with(report_.prefix) ? report_.prefix.size() : 0);
      const bool buffer = std::any_of(buffers.begin(), buffers.end(),
                                      [&](std::string_view b) { return match_name(b, name).has_value(); });
      if (!buffer) left.push_back(t.name);
      if (!buffer && describe(report_.layout).whole_models && is_part(part(name))) report_.unexpected.push_back(t.name);
    }
    if (left.size() > 10'000) return;  // hints are not worth a minute
    for (std::size_t i = 0; i < std::min<std::size_t>(10, report_.missing.size()); ++i) {
      auto& m = report_.missing[i];
      const auto near = nearest_names(m.tensor.empty() ? m.name : m.tensor, left);
      if (!near.empty()) m.nearest = near[0];
    }
  }

  const arena_layout& model_;
  std::int64_t held_;
  const weights_file& file_;
  const load_options& options_;
  std::vector<std::string> ours_, theirs_;
  load_report report_;
  std::vector<load_step> steps_;
  std::vector<std::vector<std::size_t>> steps_of_;  // by entry
  std::vector<std::size_t> rows_;                   // of each name, the number of its rows
  std::size_t distinct_ = 0;                        // how many such numbers there are
  std::vector<std::size_t> absent_;                 // numbers of names
  std::vector<std::string> wanted_;                 // and how the file should call them
  std::vector<char> used_;                          // by tensor of the file
};

}  // namespace detail

// How a file fits a model of this layout, without reading a value and without complaint.
inline load_report compare_weights(const weights_file& file, const arena_layout& model,
                                   const load_options& options = {}) {
  return std::move(detail::load_planner(model, model.size(), file, options).report());
}

}  // namespace blip::inline BLIP_ABI
