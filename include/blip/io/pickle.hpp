// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/io/pickle_globals.hpp"
#include "blip/io/strided_view.hpp"
#include "blip/io/zip_file.hpp"

namespace blip::inline BLIP_ABI {

enum class pickle_kind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  text,  // also Python 2's byte strings
  wide,  // an integer of more than 64 bits: its bytes, like a text
  list,
  tuple,
  dictionary,  // its items are key, value, key, value, ...
  global,
  storage,
  tensor,
  absent  // in a memo slot that nothing was put into
};

// A value of the program: a number as it is, of everything else the place where it is kept.
struct pickle_value {
  pickle_kind kind = pickle_kind::none;
  std::uint32_t length = 0;
  std::int64_t number = 0;
};

// A block of numbers that the pickle names and the container holds.
struct pickle_storage {
  std::string_view key;
  stored_type type = stored_type::u8;
  std::uint64_t elements = 0;
  bool untyped = false;  // elements are bytes
};

struct pickle_tensor {
  std::size_t storage = 0;
  strided_view view{};
};

// Runs the pickle of a state dictionary without running anything: there are no callables, only the values above; the
// opcodes are those that torch.save writes (protocols 2 to 5), the globals those of pickle_globals.hpp, and every view
// is held against its storage when it appears. No recursion. The bytes must outlive this object. Throws format_error
// with the place of the opcode, and limit_error. Source: CPython's Lib/pickletools.py;
// torch/_weights_only_unpickler.py.
class pickle {
 public:
  // `name` and `base` say in errors which file, and at which byte of it the code begins.
  pickle(std::span<const std::byte> code, std::string name, std::uint64_t base, const limits& bounds)
      : code_(code), name_(std::move(name)), base_(base), bounds_(bounds) {
    for (bool running = true; running;) {
      require_within("opcodes", ++opcodes_, bounds.pickle_opcodes);
      opcode_at_ = at_;
      running = step(take<std::uint8_t>());
      require_within("values on the stack", stack_.size() + marks_.size(), bounds.pickle_stack);
    }
  }

  const pickle_value& top() const { return stack_.back(); }
  std::size_t bytes() const { return at_; }  // up to and with the last opcode
  std::string_view text(const pickle_value& v) const {
    return {reinterpret_cast<const char*>(code_.data()) + v.number, v.length};
  }
  const std::vector<pickle_value>& items(const pickle_value& v) const {
    return items_[static_cast<std::size_t>(v.number)];
  }
  const pickle_tensor& tensor(const pickle_value& v) const { return tensors_[static_cast<std::size_t>(v.number)]; }
  const std::vector<pickle_storage>& storages() const { return storages_; }
  bool is_text(const pickle_value& v, std::string_view s) const { return v.kind == pickle_kind::text && text(v) == s; }

