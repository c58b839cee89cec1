// expect: blip::buffer: elements are copied as bytes
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "blip/core/buffer.hpp"
#include "prelude.hpp"

buffer<B, either<char, std::string>> names(5);
