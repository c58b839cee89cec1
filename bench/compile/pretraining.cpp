// SPDX-License-Identifier: Apache-2.0
//
// A whole program that pre-trains BLIP of base size, in one translation unit; -DBLIP_AND_LARGE adds the large size.
// With -DBLIP_EXPLICIT_ONLY it leaves kernels and the step to objects compiled before (-DBLIP_STEP_INSTANCE makes the
// latter): what somebody pays again and again who works on a program around the model.
#include <span>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "blip/train/train_step.hpp"

using namespace blip;

using base = blip_pretraining<blip_base.structure, cpu>;
using large = blip_pretraining<blip_large.structure, cpu>;

using batches = std::span<const base::batch>;
#ifdef BLIP_STEP_INSTANCE
template class blip::training_state<base>;
template blip::training_state<base>::training_state(const training_options&, const tower_options&, itc<>&&, itm<>&&, lm&&);
template base::batch base::prepare(const picture_batch<cpu>&, const examples&, const example_site&) const;
template train_report<3> blip::train_step<base, batches>(device<cpu>&, training_state<base>&, adamw<cpu>&, const batches&,
                                                         const train_step_options&, non_finite&, communicator<cpu>*);
#else
#ifdef BLIP_EXPLICIT_ONLY
extern template class blip::training_state<base>;
extern template blip::training_state<base>::training_state(const training_options&, const tower_options&, itc<>&&,
                                                           itm<>&&, lm&&);
extern template base::batch base::prepare(const picture_batch<cpu>&, const examples&, const example_site&) const;
extern template train_report<3> blip::train_step<base, batches>(device<cpu>&, training_state<base>&, adamw<cpu>&,
                                                                const batches&, const train_step_options&, non_finite&,
                                                                communicator<cpu>*);
#endif

namespace {

template <class Model>
double train(const tower_options& towers, int side) {
  device<cpu> dev({.threads = 2});
  training_state<Model> state({.seed = 1}, towers, itc<>(), itm<>({}, {.epsilon = 1e-4}), lm());
  adamw<cpu> optimiser(state.values().layout());
  non_finite policy;
  const std::vector<float> pixels(static_cast<std::size_t>(3 * side * side));
  const auto batch = state->prepare({pixels.data(), 1, 3, side, side}, {.texts = {{101, 2023, 102}}});
  return train_step(dev, state, optimiser, std::span<const typename Model::batch>(&batch, 1), {.rate = 1e-5}, policy).loss;
}

}  // namespace

int main() {
  double loss = train<base>(blip_base.options, 224);
#ifdef BLIP_AND_LARGE
  loss += train<large>(blip_large.options, 224);
#endif
  return loss > 0 ? 0 : 1;
}
#endif