  // The value under a key of a dictionary: the last one, as in Python. Null when there is none.
  const pickle_value* find(const pickle_value& dictionary, std::string_view key) const {
    const pickle_value* found = nullptr;
    if (dictionary.kind != pickle_kind::dictionary) return found;
    const auto& all = items(dictionary);
    for (std::size_t i = 0; i < all.size(); i += 2)
      if (is_text(all[i], key)) found = &all[i + 1];
    return found;
  }

  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found,
                                    std::string_view hint = {}) const {
    throw format_error(
        {name_ + ", byte " + std::to_string(base_ + opcode_at_), expected, detail::one_line(found), hint});
  }

 private:
  using kind = pickle_kind;
  using values = std::vector<pickle_value>;

  void require_within(const char* what, std::uint64_t found, std::uint64_t bound) const {
    if (found > bound)
      throw limit_error({name_ + ", byte " + std::to_string(base_ + opcode_at_) + ": " + what,
                         "at most " + std::to_string(bound),
                         std::to_string(found),
                         {}});
  }

  // Bytes of the code.
  const std::byte* skip(std::uint64_t n) {
    if (n > code_.size() - at_)
      fail("a pickle that ends with STOP", "the end of the bytes", "the file may be incomplete");
    const std::byte* from = code_.data() + at_;
    at_ += static_cast<std::size_t>(n);
    return from;
  }
  template <class T>
  T take() {
    return detail::little<T>(skip(sizeof(T)));
  }
  pickle_value take_text(std::uint64_t length, kind k = kind::text) {
    require_within("bytes of a text", length, bounds_.pickle_string);
    const auto from = static_cast<std::int64_t>(at_);
    const auto* bytes = reinterpret_cast<const char*>(skip(length));
    if (k == kind::text && !simdjson::validate_utf8(bytes, length)) fail("text in UTF-8", "other bytes");
    return {k, static_cast<std::uint32_t>(length), from};
  }
  std::string_view take_line() {
    const std::string_view rest(reinterpret_cast<const char*>(code_.data()) + at_, code_.size() - at_);
    const auto end = rest.substr(0, 256).find('\n');
    if (end == rest.npos) fail("the name of a global", "none");
    skip(end + 1);
    return rest.substr(0, end);
  }
  pickle_value take_long() {
    const auto n = take<std::uint8_t>();
    if (n > 8) return take_text(n, kind::wide);
    const std::byte* from = skip(n);
    std::uint64_t v = n > 0 && (from[n - 1] & std::byte{128}) != std::byte{} ? ~std::uint64_t{} : 0;
    std::memcpy(&v, from, n);
    return {kind::integer, 0, static_cast<std::int64_t>(v)};
  }

  // The stack. Nothing reaches below the newest mark, as in Python.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  pickle_value pop() {
    if (stack_.size() <= floor()) fail("a value on the stack", "none");
    const pickle_value v = stack_.back();
    stack_.pop_back();
    return v;
  }
  values pop_to_mark() {
    if (marks_.empty()) fail("a mark", "none");
    const std::size_t mark = marks_.back();
    marks_.pop_back();
    return pop_from(mark);
  }
  values pop_many(std::size_t n) {
    if (stack_.size() - floor() < n) fail(std::to_string(n) + " values on the stack", "fewer");
    return pop_from(stack_.size() - n);
  }
  values pop_from(std::size_t first) {
    values v(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
    while (stack_.size() > first) stack_.pop_back();
    return v;
  }
  values& top_of(kind k, const char* what) {
    if (stack_.size() <= floor() || stack_.back().kind != k)
      fail(std::string(what) + " on the stack", "something else");
    return items_[static_cast<std::size_t>(stack_.back().number)];
  }
  bool push(pickle_value v) {
    stack_.push_back(v);
    return true;
  }
  bool push(kind k, std::int64_t number) { return push({k, 0, number}); }
  pickle_value keep(kind k, values v) {
    // Picklers give nearly each a memo slot. Without a bound, opcodes of one byte would take a hundred bytes each.
    require_within("lists, tuples and dictionaries", items_.size(), bounds_.pickle_memo + 64);
    items_.push_back(std::move(v));
    return {k, 0, static_cast<std::int64_t>(items_.size() - 1)};
  }
  bool append(values& to, const values& more, bool pairs) {
    if (pairs && more.size() % 2 != 0) fail("keys with values", "a key without one");
    to.insert(to.end(), more.begin(), more.end());
    return true;
  }

  bool remember(std::uint64_t slot) {
    // Picklers count their slots: none is far beyond the number of opcodes, and the memo stays as small as the code.
    if (slot >= opcodes_) fail("a memo slot that counts up", std::to_string(slot));
    require_within("memo slots", slot + 1, bounds_.pickle_memo);
    if (stack_.size() <= floor()) fail("a value on the stack", "none");
    while (memo_.size() <= slot) memo_.push_back({kind::absent});
    memo_[static_cast<std::size_t>(slot)] = stack_.back();
    return true;
  }
  bool recall(std::uint64_t slot) {
    if (slot >= memo_.size() || memo_[static_cast<std::size_t>(slot)].kind == kind::absent)
      fail("a memo slot that holds something", std::to_string(slot));
    return push(memo_[static_cast<std::size_t>(slot)]);
  }

  bool push_global(std::string_view module, std::string_view name) {
    const int i = find_pickle_global(module, name);
    if (i < 0)
      fail("tensors, dictionaries, lists, numbers and texts", std::string(module) + "." + std::string(name),
           "nothing was run; if the file is yours, save model.state_dict() alone");
    return push(kind::global, i);
  }

  // One opcode; false at the end.
  bool step(std::uint8_t opcode);
  bool stop() const {
    if (stack_.size() != 1 || !marks_.empty()) fail("one value at the end", std::to_string(stack_.size()) + " values");
    return false;
  }

  // What a REDUCE stands for: none of it runs code, each is a form of one of our values.
  pickle_value reduce(const pickle_value& f, const pickle_value& arguments);
  pickle_value rebuild(pickle_role role, const values& a);
  std::vector<std::uint64_t> numbers(const pickle_value& v, const char* what) const;
  std::uint64_t number(const pickle_value& v, const char* what) const {
    if (v.kind != kind::integer || v.number < 0) fail(std::string(what) + " that is not negative", "something else");
    return static_cast<std::uint64_t>(v.number);
  }
  pickle_value storage(const pickle_value& id);

  std::span<const std::byte> code_;
  std::string name_;
  std::uint64_t base_ = 0;
  limits bounds_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::uint64_t opcodes_ = 0;
  values stack_, memo_;
  std::vector<std::size_t> marks_;
  std::vector<values> items_{{}};  // the first one is the empty tuple
  std::vector<pickle_tensor> tensors_;
  std::vector<pickle_storage> storages_;
  std::unordered_map<std::string_view, std::size_t> storage_index_;
};

}  // namespace blip::inline BLIP_ABI

#include "blip/io/pickle-inl.hpp"
