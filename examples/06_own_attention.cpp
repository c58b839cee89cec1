// SPDX-License-Identifier: Apache-2.0
//
// An attention of one's own: every row sees its window only. No kernel is needed: a window is a short sequence, so the
// layout says it all. The gradient comes with the op.
#include <cmath>
#include <cstdio>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"

using namespace blip;

// y = W_o attention(W_qkv x) + b_o within windows of `window` rows.  x, y [n, Width].
template <int Width, int Heads, class B>
class window_attention {
 public:
  explicit window_attention(int window) : window_(window) {}

  template <class T, int K>
  var<T, Width> forward(T& t, const var<T, K>& x) const {
    static_assert(same_width<K, Width>());
    const sequence_layout windows = sequence_layout::uniform(x.rows() / window_, window_);
    const attention_spec spec{.heads = Heads, .scale = 1 / std::sqrt(static_cast<double>(Width / Heads))};
    return output_.forward(t, ops::attend_self<Width>(t, qkv_.forward(t, x), windows, spec));
  }
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("qkv", self.qkv_), f("proj", self.output_);
  }

 private:
  int window_;
  linear_group<Width, Width, 3, group_names::fused, B> qkv_;
  linear<linear_config{.in = Width, .out = Width}, B> output_;
};

int main() {
  constexpr int width = 16, rows = 12;
  std::vector<float> x(rows * width);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  device<cpu> dev;
  const auto run = [&](int window, int changed) {
    std::vector<float> in = x;
    if (changed >= 0) in[static_cast<std::size_t>(changed * width)] += 1;
    owned<window_attention<width, 2, cpu>, cpu> layer(/*seed=*/1, window);
    auto t = layer.recording(dev);
    const auto y = layer->forward(t, t.input<width>({in.data(), rows, width, width, nullptr}));
    t.backward(ops::weighted_sum(t, y));
    std::printf("window %2d: gradient of qkv reached %s\n", window, layer.gradients().touched(0) ? "yes" : "no");
    return to_host(y);
  };
  const auto differs = [&](const std::vector<float>& a, const std::vector<float>& b, int row) {
    for (int c = 0; c < width; ++c)
      if (a[static_cast<std::size_t>(row * width + c)] != b[static_cast<std::size_t>(row * width + c)]) return true;
    return false;
  };
  const auto before = run(4, -1), after = run(4, 5);  // row 5 lies in the second window
  for (int r = 0; r < rows; ++r) std::printf("%s", differs(before, after, r) ? "x" : ".");
  std::printf("  rows that notice a change of row 5\n");
  for (int r = 0; r < rows; ++r)
    if (differs(before, after, r) != (r / 4 == 1)) return 1;
  return 0;
}
