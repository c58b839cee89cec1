// SPDX-License-Identifier: Apache-2.0
//
// Decoding on the GPU: its kernels of few rows, caches that attention appends to, weights kept in bf16.
#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "blip/generate/beam_search.hpp"
#include "blip/models/blip.hpp"
#include "generate/random_captioner.hpp"
#include "support/tolerance.hpp"

using namespace blip;
using namespace blip_test;
using namespace blip_test::decoding;

namespace {

// The logits of a few steps of three beams over one picture.
template <class B>
numbers some_logits(typename B::options o, bool packed) {
  random_captioner<everywhere, B> s(1, o, packed);
  auto t = s.tape();
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, 1));
  numbers all;
  const auto keep = [&](const auto& logits) {
    for (int r = 0; r < logits.rows; ++r) {
      const numbers row = row_of(logits, r);
      all.insert(all.end(), row.begin(), row.end());
    }
  };
  const std::vector<std::vector<int>> prompts{{1, 5, 9}};
  keep(model.start(prompts, 3, 8));
  keep(model.step(std::vector<int>{0, 0, 0}, std::vector<int>{3, 4, 5}));
  keep(model.step(std::vector<int>{2, 0, 0}, std::vector<int>{7, 7, 11}));
  keep(model.step(std::vector<int>{1, 2}, std::vector<int>{6, 30}));
  return all;
}

}  // namespace

TEST_CASE("cuda: every step of a decoder has the bits of a pass over the whole text", "[cuda][generate]") {
  for (const auto products : {precision::fp32, precision::bf16}) {
    check_steps<everywhere, cuda>({.products = products}, true);
    check_steps<later, cuda>({.products = products}, true);
  }
}

TEST_CASE("cuda: logits of a decoder agree with the reference, and weights in bf16 change no bit", "[cuda][generate]") {
  const numbers right = some_logits<reference<double>>({}, false);
  // In bf16 two dozen products follow on each other: sqrt(24) times what one of them may be off.
  for (const auto& [products, close] :
       {std::pair{precision::fp32, of_float.gradient}, std::pair{precision::bf16, 5 * of_bf16.value}}) {
    const numbers plain = some_logits<cuda>({.products = products}, false);
    CHECK(worst_error(plain, right) <= close);
    CHECK(difference_of_bits(some_logits<cuda>({.products = products}, true), plain) == "");
  }
}

TEST_CASE("cuda: packing leaves weights of products in bf16, and word tables in both forms", "[cuda]") {
  constexpr text_config reading{.width = 24, .heads = 3, .hidden = 40, .context = 20, .cross = cross_schedule::all};
  detail::language_model<reading, cuda> tower({.layers = 2, .embedding = {.vocabulary = 31, .positions = 9}});
  const auto layout = std::make_shared<arena_layout>();
  layout->place("", tower);
  arena<cuda> values(layout);
  std::size_t bytes = 0;
  for (const auto& e : layout->entries()) {
    values.write(e, std::vector<float>(static_cast<std::size_t>(e.size()), 1.0f + 0x1p-10f));
    bytes += static_cast<std::size_t>(e.size()) * (e.product ? 2 : e.multiplied ? 6 : 4);
  }
  device<cuda> half({.products = precision::bf16}), whole({.products = precision::fp32});
  const arena<cuda> same = pack(whole, values.clone());
  CHECK(!same.is_packed());
  const arena<cuda> packed = pack(half, std::move(values));
  CHECK(packed.is_packed());
  CHECK(packed.bytes() >= bytes);
  CHECK(packed.bytes() < bytes + 64 * (layout->entries().size() + 1));
  int in_both_forms = 0;
  const auto check = [&](const parameter& p) {
    const weight_view<float> w = packed.weight(p);
    CHECK((w.packed != nullptr) == (p.product() || p.multiplied()));
    CHECK((w.data == nullptr) == p.product());
    in_both_forms += w.data && w.packed;
    if (!w.packed) return;
    std::vector<bf16> found(static_cast<std::size_t>(p.size()));
    memory<cuda>::copy_out(found.data(), w.packed, found.size() * sizeof(bf16));
    CHECK(std::all_of(found.begin(), found.end(), [](bf16 x) { return static_cast<float>(x) == 1.0f; }));
  };
  walk(tower, "", [&](std::string_view, const parameter_rows& rows, bool) { check(rows.whole); });
  CHECK(in_both_forms == 2);  // the table, by both of its names
}
