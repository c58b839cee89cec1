// SPDX-License-Identifier: Apache-2.0
//
// A loss of one's own: from a picture to its text only, with smoothed labels, on features as wide as the text tower. It says
// what it needs, owns a projection, and takes its place in the list beside BLIP's captioning loss.
#include "blip/layers/linear.hpp"
#include "blip/losses/lm.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/similarity.hpp"
#include "tiny_pairs.hpp"

using namespace blip;

struct one_way : stateless_loss {
  static constexpr std::string_view name = "i2t";
  using needs = type_list<need::class_states, need::feature_states>;

  template <class Towers>
  struct head_type {
    explicit head_type(const one_way&) {}
    linear<linear_config{.in = Towers::image_width, .out = Towers::text_width}, typename Towers::backend_type> projection;
    template <class Self, class F>
    static void averaged(Self&, F&&) {}
    template <class Self, class F>
    static void others(Self& self, F&& f) {
      f("one_way", self.projection);
    }
  };
  template <class B>
  struct data {
    buffer<B, int> own;  // text b belongs to picture b
  };
  template <class B>
  data<B> prepare(const examples& e, int, const example_site&) const {
    std::vector<int> own;
    for (int b = 0; b < std::ssize(e.texts); ++b) own.push_back(b);
    return {buffer<B, int>(own)};
  }
  template <class P, class H, class B = typename P::B>
  var<typename P::tape_type, 1> loss(P& pass, const H& head, const data<B>& d, no_state<B>&) const {
    auto& t = pass.tape;
    const auto image = ops::l2_normalize(t, head.projection.forward(t, pass.class_states));
    const auto text = ops::l2_normalize(t, pass.feature_states);
    const auto scores = ops::similarity(t, ops::scale(t, image, 10), text);
    return ops::mean_labelled(t, ops::cross_entropy(t, scores, d.own.data(), 0.1));
  }
};

constexpr text_config text_tower = tiny::text(cross_schedule::all);
constexpr tower_config sizes{.vision = tiny::vision, .text = text_tower, .decoder = text_tower,
                             .sharing = decoder_sharing::all_but_self_attention};
using own_model = vision_language_model<towers<sizes, cpu>, one_way, lm>;

int main() {
  const text_options options = tiny::text_options_of(2);
  training_state<own_model> state({.seed = 1}, tower_options{tiny::vision_options, options, options}, one_way(),
                                  lm({.first_token = 4}));
  return tiny::report<own_model>("a loss of one's own", tiny::train(state, 200)) ? 0 : 1;
}
