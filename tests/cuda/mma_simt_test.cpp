// SPDX-License-Identifier: Apache-2.0
//
// Tensor cores on the emulated GPU: every lane's registers of each instruction, and which kernels of attention use
// them, for how much.
#include "blip/backend/cuda.hpp"
#include "blip/backend/cuda/mma.cuh"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Numbers that bf16 holds, and whose products and sums float holds: k / 8 for |k| <= 16.
std::vector<float> eighths(int n, std::uint64_t seed) {
  std::vector<float> v;
  for (const double x : random_numbers(n, seed)) v.push_back(std::round(static_cast<float>(x) * 16) / 8);
  return v;
}
float half_of(unsigned pair, int i) { return std::bit_cast<float>(i == 0 ? pair << 16 : pair & 0xffff0000u); }

// A lane's registers are given and taken as halves: element i of a fragment is half i % 2 of register i / 2.
__global__ void one_mma(const float* a, const float* b, float* c) {
  const int l = gpu::lane();
  unsigned left[4], right[2];
  float sums[4];
  for (int i = 0; i < 4; ++i) left[i] = gpu::bf16_pair(a[8 * l + 2 * i], a[8 * l + 2 * i + 1]);
  for (int i = 0; i < 2; ++i) right[i] = gpu::bf16_pair(b[4 * l + 2 * i], b[4 * l + 2 * i + 1]);
  for (int i = 0; i < 4; ++i) sums[i] = c[4 * l + i];
  gpu::mma_m16n8k16(sums, left, right[0], right[1]);
  for (int i = 0; i < 4; ++i) c[4 * l + i] = sums[i];
}

// Four matrices [8, 8] from rows that are `pitch` numbers apart.
template <bool Transposed>
__global__ void one_ldmatrix(const float* from, int pitch, unsigned* to) {
  bf16* const shared = gpu::shared_memory<bf16>();
  for (int i = gpu::lane(); i < 32 * pitch; i += gpu::lanes) shared[i] = bf16(from[i]);
  __syncwarp();
  unsigned r[4];
  if (Transposed)
    gpu::ldmatrix_x4_trans(r, shared + gpu::lane() * pitch);
  else
    gpu::ldmatrix_x4(r, shared + gpu::lane() * pitch);
  for (int i = 0; i < 4; ++i) to[4 * gpu::lane() + i] = r[i];
}

// How many mma instructions attention executes, its pullback included.
struct attention_work {
  std::uint64_t value, pullback, bank_conflicts;
};
attention_work work_of(int queries, int keys, int heads, int head, precision products, bool causal = false,
                       int stride = 0) {
  const int width = heads * head;
  if (stride == 0) stride = width;
  device<cuda> d({.products = products});
  const buffer<cuda, float> q{eighths(queries * stride, 1)}, k{eighths(keys * stride, 2)};
  buffer<cuda, float> y(static_cast<std::size_t>(queries) * static_cast<std::size_t>(width)),
      lse(static_cast<std::size_t>(queries) * static_cast<std::size_t>(heads)),
      dq(static_cast<std::size_t>(queries) * static_cast<std::size_t>(width)),
      dk(static_cast<std::size_t>(keys) * static_cast<std::size_t>(width)),
      dv(static_cast<std::size_t>(keys) * static_cast<std::size_t>(width));
  const matrix_view<const float> qs{q.data(), queries, width, stride, nullptr},
      ks{k.data(), keys, width, stride, nullptr};
  const matrix_view<float> ys{y.data(), queries, width, width, nullptr}, ls{lse.data(), queries, heads, heads, nullptr};
  const auto gradient = [&](buffer<cuda, float>& to, int rows) {
    return gradient_view<float>{{to.data(), rows, width, width, nullptr}, false};
  };
  const auto ql = sequence_layout::uniform(1, queries), kl = sequence_layout::uniform(1, keys);
  const attention_spec spec{heads, 0.2, causal, {}};
  const simt::counts before = simt::work_done();
  kernels<cuda>::attention(d, qs, ks, ks, ql, kl, nullptr, spec, ys, ls);
  const simt::counts between = simt::work_done();
  kernels<cuda>::attention_vjp(d, qs, ks, ks, ql, kl, nullptr, spec, ys, ls, ys, gradient(dq, queries),
                               gradient(dk, keys), gradient(dv, keys));
  const simt::counts after = simt::work_done();
  CHECK(between.launches - before.launches == 1);
  CHECK(after.launches - between.launches == 3);
  for (const auto* found : {&y, &dq, &dk, &dv})
    for (const float x : found->to_host()) REQUIRE(std::isfinite(x));
  return {between.mma - before.mma, after.mma - between.mma, after.bank_conflicts - before.bank_conflicts};
}

}  // namespace

