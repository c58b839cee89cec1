// SPDX-License-Identifier: Apache-2.0
//
// After two calls that warm the pools up, inference and training take no memory from the system: malloc and its family
// are intercepted.
#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "support/catch.hpp"
#include "support/counted_malloc.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

struct captioner {
  vit<vit_config{.width = 48, .heads = 4, .hidden = 96, .patch = 4}, cpu> vision{
      {.depth = 3, .image_height = 16, .image_width = 16, .any_size = true, .drop_path = 0.1f, .checkpoint_last = 1}};
  text_transformer<text_config{.width = 48, .heads = 4, .hidden = 96, .context = 48, .cross = cross_schedule::all}, cpu> text{
      {.layers = 2, .embedding = {.vocabulary = 50, .positions = 8, .dropout = 0.1f}, .dropout = 0.1f, .attention_dropout = 0.1f}};
  lm_head<48, cpu> head{50};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("vision", s.vision), f("text", s.text), f("head", s.head);
  }
};

class subject {
 public:
  explicit subject(cpu::options o) : device_(o) {}

  void infer() {
    inference_tape<cpu> t(device_, model_.values());
    logits(t);
  }
  void train() {
    recording_tape<cpu> t(device_, model_.values(), model_.gradients(), {.stochastic = true});
    const auto loss = ops::mean_labelled(t, ops::cross_entropy(t, logits(t), labels_.data(), 0.1), labels_.data());
    model_.gradients().clear();
    t.backward(loss);
    optimiser_.step(device_, model_.values(), model_.gradients(), 1e-3);
  }

 private:
  template <class T>
  scores<T> logits(T& t) {
    const images<T> image(t.input({pixels_.data(), 2, 1536, 1536, nullptr}), 3, 16, 32);
    const auto context = model_->text.project(t, model_->vision.forward(t, image), model_->vision.layout(image));
    return model_->head.forward(t, model_->text.multimodal(t, texts_.ids(), texts_.layout(), context, nullptr, true), model_->text.words());
  }

  device<cpu> device_;
  owned<captioner, cpu> model_{1};
  adamw<cpu> optimiser_{model_.values().layout()};
  buffer<cpu, float> pixels_{std::vector<float>(3072, 0.5f)};
  text_batch<cpu> texts_{std::vector<std::vector<int>>{{1, 4, 7}, {1, 5, 2, 10}}, 50};
  buffer<cpu, int> labels_{std::vector<int>{4, 7, -1, 5, 2, 10, -1}};
};

// Keeps the optimiser from leaving an allocation out.
void use(const void* p) { asm volatile("" : : "r"(p) : "memory"); }

template <class F>
long allocations_of(F f) {
  const long before = allocations;
  f();
  return allocations - before;
}

}  // namespace

TEST_CASE("interception works", "[allocations]") {
  CHECK(allocations_of([] {
          void* p = std::malloc(8);
          use(p);
          std::free(p);
        }) == 1);
  CHECK(allocations_of([] {
          const std::vector<int> v(100);
          use(v.data());
        }) == 1);
}

TEST_CASE("no allocation in steady state", "[allocations]") {
  for (const auto precision_of : {precision::fp32, precision::bf16})
    for (const int threads : {1, 2}) {
      subject s({.threads = threads, .engine = gemm_engine::eigen, .products = precision_of});
      s.infer(), s.infer();
      CHECK(allocations_of([&] { s.infer(); }) == 0);
      s.train(), s.train();
      CHECK(allocations_of([&] { s.train(); }) == 0);
      CHECK(allocations_of([&] { s.infer(); }) == 0);
    }
}

// oneDNN allocates inside of each call; our own share must not grow from step to step.
TEST_CASE("with oneDNN steps allocate only what oneDNN does", "[allocations]") {
  if (!cpu_engines::has_onednn()) return;
  subject s({.threads = 1, .engine = gemm_engine::onednn});
  s.train(), s.train();
  const long one = allocations_of([&] { s.train(); });
  CHECK(allocations_of([&] { s.train(); }) == one);
}
