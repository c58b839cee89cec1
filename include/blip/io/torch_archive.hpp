// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/io/pickle.hpp"
#include "blip/io/strided_view.hpp"
#include "blip/io/tensor_list.hpp"
#include "blip/io/zip_file.hpp"

namespace blip::inline BLIP_ABI {

// One tensor of a checkpoint: its name, and which elements of which storage it consists of.
struct torch_tensor : strided_view {
  std::string name{};
  std::size_t storage = 0;

  std::uint64_t elements() const { return detail::count_elements(shape).value_or(0); }
};

// Reads what torch.save wrote: a zip archive, or (before version 1.6) pickles with storages behind them. The tensors
// are those of the dictionary under `model`, or `state_dict`, or else of the whole file; dictionaries in it join their
// keys by dots; what is not a tensor (epoch, configuration, the state of an optimiser beside the model) is left out.
// Nothing in the file is ever run. Every storage is held against its checksum when it is first read.
// Throws io_error, format_error (with the place) and limit_error. Source: torch/serialization.py of PyTorch 2.
class torch_archive {
 public:
  explicit torch_archive(const std::string& path, const limits& bounds = {})
      : torch_archive(std::make_shared<const input_file>(path), bounds) {}
  explicit torch_archive(std::shared_ptr<const input_file> file, const limits& bounds = {});
  explicit torch_archive(const zip_file& archive, const limits& bounds = {});

  const std::string& path() const { return file_->path(); }
  bool legacy() const { return legacy_; }
  const std::vector<torch_tensor>& tensors() const { return tensors_.all(); }
  const torch_tensor* find(std::string_view name) const { return tensors_.find(name); }

  // The bytes of a tensor of this file, row after row. May be called by several threads.
  std::vector<std::byte> bytes(const torch_tensor& t) const;
  // The same piece by piece, each but the last a multiple of 8 bytes.
  void each_piece(const torch_tensor& t, function_ref<void(std::span<const std::byte>)> f) const;
  // Whether two tensors are the same elements of one storage.
  bool same_place(const torch_tensor& a, const torch_tensor& b) const {
    return a.storage == b.storage && a.offset == b.offset && a.shape == b.shape && a.strides == b.strides;
  }
  // Its elements, converted to T one by one.
  template <class T>
  std::vector<T> read(const torch_tensor& t) const {
    return detail::convert_stored<T>(t.type, bytes(t));
  }

 private:
  struct stored_block {
    std::uint64_t begin = 0, bytes = 0;
    std::uint32_t crc = 0;
    bool summed = false;
    mutable bool verified = false;  // by whichever thread reads it first
  };

  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found, std::string_view where = {},
                                    std::string_view hint = {}) const {
    throw format_error({label() + (where.empty() ? "" : " (" + detail::one_line(where) + ")"),
                        detail::one_line(expected), found, hint});
  }
  std::string label() const { return path() + ": not a PyTorch checkpoint"; }

  void open_zip(const zip_file& archive, const limits& bounds);
  void open_legacy(const limits& bounds);
  void collect(const pickle& p, const limits& bounds);

  std::shared_ptr<const input_file> file_;
  bool legacy_ = false;
  tensor_list<torch_tensor> tensors_;
  std::vector<stored_block> storages_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/io/torch_archive-inl.hpp"