// Fragments as section "Matrix Fragments for mma.m16n8k16 with floating point type" of the PTX ISA lists them.
TEST_CASE("cuda: mma multiplies the fragments of all lanes", "[cuda][simt]") {
  const std::vector<float> a = eighths(16 * 16, 1), b = eighths(16 * 8, 2), c = eighths(16 * 8, 3);
  std::vector<float> left(32 * 8), right(32 * 4), sums(32 * 4), expected(32 * 4);
  for (int l = 0; l < 32; ++l) {
    const int group = l / 4, in_group = l % 4;
    for (int i = 0; i < 8; ++i) {
      const int row = i % 4 < 2 ? group : group + 8, column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
      at(left, 8 * l + i) = at(a, 16 * row + column);
    }
    for (int i = 0; i < 4; ++i) at(right, 4 * l + i) = at(b, 8 * (in_group * 2 + (i & 1) + (i < 2 ? 0 : 8)) + group);
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? group : group + 8, column = in_group * 2 + (i & 1);
      at(sums, 4 * l + i) = at(expected, 4 * l + i) = at(c, 8 * row + column);
      for (int k = 0; k < 16; ++k) at(expected, 4 * l + i) += at(a, 16 * row + k) * at(b, 8 * k + column);
    }
  }
  const buffer<cuda, float> x{left}, y{right};
  buffer<cuda, float> z{sums};
  gpu::launch(&one_mma, gpu::grid_of(1), gpu::lanes, 0, x.data(), y.data(), z.data());
  CHECK(z.to_host() == expected);
}

TEST_CASE("cuda: ldmatrix gives every lane its part of four matrices, transposed or not", "[cuda][simt]") {
  for (const int pitch : {8, 24, 72}) {
    const std::vector<float> rows = eighths(32 * pitch, 4);
    const buffer<cuda, float> from{rows};
    for (const bool transposed : {false, true}) {
      INFO("pitch " << pitch << ", transposed " << transposed);
      buffer<cuda, unsigned> to(128);
      const auto shared = static_cast<std::size_t>(32 * pitch) * sizeof(bf16);
      gpu::launch(transposed ? &one_ldmatrix<true> : &one_ldmatrix<false>, gpu::grid_of(1), gpu::lanes, shared,
                  from.data(), pitch, to.data());
      const std::vector<unsigned> found = to.to_host();
      for (int l = 0; l < 32; ++l)
        for (int m = 0; m < 4; ++m)
          for (int i = 0; i < 2; ++i) {
            const int row = transposed ? l % 4 * 2 + i : l / 4, column = transposed ? l / 4 : l % 4 * 2 + i;
            CHECK(half_of(at(found, 4 * l + m), i) == at(rows, (8 * m + row) * pitch + column));
          }
    }
  }
}

TEST_CASE("cuda: ldmatrix whose rows share banks, or are not aligned, is noticed", "[cuda][simt]") {
  const buffer<cuda, float> from{eighths(32 * 64, 5)};
  buffer<cuda, unsigned> to(128);
  const auto conflicts = [&](int pitch) {
    const auto before = simt::work_done().bank_conflicts;
    gpu::launch(&one_ldmatrix<false>, gpu::grid_of(1), gpu::lanes, 32 * 64 * sizeof(bf16), from.data(), pitch,
                to.data());
    return simt::work_done().bank_conflicts - before;
  };
  CHECK(conflicts(8) == 0);
  CHECK(conflicts(56) == 0);
  CHECK(conflicts(16) == 4);
  CHECK(conflicts(64) == 4);
  conflicts(12);
  for (const unsigned pair : to.to_host()) CHECK(std::isnan(half_of(pair, 0)));
}

TEST_CASE("cuda: pairs of bf16 are rounded like single numbers", "[cuda][simt]") {
  for (const float x : {0.0f, -0.0f, 1.0f, 1.00390625f, 1.01171875f, -3.1415927f, 3.4e38f, 1e-40f}) {
    CHECK(gpu::bf16_pair(x, 2) == (bf16(x).bits | 0x40000000u));
    CHECK(gpu::bf16_pair(2, x) == (static_cast<unsigned>(bf16(x).bits) << 16 | 0x4000u));
  }
}

// Sixteen rows times sixteen rows of another matrix take head / 8 instructions, twice for the value; four and three
// such products make the gradients of keys and values, and of queries.
TEST_CASE("cuda: attention is on tensor cores in bf16 with heads of 16 to 128 columns", "[cuda][simt]") {
  for (const int head : {16, 48, 64, 128}) {
    INFO("heads of " << head);
    const attention_work w = work_of(65, 65, 2, head, precision::bf16);
    const auto one = static_cast<std::uint64_t>(head / 8);
    CHECK(w.value == 2 * one * 2 * 5 * 5);
    CHECK(w.pullback == 7 * one * 2 * 5 * 5);
    CHECK(w.bank_conflicts == 0);
  }
}
TEST_CASE("cuda: attention is on scalar lanes in fp32, with odd heads and with rows that are not aligned",
          "[cuda][simt]") {
  for (const auto& w : {work_of(17, 33, 1, 64, precision::fp32), work_of(17, 33, 2, 40, precision::bf16),
                        work_of(17, 33, 1, 144, precision::bf16), work_of(17, 33, 1, 64, precision::bf16, false, 67)}) {
    CHECK(w.value == 0);
    CHECK(w.pullback == 0);
  }
}
TEST_CASE("cuda: attention multiplies nothing but sixteens of queries and keys that see each other", "[cuda][simt]") {
  const auto products = [](const attention_work& w) { return w.value / 16; };
  CHECK(products(work_of(197, 197, 1, 64, precision::bf16)) == 13 * 13);
  CHECK(products(work_of(14, 577, 1, 64, precision::bf16)) == 37);
  const attention_work causal = work_of(80, 80, 1, 64, precision::bf16, true);
  CHECK(products(causal) == 1 + 2 + 3 + 4 + 5);
  CHECK(causal.pullback == 7 * 8 * (1 + 2 + 3 + 4 + 5));
  CHECK(products(work_of(20, 100, 1, 64, precision::bf16, true)) == 6 + 7);
}
