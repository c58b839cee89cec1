// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bodies of pickle.hpp, which includes this file.
#include "blip/io/pickle.hpp"

namespace blip::inline BLIP_ABI {

inline bool pickle::step(std::uint8_t opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (at_ != 1 || take<std::uint8_t>() > 5) fail("protocol 5 or less, first of all", "another");
      return true;
    case 0x95:  // FRAME
      if (take<std::uint64_t>() > code_.size() - at_) fail("a frame within the pickle", "a longer one");
      return true;
    case '.':  // STOP
      return stop();
    case '(':  // MARK
      marks_.push_back(stack_.size());
      return true;
    case 'N':  // NONE
      return push(kind::none, 0);
    case 0x88:  // NEWTRUE
      return push(kind::boolean, 1);
    case 0x89:  // NEWFALSE
      return push(kind::boolean, 0);
    case 'K':  // BININT1
      return push(kind::integer, take<std::uint8_t>());
    case 'M':  // BININT2
      return push(kind::integer, take<std::uint16_t>());
    case 'J':  // BININT
      return push(kind::integer, take<std::int32_t>());
    case 0x8a:  // LONG1
      return push(take_long());
    case 'G':  // BINFLOAT, the one number that is big-endian: only its bits are kept
      return push(kind::real, static_cast<std::int64_t>(__builtin_bswap64(take<std::uint64_t>())));
    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING
      return push(take_text(take<std::uint32_t>()));
    case 0x8c:  // SHORT_BINUNICODE
    case 'U':   // SHORT_BINSTRING
      return push(take_text(take<std::uint8_t>()));
    case ')':  // EMPTY_TUPLE
      return push(kind::tuple, 0);
    case ']':  // EMPTY_LIST
      return push(keep(kind::list, {}));
    case '}':  // EMPTY_DICT
      return push(keep(kind::dictionary, {}));
    case 't':  // TUPLE
      return push(keep(kind::tuple, pop_to_mark()));
    case 0x85:  // TUPLE1, TUPLE2, TUPLE3
    case 0x86:
    case 0x87:
      return push(keep(kind::tuple, pop_many(opcode - 0x84u)));
    case 'a': {  // APPEND
      const values one = pop_many(1);
      return append(top_of(kind::list, "a list"), one, false);
    }
    case 'e': {  // APPENDS
      const values more = pop_to_mark();
      return append(top_of(kind::list, "a list"), more, false);
    }
    case 's': {  // SETITEM
      const values pair = pop_many(2);
      return append(top_of(kind::dictionary, "a dictionary"), pair, true);
    }
    case 'u': {  // SETITEMS
      const values pairs = pop_to_mark();
      return append(top_of(kind::dictionary, "a dictionary"), pairs, true);
    }
    case 'c': {  // GLOBAL
      const std::string_view module = take_line();
      return push_global(module, take_line());
    }
    case 0x93: {  // STACK_GLOBAL
      const values names = pop_many(2);
      if (names[0].kind != kind::text || names[1].kind != kind::text) fail("the name of a global", "something else");
      return push_global(text(names[0]), text(names[1]));
    }
    case 'R': {  // REDUCE
      const values call = pop_many(2);
      return push(reduce(call[0], call[1]));
    }
    case 'b':  // BUILD: attributes of a dictionary, such as _metadata of a state dictionary; nobody reads them
      if (pop().kind != kind::dictionary) fail("attributes as a dictionary", "something else");
      top_of(kind::dictionary, "a dictionary");
      return true;
    case 'Q':  // BINPERSID
      return push(storage(pop()));
    case 'q':  // BINPUT
      return remember(take<std::uint8_t>());
    case 'r':  // LONG_BINPUT
      return remember(take<std::uint32_t>());
    case 0x94:  // MEMOIZE
      return remember(memo_.size());
    case 'h':  // BINGET
      return recall(take<std::uint8_t>());
    case 'j':  // LONG_BINGET
      return recall(take<std::uint32_t>());
    default:
      fail("an opcode that state dictionaries need", std::to_string(opcode), "nothing was run");
  }
}

[[gnu::cold]] inline pickle_value pickle::reduce(const pickle_value& f, const pickle_value& arguments) {
  if (f.kind != kind::global || arguments.kind != kind::tuple)
    fail("a tensor, a size or a dictionary", "something else");
  const values& a = items(arguments);
  const pickle_role role = pickle_globals[static_cast<std::size_t>(f.number)].role;
  switch (role) {
    case pickle_role::ordered_dictionary:
      if (!a.empty()) fail("an empty dictionary that is filled afterwards", "one with arguments");
      return keep(kind::dictionary, {});
    case pickle_role::size:
      if (a.size() != 1 || a[0].kind != kind::tuple) fail("a size of one tuple", "something else");
      return a[0];
    case pickle_role::device:
      return {};
    case pickle_role::tensor:
    case pickle_role::tensor_v2:
    case pickle_role::tensor_v3:
      return rebuild(role, a);
    case pickle_role::parameter:
    case pickle_role::parameter_v2:
      if (a.size() != (role == pickle_role::parameter ? 3u : 4u) || a[0].kind != kind::tensor)
        fail("a parameter of a tensor", "something else");
      return a[0];
    case pickle_role::storage:
    case pickle_role::untyped_storage:
    case pickle_role::element_type:
      break;
  }
  fail("a tensor, a size or a dictionary", "a type that was called", "nothing was run");
}

