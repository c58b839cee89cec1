// SPDX-License-Identifier: Apache-2.0
//
// Attention with products of bf16, which a GPU's tensor cores multiply when heads are 16, 32 ... 128 columns wide: the
// laws of attention, 128 columns to a model.
#include "blip/layers/transformer_block.hpp"
#include "blip/ops/attend.hpp"
#include "support/laws.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int model_width = 128;
constexpr blip::block_config block_of_32{.width = 32, .heads = 2, .hidden = 48};
constexpr blip::block_options noisy_block{
    .norm_eps = 1e-5, .dropout = 0.1f, .attention_dropout = 0.1f, .drop_path = 0.2f};

struct variant {
  int head = 64;
  bool causal = false;
  float dropout = 0, path = 0;
  double scale = 0.25;

  blip::attention_spec spec() const { return {model_width / head, scale, causal, {dropout, path, {5, nullptr, 17}}}; }
};

law_subject self_attention(const variant& v) {
  return op([=](auto& t, const auto&, const auto& a) {
    return blip::ops::attend_self<model_width>(t, a.x(0, w<3 * model_width>), a.layout(0), v.spec()).ref();
  });
}
law_subject cross_attention(const variant& v, bool sourced) {
  return op([=](auto& t, const auto&, const auto& a) {
    return blip::ops::attend_cross<model_width>(t, a.x(0, w<model_width>), a.x(1, w<2 * model_width>), a.layout(0),
                                                a.layout(1), sourced ? a.ints(0) : nullptr, v.spec())
        .ref();
  });
}
int sum(const std::vector<int>& lengths) {
  int all = 0;
  for (const int n : lengths) all += n;
  return all;
}
law_case packed(const std::vector<int>& lengths) {
  return {.inputs = {{.rows = sum(lengths), .width = 3 * model_width, .split = 0}},
          .layouts = {law_layout::packed(lengths)},
          .output_split = 0};
}
law_case crossed(const std::vector<int>& queries, const std::vector<int>& keys, const std::vector<int>& source) {
  law_case c{.inputs = {{sum(queries), model_width}, {sum(keys), 2 * model_width}},
             .layouts = {law_layout::packed(queries), law_layout::packed(keys)}};
  if (source.empty())
    c.inputs[0].split = 0, c.inputs[1].split = 1, c.output_split = 0;
  else
    c.ints = {{source}};
  return c;
}

}  // namespace

TEST_CASE("cuda: self-attention in bf16 obeys the laws, whatever the width of heads", "[cuda][attend]") {
  for (const int head : {16, 32, 64, 128}) {
    INFO("heads of " << head);
    check_rounded_laws(self_attention({.head = head}), packed({17, 1, 33}));
    check_rounded_laws(self_attention({.head = head, .causal = true, .dropout = 0.3f}), packed({17, 1, 33}));
  }
}

TEST_CASE("cuda: self-attention in bf16 over more rows than a tile and than a block's warps", "[cuda][attend]") {
  for (const bool causal : {false, true}) check_rounded_laws(self_attention({.causal = causal}), packed({65, 16, 150}));
  check_rounded_laws(self_attention({.causal = true, .dropout = 0.1f}), packed({1, 17, 33, 65}));
}

TEST_CASE("cuda: self-attention in bf16 drops whole sequences too, and single probabilities of equal ones",
          "[cuda][attend]") {
  check_rounded_laws(self_attention({.dropout = 0.2f, .path = 0.5f}), packed({5, 40, 7, 18}));
  law_case equal = packed({17, 17, 17});
  equal.layouts[0] = law_layout::equal(3, 17);
  check_rounded_laws(self_attention({.dropout = 0.2f}), equal);
}

TEST_CASE("cuda: self-attention in bf16 between gaps that hold NaN", "[cuda][attend]") {
  const law_layout gaps{.lengths = {3, 34}, .begins = {1, 6}, .positions = {2, 0}, .streams = {7, 3}, .rows = 42};
  check_rounded_laws(self_attention({.causal = true, .dropout = 0.2f}),
                     {.inputs = {{.rows = 42, .width = 3 * model_width, .split = 0, .gaps = true}},
                      .layouts = {gaps},
                      .output_split = 0,
                      .output_gaps = true});
}

