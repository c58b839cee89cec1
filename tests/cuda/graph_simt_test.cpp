// SPDX-License-Identifier: Apache-2.0
//
// Graphs on the emulated GPU: what repeats is launched by one call, and computes what it would without.
#include "blip/autograd/replayed.hpp"
#include "blip/backend/cuda.hpp"
#include "blip/ops/affine.hpp"
#include "generate/random_captioner.hpp"
#include "support/simt/simt.hpp"

using namespace blip;
using namespace blip_test;
using namespace blip_test::decoding;

namespace {

// What steps of a decoder gave, and the graphs and the launches outside of them that the last step made.
struct steps_made {
  numbers logits;
  std::uint64_t graphs = 0, alone = 0;
};

// `counts`: rows of each step.
steps_made some_steps(cuda::options o, int pictures, const std::vector<int>& counts) {
  random_captioner<everywhere, cuda> s(pictures, o, true);
  auto t = s.tape();
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, pictures));
  steps_made all;
  const auto keep = [&](const auto& logits) {
    for (int r = 0; r < logits.rows; ++r) {
      const numbers row = row_of(logits, r);
      all.logits.insert(all.logits.end(), row.begin(), row.end());
    }
    return logits.rows;
  };
  int rows = keep(model.start(std::vector<std::vector<int>>(static_cast<std::size_t>(pictures), {1, 5, 9}),
                              *std::max_element(counts.begin(), counts.end()), static_cast<int>(counts.size()) + 1));
  for (std::size_t step = 0; step < counts.size(); ++step) {
    std::vector<int> parents, tokens;
    for (int r = 0; r < counts[step]; ++r) {
      parents.push_back((r * 3 + static_cast<int>(step)) % rows);
      tokens.push_back((r * 11 + static_cast<int>(step) * 3) % words);
    }
    const simt::counts before = simt::work_done();
    rows = keep(model.step(parents, tokens));
    const simt::counts& after = simt::work_done();
    all.graphs = after.graphs - before.graphs;
    all.alone = after.launches + after.products - after.replayed - (before.launches + before.products - before.replayed);
  }
  return all;
}

}  // namespace

TEST_CASE("cuda: a decode step that repeats is one graph, with the bits of its pieces", "[cuda][generate][simt]") {
  const std::vector<int> few{3, 3, 3, 2, 3, 2, 2, 1, 1, 1}, many{40, 40, 35, 40, 35, 35};
  for (const auto products : {precision::fp32, precision::bf16})
    for (const auto& [pictures, counts] : {std::pair{1, few}, std::pair{12, many}}) {
      const steps_made right = some_steps({.products = products, .graphs = false}, pictures, counts),
                       found = some_steps({.products = products}, pictures, counts);
      CHECK(difference_of_bits(found.logits, right.logits) == "");
      CHECK((right.graphs == 0 && right.alone > 0));
      CHECK((found.graphs == 1 && found.alone == 0));
    }
}

TEST_CASE("cuda: what cannot be captured runs piece by piece, and a graph reads what lies there when it runs",
          "[cuda][simt]") {
  device<cuda> d;
  const arena<cuda> nothing;
  buffer<cuda, float> x{std::vector<float>{1, 2, 3}};
  inference_tape<cuda> t(d, nothing);
  const auto run = [&](replayed<cuda>& pass, float first, bool brings) {
    x.write(std::vector<float>{first});
    const matrix_view<const float> found = pass(0, [&] {
      if (brings) x.write(std::vector<float>{first});
      const auto in = t.input<3>({x.data(), 1, 3, 3, nullptr});
      const tensor<cuda> out = t.make(1, 3, nullptr, false);
      kernels<cuda>::scale(d, in.view(), 2, out->value);
      return out;
    });
    std::vector<float> y(3);
    memory<cuda>::copy_out(y.data(), found.data, 3 * sizeof(float));
    return y;
  };
  for (const bool brings : {false, true}) {
    replayed<cuda> pass(d);
    const std::uint64_t before = simt::work_done().graphs;
    for (const float first : {1.0f, 5.0f, 7.0f, -1.0f}) CHECK(run(pass, first, brings) == std::vector<float>{2 * first, 4, 6});
    CHECK(simt::work_done().graphs - before == (brings ? 0 : 3));
    pass.forget();
    CHECK(run(pass, 3, brings) == std::vector<float>{6, 4, 6});
    CHECK(simt::work_done().graphs - before == (brings ? 0 : 3));
  }
}
