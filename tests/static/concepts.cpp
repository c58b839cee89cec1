// SPDX-License-Identifier: Apache-2.0
//
// What counts as a back end, as a set of kernels and as a tape.
#include "blip/autograd/tape.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/linear.hpp"

namespace {

using namespace blip;

static_assert(backend<cpu> && backend<cuda> && backend<reference<float>> && backend<reference<double>>);
static_assert(!backend<int> && !backend<float> && !backend<linear<linear_config{.in = 5, .out = 3}, cpu>>);

// A tag of one's own needs two names and no registration.
struct accelerator {
  using scalar = float;
  struct options {};
};
static_assert(backend<accelerator> && !has_kernels<accelerator>);
static_assert(kernel_set<reference<float>> && kernel_set<reference<double>> && has_kernels<reference<float>>);

using recording = recording_tape<reference<double>>;
using inference = inference_tape<reference<double>>;
static_assert(tape_on<recording, reference<double>> && tape_on<inference, reference<double>>);
static_assert(!tape_on<recording, reference<float>> && !tape_on<recording, cpu> && !tape_on<int, cpu>);
static_assert(recording::records && !inference::records);

// Layers and words are walked because they have `members`; numbers are not.
static_assert(detail::has_members<linear<linear_config{.in = 5, .out = 3}, cpu>>);
static_assert(!detail::has_members<double> && !detail::has_members<parameter>);

}  // namespace
