// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "blip/io/load_weights.hpp"
#include "blip/io/model_config_json.hpp"
#include "blip/io/preprocessor_config.hpp"
#include "blip/io/save_weights.hpp"

namespace blip::inline BLIP_ABI {

// A model in the folder layout of Hugging Face: config.json, weights (one file, or an index of several), and beside
// them preprocessor_config.json, vocab.txt, tokenizer.json where they are there. Throws io_error, format_error,
// limit_error, config_error. Source: what `save_pretrained` of transformers writes.
class model_folder {
 public:
  [[gnu::cold]] explicit model_folder(std::string path, const limits& bounds = {})
      : path_(std::move(path)), bounds_(bounds), config_(read_model_config(path_ + "/config.json", bounds)) {
    if (const auto file = find("preprocessor_config.json")) {
      preprocessor_ = read_preprocessor_config(*file, bounds);
    } else {
      preprocessor_.height = config_.sizes.options.vision.image_height;
      preprocessor_.width = config_.sizes.options.vision.image_width;
    }
  }

  const std::string& path() const { return path_; }
  const model_config& config() const { return config_; }
  const tower_options& options() const { return config_.sizes.options; }
  const preprocessor_config& preprocessor() const { return preprocessor_; }

  // The path of a file of the folder; none when it is not there.
  std::optional<std::string> find(std::string_view name) const {
    struct stat s {};
    std::string file = path_ + "/" + std::string(name);
    return ::stat(file.c_str(), &s) == 0 ? std::optional(std::move(file)) : std::nullopt;
  }
  [[gnu::cold]] weights_file weights() const {
    for (const char* name :
         {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (const auto file = find(name)) return weights_file(*file, bounds_);
    throw io_error(
        {path_ + ": no weights", "model.safetensors or pytorch_model.bin, or the index of several files", "none", {}});
  }

 private:
  std::string path_;
  limits bounds_;
  model_config config_;
  preprocessor_config preprocessor_;
};

// Reads a folder's weights into a model of the structure `compiled`. Throws config_error that names the first size in
// which they differ, and what load_weights throws.
template <backend B>
load_report load_model(const model_folder& folder, const tower_config& compiled, arena<B>& values,
                       const load_options& options = {}) {
  require_structure(folder.path() + "/config.json", compiled, folder.config().sizes.structure);
  return load_weights(folder.weights(), values, options);
}

// Writes a folder that transformers' `from_pretrained` reads, but for the tokenizer's files: weights in its layout,
// config.json, generation_config.json, preprocessor_config.json. The folder may be there already, its parent must be.
// Throws config_error for what transformers has no class or name for, io_error.
template <backend B>
void save_model(const std::string& path, const model_config& config, const arena<B>& values,
                save_options options = {}) {
  options.layout = weights_layout::transformers;
  const auto tensors = detail::plan_save(*values.layout(), detail::stored_type_of<typename B::scalar>(), options);
  if (tensors.empty()) throw config_error({path + ": no parameters to save", {}, {}, {}});
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) detail::throw_io(path, "creating the folder");
  save_weights(path + "/model.safetensors", values, options);
  const vit_options& v = config.sizes.options.vision;
  write_file(path + "/config.json", model_config_json(config));
  if (config.sizes.structure.decoder.width > 0)
    write_file(path + "/generation_config.json", generation_config_json(config));
  preprocessor_config pictures;
  pictures.height = v.image_height, pictures.width = v.image_width;
  write_file(path + "/preprocessor_config.json", preprocessor_json(pictures));
}

}  // namespace blip::inline BLIP_ABI
