// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace blip_test {

// How far a back end may be from the reference in double; each figure is a fraction of the largest number compared.
struct tolerance {
  double value, gradient;
};

// double, another order of summation: u = 2^-53, sums of at most a few hundred terms, a few of them one after the other.
inline constexpr tolerance same_double{1e-13, 1e-12};

// float: u = 2^-24 = 6e-8. A sum of k terms in any order is off by at most k u times the sum of magnitudes, and by about
// sqrt(k) u as a rule. With k up to a few hundred and some ten ops in a row: sqrt(300) * 10 * u = 1e-5. Gradients pass
// through twice as many ops and cancel more: the worst element may be off by 1e-4.
inline constexpr tolerance of_float{1e-5, 1e-4};

// Products of bf16 inputs, accumulated in float: each factor is off by at most 2^-9 = 2e-3, a product by 4e-3; a few
// products in a row, errors of either sign: 2e-2.
inline constexpr tolerance of_bf16{2e-2, 4e-2};

// Central differences in double with step h = cbrt(2^-52): |a - n| <= absolute + relative max(|a|, |n|).
struct difference_tolerance {
  double absolute, relative;
};
inline constexpr difference_tolerance of_one_op{1e-8, 1e-6};
inline constexpr difference_tolerance of_a_tower{1e-7, 1e-5};

// Dual numbers: no step, only rounding; a fraction of the largest element of the gradient.
inline constexpr double of_dual_numbers = 1e-12;

}  // namespace blip_test
