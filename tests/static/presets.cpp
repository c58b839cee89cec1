// SPDX-License-Identifier: Apache-2.0
//
// Sizes of the published models: ALBEF's and BLIP's papers and released state dictionaries.
#include "blip/config/text.hpp"
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
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
// Heads of the losses come on top: two projections of 196,864, matching 1,538, the temperature 1.
constexpr std::int64_t count(const tower_preset& p) { return parameter_count(p.structure, p.options); }
static_assert(count(blip_base) + 2 * 196'864 + 1'538 + 1 == 252'441'919);
static_assert(count(blip_large) + 262'400 + 196'864 + 1'538 + 1 == 474'729'023);
static_assert(count(blip_captioner_base) == 223'971'644);
static_assert(count(blip_captioner_large) == 446'290'492);
static_assert(count(blip_encoder_base) + 2 * 196'864 + 1'538 == 223'744'258);
static_assert(count(blip_encoder_large) + 262'400 + 196'864 + 1'538 == 446'128'642);
static_assert(count(blip_answerer_base) == 361'478'972);
static_assert(count(albef_base) + 2 * 196'864 + 1'538 + 1 == 209'937'725);
static_assert(count(albef_answerer_base) == 290'336'058);
// BLIP's table of sharing schemes (ViT-B/16 at 224 px and the text towers).
constexpr tower_preset shared(decoder_sharing how) {
  return {blip_structure(vit_b16.structure, blip_text.structure, how), blip_base.options};
}
static_assert(count(shared(decoder_sharing::all)) == 223'679'804);
static_assert(count(shared(decoder_sharing::none)) == 360'938'300);

}  // namespace
