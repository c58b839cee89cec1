// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <optional>
#include <unordered_map>

#include "blip/io/torch_archive.hpp"
#include "blip/io/zip_checksum.hpp"
#include "blip/io/zip_member.hpp"

namespace blip::inline BLIP_ABI {

[[gnu::cold]] inline torch_archive::torch_archive(std::shared_ptr<const input_file> file, const limits& bounds)
    : file_(std::move(file)) {
  std::array<std::byte, 2> first{};
  if (file_->size() < first.size()) fail("a checkpoint", std::to_string(file_->size()) + " bytes in all");
  file_->read(0, first);
  if (first[0] == std::byte{'P'} && first[1] == std::byte{'K'})
    open_zip(zip_file(file_, bounds), bounds);
  else if (first[0] == std::byte{0x80})
    open_legacy(bounds);
  else
    fail("a zip archive or a pickle", "other first bytes", "byte 0");
}

inline torch_archive::torch_archive(const zip_file& archive, const limits& bounds) : file_(archive.file()) {
  open_zip(archive, bounds);
}

// <top>/data.pkl is the pickle, <top>/data/<key> are the storages, <top>/byteorder says "little" where it is there.
[[gnu::cold]] inline void torch_archive::open_zip(const zip_file& archive, const limits& bounds) {
  if (archive.entries().empty()) fail("members", "an empty archive");
  const std::string top = archive.entries()[0].name.substr(0, archive.entries()[0].name.find('/')) + "/";
  for (const zip_entry& e : archive.entries()) {
    if (!e.name.starts_with(top)) fail("members below " + top, "others", e.name);
    if (e.deflated)
      fail("stored members", "a compressed one", e.name,
           "torch.save does not compress: load it in PyTorch and save it again");
  }
  if (const zip_entry* order = archive.find(top + "byteorder")) {
    constexpr std::string_view little = "little";
    std::string text(std::min<std::size_t>(order->bytes, little.size() + 1), '\0');
    zip_member member(archive, *order);
    member.read(std::as_writable_bytes(std::span(text)));
    if (text != little) fail("little-endian numbers", "another byte order", order->name);
    member.finish();
  }
  const zip_entry* code = archive.find(top + "data.pkl");
  if (code == nullptr) fail("the member " + top + "data.pkl", "none");
  if (code->bytes > bounds.pickle_bytes)
    throw limit_error({label() + ": bytes of " + detail::one_line(code->name),
                       "at most " + std::to_string(bounds.pickle_bytes),
                       std::to_string(code->bytes),
                       {}});
  const std::vector<std::byte> bytes = zip_member(archive, *code).read_rest();
  const pickle p(bytes, label() + " (" + detail::one_line(code->name) + ")", 0, bounds);
  if (p.bytes() != bytes.size()) fail("a pickle that fills its member", "bytes behind it", code->name);
  for (const pickle_storage& s : p.storages()) {
    const zip_entry* e = archive.find(top + "data/" + std::string(s.key));
    if (e == nullptr)
      fail("a member for every storage", "none for one", top + "data/" + std::string(s.key.substr(0, 64)));
    if (e->bytes / describe(s.type).bytes != s.elements)
      fail(std::to_string(s.elements) + " elements of " + describe(s.type).name, std::to_string(e->bytes) + " bytes",
           e->name);
    storages_.push_back({e->begin, e->bytes, e->crc, true});
  }
  collect(p, bounds);
}

// Five pickles (magic number, protocol 1001, facts about the machine, the value, the keys of the storages), then for
// every key the number of elements in 8 bytes, and the elements.
[[gnu::cold]] inline void torch_archive::open_legacy(const limits& bounds) {
  legacy_ = true;
  std::vector<std::byte> front(static_cast<std::size_t>(std::min(file_->size(), bounds.pickle_bytes)));
  file_->read(0, front);
  std::uint64_t at = 0;
  const auto next = [&](const char* what) {
    pickle p({front.data() + at, front.size() - static_cast<std::size_t>(at)}, label() + " (" + what + ")", at, bounds);
    at += p.bytes();
    return p;
  };
  const pickle magic = next("magic number");
  if (magic.top().kind != pickle_kind::wide || magic.text(magic.top()) != "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
    fail("PyTorch's magic number", "another pickle", "byte 0", "nothing was run");
  const pickle protocol = next("protocol");
  if (protocol.top().kind != pickle_kind::integer || protocol.top().number != 1001)
    fail("protocol 1001", "another", "protocol");
  const pickle machine = next("machine");
  const pickle_value* little = machine.find(machine.top(), "little_endian");
  if (little == nullptr || little->kind != pickle_kind::boolean || little->number != 1)
    fail("little-endian numbers", "another byte order", "machine");
  const pickle p = next("value");
  const pickle keys = next("keys of the storages");
  if (keys.top().kind != pickle_kind::list || keys.items(keys.top()).size() != p.storages().size())
    fail("a list of all storages", "something else", "keys of the storages");
  std::unordered_map<std::string_view, std::size_t> index;
  for (const pickle_storage& s : p.storages()) index.emplace(s.key, index.size());
  storages_.resize(index.size());
  for (const pickle_value& key : keys.items(keys.top())) {
    const std::string where = "storage at byte " + std::to_string(at);
    const auto known = key.kind == pickle_kind::text ? index.find(keys.text(key)) : index.end();
    if (known == index.end()) fail("the key of a storage, once", "another", where);
    const pickle_storage& s = p.storages()[known->second];
    std::uint64_t elements = 0;
    const std::uint64_t bytes = s.elements * describe(s.type).bytes;
    if (file_->size() - at < 8 || file_->size() - at - 8 < bytes)
      fail(std::to_string(bytes) + " bytes and their number", std::to_string(file_->size() - at), where,
           "the file may be incomplete");
    file_->read(at, std::as_writable_bytes(std::span(&elements, 1)));
    if (elements != s.elements) fail(std::to_string(s.elements) + " elements", std::to_string(elements), where);
    storages_[known->second] = {at + 8, bytes};
    at += 8 + bytes;
    index.erase(known);
  }
  if (at != file_->size())
    fail("a file that ends with its last storage", std::to_string(file_->size() - at) + " more bytes",
         "byte " + std::to_string(at));
  collect(p, bounds);
}

[[gnu::cold]] inline void torch_archive::collect(const pickle& p, const limits& bounds) {
  const pickle_value* root = &p.top();
  for (const char* key : {"model", "state_dict"}) {
    const pickle_value* inner = p.find(*root, key);
    if (inner == nullptr || inner->kind != pickle_kind::dictionary) continue;
    root = inner;
    break;
  }
  if (root->kind != pickle_kind::dictionary)
    fail("a dictionary of tensors", "another value", {}, "save model.state_dict()");

  std::vector<char> seen;  // else a small file could unfold into a large list, or for ever
  const auto mark = [&](const pickle_value& dictionary) {
    const auto number = static_cast<std::size_t>(dictionary.number);
    if (seen.size() <= number) seen.resize(number + 1);
    return !std::exchange(seen[number], char{1});
  };
  const auto require_within = [&](const char* what, std::uint64_t found, std::uint64_t bound) {
    if (found > bound)
      throw limit_error({label() + ": " + what, "at most " + std::to_string(bound), std::to_string(found), {}});
  };
  std::string name;
  std::uint64_t visited = 0, total = 0;
  const auto walk = [&](const auto& self, const std::vector<pickle_value>& items, int depth) -> void {
    const std::size_t prefix = name.size();
    for (std::size_t i = 0; i < items.size(); i += 2, name.resize(prefix)) {
      const pickle_value &key = items[i], &value = items[i + 1];
      require_within("entries of dictionaries", ++visited, bounds.tensors);
      if (key.kind != pickle_kind::text || (value.kind != pickle_kind::tensor && value.kind != pickle_kind::dictionary))
        continue;
      require_within("bytes of a name", name.size() + key.length, bounds.name_bytes);
      name += p.text(key);
      if (value.kind == pickle_kind::dictionary) {
        name += '.';
        if (!mark(value)) fail("every dictionary in one place", "one that is in two", name);
        require_within("dictionaries within another", static_cast<std::uint64_t>(depth + 1),
                       static_cast<std::uint64_t>(bounds.json_depth));
        self(self, p.items(value), depth + 1);
        continue;
      }
      const pickle_tensor& t = p.tensor(value);
      torch_tensor named{t.view, name, t.storage};
      require_within("bytes of all tensors", total += named.elements() * describe(named.type).bytes,
                     bounds.tensor_bytes);
      if (!tensors_.add(std::move(named))) fail("every name once", "twice", name);
    }
  };
  mark(*root);
  walk(walk, p.items(*root), 1);
}

[[gnu::cold]] inline std::vector<std::byte> torch_archive::bytes(const torch_tensor& t) const {
  if (t.elements() == 0) return {};
  const stored_block& s = storages_.at(t.storage);
  const std::uint64_t size = describe(t.type).bytes;
  std::vector<std::byte> raw(static_cast<std::size_t>(detail::count_spanned(t).value() * size));
  const bool check = s.summed && !std::atomic_ref(s.verified).load(std::memory_order_relaxed);
  file_->read(s.begin + t.offset * size, raw);
  if (check) {
    std::uint32_t sum = 0;
    if (raw.size() == s.bytes) {
      sum = zip_checksum(raw);
    } else {
      std::vector<std::byte> block(std::size_t{1} << 16);
      for (std::uint64_t at = 0; at < s.bytes; at += block.size()) {
        const auto part = std::span(block).first(std::min<std::size_t>(block.size(), s.bytes - at));
        file_->read(s.begin + at, part);
        sum = zip_checksum(part, sum);
      }
    }
    if (sum != s.crc)
      fail("checksum " + std::to_string(s.crc), std::to_string(sum), t.name, "the file was damaged: fetch it again");
    std::atomic_ref(s.verified).store(true, std::memory_order_relaxed);
  }
  return detail::is_packed(t) ? raw : detail::gather(t, raw);
}

[[gnu::cold]] inline void torch_archive::each_piece(const torch_tensor& t,
                                                    function_ref<void(std::span<const std::byte>)> f) const {
  const std::uint64_t size = t.elements() * describe(t.type).bytes;
  if (size == 0) return;
  const stored_block& s = storages_.at(t.storage);
  const bool check = s.summed && !std::atomic_ref(s.verified).load(std::memory_order_relaxed);
  if (!detail::is_packed(t) || (check && size != s.bytes)) {
    const std::vector<std::byte> all = bytes(t);
    return f(all);
  }
  std::uint32_t sum = 0;
  detail::read_pieces(*file_, s.begin + t.offset * describe(t.type).bytes, size, [&](std::span<const std::byte> piece) {
    if (check) sum = zip_checksum(piece, sum);
    f(piece);
  });
  if (!check) return;
  if (sum != s.crc)
    fail("checksum " + std::to_string(s.crc), std::to_string(sum), t.name, "the file was damaged: fetch it again");
  std::atomic_ref(s.verified).store(true, std::memory_order_relaxed);
}

}  // namespace blip::inline BLIP_ABI
