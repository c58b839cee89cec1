// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

// What a global of a pickle means to us.
enum class pickle_role : std::uint8_t {
  ordered_dictionary,
  size,
  device,
  tensor,        // _rebuild_tensor(storage, offset, size, strides)
  tensor_v2,     // the same, requires_grad, hooks[, metadata]
  tensor_v3,     // the same, requires_grad, hooks, dtype[, metadata], on an untyped storage
  parameter,     // _rebuild_parameter(tensor, requires_grad, hooks)
  parameter_v2,  // the same, and attributes, which are dropped
  storage,
  untyped_storage,
  element_type
};

struct pickle_global {
  std::string_view module, name;
  pickle_role role;
  stored_type type = stored_type::u8;  // of storages and element types
};

// The only globals that a pickle may name. Anything else ends the reading.
inline constexpr std::array<pickle_global, 36> pickle_globals{{
    {"collections", "OrderedDict", pickle_role::ordered_dictionary},
    {"torch", "Size", pickle_role::size},
    {"torch", "device", pickle_role::device},
    {"torch._utils", "_rebuild_tensor", pickle_role::tensor},
    {"torch._utils", "_rebuild_tensor_v2", pickle_role::tensor_v2},
    {"torch._utils", "_rebuild_tensor_v3", pickle_role::tensor_v3},
    {"torch._utils", "_rebuild_parameter", pickle_role::parameter},
    {"torch._utils", "_rebuild_parameter_with_state", pickle_role::parameter_v2},
    {"torch", "DoubleStorage", pickle_role::storage, stored_type::f64},
    {"torch", "FloatStorage", pickle_role::storage, stored_type::f32},
    {"torch", "HalfStorage", pickle_role::storage, stored_type::f16},
    {"torch", "BFloat16Storage", pickle_role::storage, stored_type::bf16},
    {"torch", "LongStorage", pickle_role::storage, stored_type::i64},
    {"torch", "IntStorage", pickle_role::storage, stored_type::i32},
    {"torch", "ShortStorage", pickle_role::storage, stored_type::i16},
    {"torch", "CharStorage", pickle_role::storage, stored_type::i8},
    {"torch", "ByteStorage", pickle_role::storage, stored_type::u8},
    {"torch", "BoolStorage", pickle_role::storage, stored_type::boolean},
    {"torch", "UntypedStorage", pickle_role::untyped_storage},
    {"torch.storage", "UntypedStorage", pickle_role::untyped_storage},
    {"torch", "float64", pickle_role::element_type, stored_type::f64},
    {"torch", "double", pickle_role::element_type, stored_type::f64},
    {"torch", "float32", pickle_role::element_type, stored_type::f32},
    {"torch", "float", pickle_role::element_type, stored_type::f32},
    {"torch", "float16", pickle_role::element_type, stored_type::f16},
    {"torch", "half", pickle_role::element_type, stored_type::f16},
    {"torch", "bfloat16", pickle_role::element_type, stored_type::bf16},
    {"torch", "int64", pickle_role::element_type, stored_type::i64},
    {"torch", "int32", pickle_role::element_type, stored_type::i32},
    {"torch", "int16", pickle_role::element_type, stored_type::i16},
    {"torch", "int8", pickle_role::element_type, stored_type::i8},
    {"torch", "uint64", pickle_role::element_type, stored_type::u64},
    {"torch", "uint32", pickle_role::element_type, stored_type::u32},
    {"torch", "uint16", pickle_role::element_type, stored_type::u16},
    {"torch", "uint8", pickle_role::element_type, stored_type::u8},
    {"torch", "bool", pickle_role::element_type, stored_type::boolean},
}};

// The place in pickle_globals, or -1.
constexpr int find_pickle_global(std::string_view module, std::string_view name) {
  for (std::size_t i = 0; i < pickle_globals.size(); ++i)
    if (pickle_globals[i].module == module && pickle_globals[i].name == name) return static_cast<int>(i);
  return -1;
}

}  // namespace blip::inline BLIP_ABI
