// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "blip/layers/lm_head.hpp"
#include "blip/layers/owned.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "blip/ops/cross_entropy.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/optim/adamw.hpp"
#include "support/catch.hpp"
#include "support/fenced.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Whether `peek` ends a process with a segmentation fault.
template <class F>
bool is_killed(F peek) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    peek();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

template <class B>
struct captioner {
  vit<vit_config{.width = 12, .heads = 2, .hidden = 16, .patch = 2}, B> vision{{.depth = 2, .image_height = 4, .image_width = 4}};
  text_transformer<text_config{.width = 12, .heads = 3, .hidden = 16, .context = 12, .cross = cross_schedule::all}, B> text{
      {.layers = 2, .embedding = {.vocabulary = 11, .positions = 6}}};
  lm_head<12, B> head{11};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("vision", s.vision), f("text", s.text), f("head", s.head);
  }
};

// Losses of three training steps.
template <class B>
numbers train() {
  owned<captioner<B>, B> m(1);
  device<B> d;
  adamw<B> optimiser(m.values().layout());
  const numbers host = random_numbers(96, 3);
  const buffer<B, double> pixels{std::span<const double>(host)};
  const text_batch<B> texts(std::vector<std::vector<int>>{{1, 4, 7}, {1, 5, 2, 10}}, 11);
  const buffer<B, int> labels{std::vector<int>{4, 7, -1, 5, 2, 10, -1}};
  numbers losses;
  for (int step = 0; step < 3; ++step) {
    auto t = m.recording(d, {.stochastic = true});
    var<decltype(t), 1> loss;
    {
      [[maybe_unused]] const step_of<B> running;
      const auto image = images<decltype(t)>(t.input({pixels.data(), 2, 48, 48, nullptr}), 3, 4, 4);
      const auto context = m->text.project(t, m->vision.forward(t, image), m->vision.layout(image));
      const auto h = m->text.multimodal(t, texts.ids(), texts.layout(), context, nullptr, true);
      loss = ops::mean_labelled(t, ops::cross_entropy(t, m->head.forward(t, h, m->text.words()), labels.data(), 0.1), labels.data());
      m.gradients().clear();
      t.backward(loss);
      optimiser.step(d, m.values(), m.gradients(), 1e-2);
    }
    losses.push_back(to_host(loss)[0]);
  }
  return losses;
}

}  // namespace

TEST_CASE("fenced memory kills who touches it", "[fenced]") {
  buffer<fenced, double> b{std::vector<double>{1, 2, 3}};
  CHECK(is_killed([&] { *const_cast<volatile double*>(b.data()) = 1; }));
  CHECK(is_killed([&] { (void)*const_cast<const volatile double*>(b.data()); }));
  CHECK(b.to_host() == std::vector<double>{1, 2, 3});
}

TEST_CASE("fenced memory is not read back in the middle of a step", "[fenced]") {
  buffer<fenced, double> b{std::vector<double>{1, 2, 3}};
  const fence::step running;
  CHECK_THROWS_AS(b.to_host(), std::logic_error);
}

TEST_CASE("whole training steps never touch device memory from the host", "[fenced]") {
  CHECK(difference_of_bits(train<fenced>(), train<reference<double>>()) == "");
}