TEST_CASE("cuda: self-attention in bf16 before NaN behind the rows in use", "[cuda][attend]") {
  const law_layout few{.lengths = {18, 5}, .begins = {0, 18}, .rows = 50};
  for (const bool causal : {false, true})
    check_rounded_laws(self_attention({.causal = causal, .dropout = 0.2f}),
                       {.inputs = {{.rows = 50, .width = 3 * model_width, .split = 0, .live = 23}}, .layouts = {few}});
}

TEST_CASE("cuda: a block with heads of 16 in bf16 obeys the laws", "[cuda][layers]") {
  check_rounded_laws(subject([]<class B>() { return blip::transformer_block<block_of_32, B>(noisy_block); },
                             [](auto& t, const auto& m, const auto& a) {
                               return m.forward(t, a.x(0, w<32>), a.layout(0), true).ref();
                             }),
                     {.inputs = {{24, 32, 0}},
                      .layouts = {law_layout::packed({5, 19})},
                      .output_split = 0,
                      .tape = {.stochastic = true, .seed = 11}});
}

TEST_CASE("cuda: cross-attention in bf16 of few rows to many, and of many to few", "[cuda][attend]") {
  check_rounded_laws(cross_attention({}, false), crossed({8, 1, 33}, {197, 65, 1}, {}));
  check_rounded_laws(cross_attention({.dropout = 0.1f}, false), crossed({65, 20}, {3, 17}, {}));
}

TEST_CASE("cuda: cross-attention in bf16 reads sources that others read or nobody", "[cuda][attend]") {
  const law_case shared = crossed({9, 17, 1, 4}, {20, 33, 70}, {2, 0, 2, 2});
  for (const bool causal : {false, true})
    for (const int head : {32, 64})
      check_rounded_laws(cross_attention({.head = head, .causal = causal, .dropout = 0.3f}, true), shared);
}

TEST_CASE("cuda: cross-attention in bf16 of more sequences than lanes", "[cuda][attend]") {
  std::vector<int> queries, source;
  for (int s = 0; s < 70; ++s) queries.push_back(s % 3 + 1), source.push_back(s * s % 7 % 3);
  check_rounded_laws(cross_attention({.dropout = 0.1f}, true), crossed(queries, {20, 5, 9}, source));
}

// What a decoder relies on that continues a text from a cache, and what a batch of other lengths must not change.
TEST_CASE("cuda: a row of attention in bf16 has the same bits alone, among few and among many", "[cuda][attend]") {
  blip::device<blip::cuda> d({.products = blip::precision::bf16});
  const int n = 83, columns = 3 * model_width;
  const numbers v = random_numbers(n * columns, 1);
  const blip::buffer<blip::cuda, float> qkv{std::vector<float>(v.begin(), v.end())};
  // The last `count` of the first `end` rows, which see these, or with `causal` the keys before them.
  const auto rows = [&](int end, int count, bool causal) {
    const auto part = [&](int i, int first) {
      return blip::matrix_view<const float>{qkv.data() + first * columns + i * model_width, end - first, model_width,
                                            columns, nullptr};
    };
    blip::buffer<blip::cuda, float> y(static_cast<std::size_t>(count * model_width));
    blip::kernels<blip::cuda>::attention(d, part(0, end - count), part(1, 0), part(2, 0),
                                         blip::sequence_layout::uniform(1, count),
                                         blip::sequence_layout::uniform(1, end), nullptr, {2, 0.25, causal, {}},
                                         {y.data(), count, model_width, model_width, nullptr}, {});
    return y.to_host();
  };
  const std::vector<float> all = rows(n, n, true), both_ways = rows(n, n, false);
  for (const int count : {1, 5, 21})
    CHECK(rows(n, count, false) == rows_of(both_ways, model_width, n - count, count));
  for (const int end : {1, 16, 17, 32, 33, 64, 65, 83})
    for (const int count : {1, 5, 21})
      if (count <= end) {
        INFO(count << " rows up to " << end);
        CHECK(rows(end, count, true) == rows_of(all, model_width, end - count, count));
      }
}