[[gnu::cold]] inline pickle_value pickle::rebuild(pickle_role role, const values& a) {
  const std::size_t least = role == pickle_role::tensor ? 4 : role == pickle_role::tensor_v2 ? 6 : 7;
  const std::size_t most = role == pickle_role::tensor ? 4 : least + 1;
  if (a.size() < least || a.size() > most)
    fail("a tensor of " + std::to_string(least) + " arguments", std::to_string(a.size()));
  if (a[0].kind != kind::storage) fail("a tensor on a storage", "something else");
  pickle_tensor t{.storage = static_cast<std::size_t>(a[0].number)};
  const pickle_storage& s = storages_[t.storage];
  t.view = {s.type, numbers(a[2], "a size"), numbers(a[3], "a stride"), number(a[1], "an offset")};
  if (t.view.shape.size() != t.view.strides.size()) fail("as many strides as sizes", "another number");
  if (role != pickle_role::tensor && (a[4].kind != kind::boolean || a[5].kind != kind::dictionary))
    fail("a flag and a dictionary of hooks", "something else");
  if ((role == pickle_role::tensor_v3) != s.untyped) fail("a storage of the tensor's kind", "another");
  if (role == pickle_role::tensor_v3) {
    if (a[6].kind != kind::global ||
        pickle_globals[static_cast<std::size_t>(a[6].number)].role != pickle_role::element_type)
      fail("an element type", "something else");
    t.view.type = pickle_globals[static_cast<std::size_t>(a[6].number)].type;
  }
  for (const std::uint64_t d : t.view.shape) require_within("a dimension of a tensor", d, bounds_.dimension);
  const std::uint64_t size = describe(t.view.type).bytes, room = s.elements * describe(s.type).bytes;
  const auto count = detail::count_elements(t.view.shape);
  const auto spanned = detail::count_spanned(t.view);
  std::uint64_t end = 0, bytes = 0;
  if (!count || !spanned || __builtin_mul_overflow(*count, size, &bytes) ||
      __builtin_add_overflow(t.view.offset, *spanned, &end) || __builtin_mul_overflow(end, size, &end))
    fail("a tensor whose size can be counted", "one that overflows");
  if (end > room) fail("a tensor within its storage of " + std::to_string(room) + " bytes", std::to_string(end));
  if (bytes > room) require_within("bytes of a tensor that repeats its storage", bytes, bounds_.repeated_bytes);
  require_within("bytes of a tensor", bytes, bounds_.tensor_bytes);
  tensors_.push_back(std::move(t));
  require_within("tensors", tensors_.size(), bounds_.tensors);
  return {kind::tensor, 0, static_cast<std::int64_t>(tensors_.size() - 1)};
}

[[gnu::cold]] inline std::vector<std::uint64_t> pickle::numbers(const pickle_value& v, const char* what) const {
  if (v.kind != kind::tuple) fail(std::string(what) + " as a tuple", "something else");
  require_within("dimensions of a tensor", items(v).size(), static_cast<std::uint64_t>(bounds_.rank));
  std::vector<std::uint64_t> out;
  for (const pickle_value& n : items(v)) out.push_back(number(n, what));
  return out;
}

// ("storage", type, key, location, elements), before version 1.6 with a sixth one that is None.
[[gnu::cold]] inline pickle_value pickle::storage(const pickle_value& id) {
  if (id.kind != kind::tuple) fail("a storage", "something else");
  const values& a = items(id);
  if ((a.size() != 5 && a.size() != 6) || !is_text(a[0], "storage") || a[1].kind != kind::global ||
      a[2].kind != kind::text || a[3].kind != kind::text || (a.size() == 6 && a[5].kind != kind::none))
    fail("a storage of type, key, place and size", "something else");
  const pickle_global& type = pickle_globals[static_cast<std::size_t>(a[1].number)];
  const bool untyped = type.role == pickle_role::untyped_storage;
  if (type.role != pickle_role::storage && !untyped) fail("the type of a storage", std::string(type.name));
  const pickle_storage s{text(a[2]), type.type, number(a[4], "a number of elements"), untyped};
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(s.elements, describe(s.type).bytes, &bytes))
    fail("a storage whose size can be counted", "one that overflows");
  require_within("bytes of a storage", bytes, bounds_.tensor_bytes);
  const auto [at, fresh] = storage_index_.emplace(s.key, storages_.size());
  if (fresh) storages_.push_back(s);
  const pickle_storage& known = storages_[at->second];
  if (known.type != s.type || known.elements != s.elements || known.untyped != s.untyped)
    fail("one type and size for a storage", "two");
  return {kind::storage, 0, static_cast<std::int64_t>(at->second)};
}

}  // namespace blip::inline BLIP_ABI
