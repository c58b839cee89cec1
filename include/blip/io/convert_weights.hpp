// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/io/load_report.hpp"
#include "blip/io/recognise_layout.hpp"
#include "blip/io/sharded_safetensors.hpp"
#include "blip/io/weights_file.hpp"

namespace blip::inline BLIP_ABI {

// Official names of what only training needs: temperatures, queues and momentum copies.
inline std::vector<std::string> training_only_names() {
  return {"temp",
          "*_queue",
          "queue_ptr",
          "ptr_queue",
          "visual_encoder_m.*",
          "text_encoder_m.*",
          "text_decoder_m.*",
          "vision_proj_m.*",
          "text_proj_m.*",
          "cls_head_m.*"};
}

struct convert_options {
  std::optional<weights_layout> from{};  // none: recognised by the names
  weights_layout to = weights_layout::transformers;
  std::vector<std::string> leave_out{};  // patterns of official names that may be left out
  bool restore_ties = true;              // write the word head's tied tensors where the file has them once
  std::uint64_t shard_bytes = 5'000'000'000;
  std::map<std::string, std::string> metadata{{"format", "pt"}};
};

namespace detail {

// Tensors of a word head that are those of another name: they may be absent from a file.
struct tied_names {
  std::string_view name, twin;
};
inline constexpr std::array<tied_names, 2> word_head_ties{{
    {"*.cls.predictions.decoder.weight", "*.bert.embeddings.word_embeddings.weight"},
    {"*.cls.predictions.decoder.bias", "*.cls.predictions.bias"},
}};

// A tensor to be written: some rows of one of ours, which tensors of the file make up.
struct converted_tensor {
  safetensors_tensor tensor;
  std::vector<const weights_tensor*> from;
  std::size_t part = 0, parts = 1;
};

class conversion {
 public:
  conversion(const weights_file& file, const convert_options& o) : file_(file), options_(o) {
    for (const auto& t : file.tensors()) names_.push_back(t.name);
    found_ = recognise_layout(names_);
    if (o.from && *o.from != found_.layout) found_.layout = *o.from, found_.prefix = describe(*o.from).prefixes[0];
    gather();
    if (o.restore_ties && o.to != weights_layout::transformers) restore_ties();
    for (const auto& [name, from] : ours_) place(name, from);
    if (!homeless_.empty())
      throw config_error({file.path() + ": layout " + std::string(describe(o.to).name) + " has no names for " +
                              first_ten(homeless_.size(), [&](std::size_t i) { return homeless_[i]; }),
                          "tensors that the layout can hold", std::to_string(homeless_.size()) + " that it cannot",
                          "choose another layout, or name them in convert_options::leave_out to drop them"});
  }

  const std::vector<converted_tensor>& tensors() const { return all_; }

 private:
  // Tensors of the file by our names; several where their rows follow each other.
  void gather() {
    for (const auto& t : file_.tensors()) {
      const auto ours = our_name(found_.layout, found_.prefix, t.name);
      if (!ours) {
        if (!left_out(t.name)) homeless_.push_back(t.name);
        continue;
      }
      if (ours->order != element_order::same)
        throw config_error({file_.path() + ": " + one_line(t.name), "tensors in their usual order", "an array of JAX",
                            "load it into a model and save that"});
      auto& from = ours_[ours->name];
      from.resize(ours->parts);
      if (from[ours->part]) throw format_error({file_.path() + ": two tensors are " + one_line(ours->name), {}, {}, {}});
      from[ours->part] = &t;
    }
    for (const auto& [name, from] : ours_)
      for (const weights_tensor* t : from)
        if (!t || t->type != from[0]->type || t->shape.empty() != from[0]->shape.empty())
          throw format_error({file_.path() + ": parts of " + one_line(name), "all of them, of one type", "others", {}});
  }
  void restore_ties() {
    std::vector<std::pair<std::string, std::vector<const weights_tensor*>>> added;
    for (const auto& [name, from] : ours_)
      for (const tied_names& tie : word_head_ties)
        if (auto head = rename_by(tie.twin, tie.name, name))
          if (ours_.count(*head) == 0 && (tie.twin.ends_with("bias") || has_head(*head)))
            added.emplace_back(*head, from);
    for (auto& [name, from] : added) ours_.emplace(std::move(name), std::move(from));
  }
  bool has_head(const std::string& name) const {
    return ours_.count(name.substr(0, name.find(".decoder.")) + ".bias") > 0;
  }

  void place(const std::string& name, const std::vector<const weights_tensor*>& from) {
    const auto sources = names_in(options_.to, describe(options_.to).prefixes[0], name);
    const bool known = !sources.empty() && sources[0].order == element_order::same;
    if (left_out(name)) return;
    if (!known) return homeless_.push_back(name);
    const std::size_t parts = sources[0].names.size();
    for (std::size_t p = 0; p < parts; ++p) {
      converted_tensor t{{.name = sources[0].names[p], .type = from[0]->type, .shape = from[0]->shape}, from, p, parts};
      if (from.size() != 1 || parts != 1) {
        std::uint64_t rows = 0;
        for (const weights_tensor* part : from) rows += part->shape.empty() ? 0 : part->shape[0];
        if (rows == 0 || rows % parts != 0)
          throw format_error({file_.path() + ": " + one_line(name),
                              "rows in " + std::to_string(parts) + " equal parts",
                              std::to_string(rows),
                              {}});
        t.tensor.shape[0] = rows / parts;
      }
      all_.push_back(std::move(t));
    }
  }
  bool left_out(const std::string& name) const {
    return std::any_of(options_.leave_out.begin(), options_.leave_out.end(),
                       [&](const auto& p) { return match_name(p, name).has_value(); });
  }

  const weights_file& file_;
  const convert_options& options_;
  std::vector<std::string> names_, homeless_;
  found_layout found_;
  std::map<std::string, std::vector<const weights_tensor*>> ours_;
  std::vector<converted_tensor> all_;
};

}  // namespace detail

// Writes a file of weights anew, as safetensors, in the names of another layout: containers and names change, split
// weights are joined and joined ones split, tied ones restored; element types and bits stay. Nothing is dropped that
// the options do not name. Returns the path to be loaded. Throws io_error, format_error, limit_error, config_error.
inline std::string convert_weights(const weights_file& from, const std::string& to,
                                   const convert_options& options = {}) {
  const detail::conversion plan(from, options);
  std::vector<safetensors_tensor> tensors;
  for (const auto& t : plan.tensors()) tensors.push_back(t.tensor);
  std::vector<std::byte> bytes;
  const std::vector<const weights_tensor*>* held = nullptr;
  return write_sharded_safetensors(
      to, tensors,
      [&](std::size_t i) {
        const detail::converted_tensor& t = plan.tensors()[i];
        if (!held || *held != t.from) {
          bytes.clear();
          for (const weights_tensor* part : t.from) {
            const std::vector<std::byte> more = from.bytes(*part);
            bytes.insert(bytes.end(), more.begin(), more.end());
          }
          held = &t.from;
        }
        const std::size_t size = bytes.size() / t.parts;
        return std::span<const std::byte>(bytes).subspan(t.part * size, size);
      },
      options.shard_bytes, options.metadata);
}

}  // namespace blip::inline BLIP_ABI
