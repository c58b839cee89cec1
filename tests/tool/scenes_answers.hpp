// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "blip/image/image.hpp"

// Writes models of the size of scenes that answer, entail and reason about two pictures, of both families, with
// parameters drawn at random; their words; and what the library says of the pictures: expected.txt.
void write_answers(const std::string& folder, std::span<const blip::image> pictures);
