// SPDX-License-Identifier: Apache-2.0
//
// Sizes of the published models: ALBEF's and BLIP's papers and released state dictionaries.
#include "blip/config/text.hpp"
#include "blip/config/vit.hpp"

namespace {

using namespace blip;

constexpr vit_options at(vit_options o, int side) {
  o.image_height = o.image_width = side;
  return o;
}
static_assert(parameter_count(vit_b16.structure, at(vit_b16.options, 224)) == 85'798'656);
static_assert(parameter_count(vit_b16.structure, at(vit_b16.options, 256)) == 85'844'736);
static_assert(parameter_count(vit_b16.structure, at(vit_b16.options, 384)) == 86'090'496);
static_assert(parameter_count(vit_b16.structure, at(vit_b16.options, 480)) == 86'339'328);
static_assert(parameter_count(vit_l16.structure, at(vit_l16.options, 224)) == 303'301'632);
static_assert(parameter_count(vit_l16.structure, at(vit_l16.options, 384)) == 303'690'752);
static_assert(parameter_count(vit_l16.structure, at(vit_l16.options, 480)) == 304'022'528);
static_assert(parameter_count(albef_text.structure, albef_text.options) == 123'075'072);
static_assert(parameter_count(blip_text.structure, blip_text.options) == 137'258'496);

}  // namespace
