// SPDX-License-Identifier: Apache-2.0
//
// After two calls that warm the pools up, a step of decoding takes no memory from the system. All that the library
// takes comes through aligned_alloc (back ends) and malloc (operator new); both are intercepted.
#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "support/catch.hpp"
#include "support/counted_malloc.hpp"

using namespace blip;

namespace {

struct captioner {
  text_transformer<text_config{.width = 48, .heads = 4, .hidden = 96, .context = 48, .cross = cross_schedule::all}, cpu>
      text{{.layers = 2, .embedding = {.vocabulary = 50, .positions = 32}}};
  lm_head<48, cpu> head{50};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("text", s.text), f("head", s.head);
  }
};

}  // namespace

TEST_CASE("no allocation in a steady step of decoding", "[allocations]") {
  for (const int threads : {1, 2}) {
    const owned<captioner, cpu> model(1);
    device<cpu> dev({.threads = threads, .engine = gemm_engine::eigen});
    auto t = model.inference(dev);
    const buffer<cpu, float> states{std::vector<float>(2 * 5 * 48, 0.5f)};
    decoder_model m(
        t, model->text, model->head,
        model->text.project(t, t.input<48>({states.data(), 10, 48, 48, nullptr}), sequence_layout::uniform(2, 5)));
    const std::vector<std::vector<int>> prompts{{1, 4}, {1, 5, 2}};
    long before = allocations;
    m.start(prompts, 6, 20);
    CHECK(allocations > before);  // it counts
    m.step(std::vector<int>{0, 0, 0, 1, 1, 1}, std::vector<int>{1, 2, 3, 4, 5, 6});
    // Beams that change their order, copies included.
    const std::vector<int> parents{1, 1, 0, 5, 3, 3}, tokens{7, 8, 9, 1, 2, 3};
    m.step(parents, tokens), m.step(parents, tokens);
    before = allocations;
    for (int i = 0; i < 5; ++i) m.step(parents, tokens);
    CHECK(allocations == before);
  }
}