// A causal query sees no key where its sequence has more queries than keys.
TEST_CASE("cuda: queries in bf16 that see no key get zeros", "[cuda][attend]") {
  for (const auto products : {blip::precision::fp32, blip::precision::bf16}) {
    INFO("products " << static_cast<int>(products));
    blip::device<blip::cuda> d({.products = products});
    const int n = 37, m = 20, width = model_width;
    const auto floats = [](int count, std::uint64_t seed) {
      const numbers v = random_numbers(count, seed);
      return std::vector<float>(v.begin(), v.end());
    };
    const blip::buffer<blip::cuda, float> q{floats(n * width, 1)}, k{floats(m * width, 2)};
    blip::buffer<blip::cuda, float> y(static_cast<std::size_t>(n) * width), lse(static_cast<std::size_t>(n) * 2);
    const blip::matrix_view<const float> queries{q.data(), n, width, width, nullptr},
        keys{k.data(), m, width, width, nullptr};
    blip::kernels<blip::cuda>::attention(d, queries, keys, keys, blip::sequence_layout::uniform(1, n),
                                         blip::sequence_layout::uniform(1, m), nullptr, {2, 0.25, true, {}},
                                         {y.data(), n, width, width, nullptr}, {lse.data(), n, 2, 2, nullptr});
    const std::vector<float> found = y.to_host();
    int zeros = 0, finite = 0;
    for (const float x : found) zeros += x == 0, finite += std::isfinite(x);
    CHECK(zeros == (n - m) * width);
    CHECK(finite == n * width);
    for (int i = 0; i < (n - m) * width; ++i) zeros -= at(found, i) == 0;
    CHECK(zeros == 0);
  }
}

TEST_CASE("cuda: keys and values packed in bf16 give the bits of plain ones", "[cuda][attend]") {
  for (const int head : {16, 24, 32, 64, 128}) {
    INFO("head " << head);
    const int heads = 2, width = heads * head;
    const auto run = [&](precision products, bool pack) {
      device<cuda> d({.products = products});
      inference_tape<cuda> t(d, arena<cuda>());
      const auto matrix = [&](int rows, int columns, std::uint64_t seed) {
        const numbers v = random_numbers(rows * columns, seed);
        return buffer<cuda, float>(std::span<const float>(std::vector<float>(v.begin(), v.end())));
      };
      const buffer<cuda, float> q = matrix(9, width, 1), kv = matrix(90, 2 * width, 2);
      const buffer<cuda, int> begins{std::vector<int>{0, 1, 2, 0, 13, 83}}, lengths{std::vector<int>{1, 1, 7, 13, 70, 7}},
          source{std::vector<int>{1, 1, 0}};
      const auto layout = [&](int first, int rows, int longest) {
        return sequence_layout{.sequences = 3, .rows = rows, .longest = longest, .begins = begins.data() + first,
                               .lengths = lengths.data() + first};
      };
      const sequence_layout queries = layout(0, 9, 7), keys = layout(3, 90, 70);
      const auto plain = t.input({kv.data(), 90, 2 * width, 2 * width, nullptr});
      tensor<cuda> read = plain;
      if (const std::size_t size = kernels<cuda>::packed_keys_size(d, keys, heads, width); pack && size > 0) {
        CHECK(size == static_cast<std::size_t>(90 * width));
        read = t.make(45, 2 * width, nullptr, false);
        kernels<cuda>::pack_keys(d, plain->value.columns(0, width), plain->value.columns(width, width), keys, heads,
                                 read->value.data);
      } else {
        CHECK((!pack || products == precision::fp32 || head == 24));
      }
      const auto y = ops::attend(t, {t.input({q.data(), 9, width, width, nullptr}), read, 0, 0, width}, width, queries, keys,
                                 source.data(), {.heads = heads, .scale = 0.3, .packed_keys = pack});
      std::vector<float> found(static_cast<std::size_t>(9 * width));
      memory<cuda>::copy_out(found.data(), y->value.data, found.size() * sizeof(float));
      return numbers(found.begin(), found.end());
    };
    for (const auto products : {precision::fp32, precision::bf16})
      CHECK(difference_of_bits(run(products, true), run(products, false)) == "");
  }
}
