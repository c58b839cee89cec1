// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/grounding.hpp"
#include "blip/models/albef.hpp"
#include "blip/tasks/attention_map.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim, .momentum = false};
template <class B>
using model_of = albef_retrieval<encoder_structure(golden::vision, golden::encoder), B, features>;

// Numbers of several pairs that are stored padded, [pairs, heads, length, keys], for those rows that are there.
struct padded_maps {
  std::vector<double> stored;
  std::vector<long> shape;

  std::vector<double> of(std::size_t pair, int length) const {
    std::vector<double> out;
    for (long h = 0; h < shape[1]; ++h)
      for (long i = 0; i < length; ++i) {
        const long row = ((static_cast<long>(pair) * shape[1] + h) * shape[2] + i) * shape[3];
        out.insert(out.end(), stored.begin() + row, stored.begin() + row + shape[3]);
      }
    return out;
  }
};

template <class B>
struct grounded_case {
  using S = typename B::scalar;
  using T = recording_tape<B>;

  const golden::test_case<S> g{std::string(c::directory)};
  const std::size_t n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const std::vector<int> mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows{mask, static_cast<int>(n)};
  const buffer<B, S> pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const text_batch<B> texts{golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n), c::text_vocab_size};
  owned<model_of<B>, B> model{1, tower_options{golden::vision_options, golden::encoder_options, {}},
                              itc<features>(itc_options{.queue = 0}), itm<>({.first_token = -1})};
  device<B> dev{};

  grounded_case() { g.load(model.values()); }

  images<T> pictures(T& t) const {
    const int size = 3 * c::image_size * c::image_size;
    return {t.input(golden::rows_of(pixels.data(), static_cast<int>(n), size)), 3, c::image_size, c::image_size};
  }
  int step() const { return model->towers().image_layout(1, c::image_size, c::image_size).rows; }

  void compare_maps(const std::string& run, std::size_t pair, const attention_map& map, int length) const {
    const auto check = [&](const std::string& name, const std::vector<double>& found, const char* kind) {
      const padded_maps all{g.expected.template read<double>(run + name), g.expected.shape(run + name)};
      g.compare(run + name + " of pair " + std::to_string(pair), {found.begin(), found.end()}, all.of(pair, length),
                kind);
    };
    check("attention_map", map.probabilities, "outputs");
    check("attention_gradient", map.gradients, "act_grad");
  }
  // The maps over the patches of all pairs, and over the pixels of each picture.
  void compare_cams(const std::string& run, const std::vector<double>& cams) const {
    g.compare(run + "cam", {cams.begin(), cams.end()}, "act_grad");
    const std::size_t size = cams.size() / n;
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<double> large = over_pixels(i, std::span(cams).subspan(i * size, size));
      g.compare(run + "cam_resized." + std::to_string(i), {large.begin(), large.end()}, "act_grad");
    }
  }
  std::string pair_at(std::size_t i) const { return "/grounding_evaluation/pairs/" + std::to_string(i) + "/"; }
  int side(std::size_t i, const char* which) const { return static_cast<int>(g.number_at(pair_at(i) + which, 0)); }
  std::vector<double> over_pixels(std::size_t i, std::span<const double> cam) const {
    constexpr int grid = c::image_size / c::patch_size;
    return enlarged_map(cam, grid, grid, side(i, "image_height"), side(i, "image_width"));
  }
  picture_box box_at(const std::string& pointer) const {
    picture_box box{};
    for (std::size_t k = 0; k < 4; ++k) box[k] = g.number_at(pointer + "/" + std::to_string(k), -1);
    return box;
  }
};

template <class B>
void check_by_match() {
  using S = typename B::scalar;
  const grounded_case<B> k;
  device<B> d;
  recording_tape<B> t(d, k.model.values());
  const auto& towers = k.model->towers();
  const auto pictures = towers.images(t, k.pictures(t));
  k.g.compare("itm.image_embeds", to_host(pictures.rows), "outputs");
  auto context = towers.project(t, pictures);
  seen_attention<recording_tape<B>> seen;
  context.watch = {static_cast<int>(k.g.number_at("/runs/0/block", -1)), &seen};
  const auto words = towers.text(t, k.texts.ids(), k.texts.layout());
  const auto states = towers.fuse(t, words, k.texts.layout(), context, nullptr);
  k.g.compare("itm.text_hidden", k.rows.unpack(to_host(states), c::text_hidden), "outputs", k.rows.used);
  const auto logits = itm_logits(t, *k.model, states, k.texts.layout());
  k.g.compare("itm.itm_logits", to_host(logits), "outputs");
  std::vector<S> matched;
  for (std::size_t i = 0; i < k.n; ++i) matched.push_back(0), matched.push_back(1);
  const auto seed = golden::to_device<B>(matched);
  t.backward(logits, golden::rows_of(seed.data(), static_cast<int>(k.n), 2));

  constexpr std::size_t patches = c::num_patches;
  const std::size_t padded = k.mask.size() / k.n;
  std::vector<double> per_token, cams;
  row_span rows, keys{0, k.step()};
  for (std::size_t i = 0; i < k.n; ++i, keys.first += keys.count) {
    rows.count = k.rows.lengths[i];
    const attention_map map = read_attention_map(t, seen, rows, keys);
    k.compare_maps("itm.", i, map, rows.count);
    std::vector<double> cam = grad_cam(map);
    cam.resize(padded * patches, 0);
    per_token.insert(per_token.end(), cam.begin(), cam.end());
    for (std::size_t j = 0; j < patches; ++j) {
      double sum = 0;
      for (std::size_t w = 0; w < padded; ++w) sum += cam[w * patches + j];
      cams.push_back(sum / static_cast<double>(padded));
    }
    rows.first += rows.count;
  }
  k.g.compare("itm.cam_per_token", {per_token.begin(), per_token.end()}, "act_grad");
  k.compare_cams("itm.", cams);

  std::vector<std::vector<double>> maps;
  std::vector<std::vector<picture_box>> proposed(k.n);
  std::vector<grounding_case<double>> cases;
  for (std::size_t i = 0; i < k.n; ++i) {
    maps.push_back(k.over_pixels(i, std::span(cams).subspan(i * patches, patches)));
    const auto want = k.g.expected.template read<double>("itm.box_scores." + std::to_string(i));
    std::vector<double> found;
    for (std::size_t b = 0; b < want.size(); ++b) {
      proposed[i].push_back(k.box_at(k.pair_at(i) + "detector_boxes/" + std::to_string(b)));
      found.push_back(box_score<double>(maps[i], k.side(i, "image_height"), k.side(i, "image_width"), proposed[i][b]));
    }
    const double largest = *std::max_element(want.begin(), want.end());
    for (std::size_t b = 0; b < want.size(); ++b)
      CHECK(std::abs(found[b] - want[b]) <= (sizeof(typename B::scalar) == sizeof(float) ? 1e-3 : 1e-6) * largest);
    const auto best = best_box(found);
    REQUIRE(best);
    CHECK(*best == static_cast<std::size_t>(k.g.number_at(k.pair_at(i) + "best_box", -1)));
    const picture_box meant = k.box_at(k.pair_at(i) + "reference_box");
    CHECK(std::abs(box_overlap(meant, proposed[i][*best]) - k.g.number_at(k.pair_at(i) + "iou", -1)) < 1e-12);
    cases.push_back({maps[i], k.side(i, "image_height"), k.side(i, "image_width"), proposed[i], meant});
  }
  std::size_t judged = 0;
  for (const std::string split : {"val", "testA", "testB"}) {
    std::vector<grounding_case<double>> of;
    for (std::size_t i = 0; i < k.n; ++i)
      if (k.g.words_at(k.pair_at(i) + "split") == split) of.push_back(cases[i]);
    judged += of.size();
    if (of.empty()) continue;  // a case of fewer pairs
    CHECK(grounding_accuracy<double>(of) == k.g.number_at("/grounding_evaluation/accuracy/" + split + "_d", -1));
  }
  CHECK(judged == k.n);
}

template <class B>
void check_by_similarity() {
  using S = typename B::scalar;
  const grounded_case<B> k;
  device<B> d;
  recording_tape<B> t(d, k.model.values());
  const auto& towers = k.model->towers();
  const auto& head = k.model->template head_at<0>();
  const int n = static_cast<int>(k.n), step = k.step();
  seen_attention<recording_tape<B>> seen;
  const watched_layer<recording_tape<B>> watch{static_cast<int>(k.g.number_at("/runs/1/block", -1)), &seen};
  const auto pictures = towers.images(t, k.pictures(t), watch);
  k.g.compare("itc.image_embeds", to_host(pictures.rows), "outputs");
  std::vector<int> first;
  for (int i = 0; i < n; ++i) first.push_back(step * i);
  const buffer<B, int> class_rows{std::span<const int>(first)};
  const auto image = head.image(t, ops::gather_rows(t, pictures.rows, class_rows.data(), n));
  const auto words = towers.text(t, k.texts.ids(), k.texts.layout());
  k.g.compare("itc.text_embeds", k.rows.unpack(to_host(words), c::text_hidden), "outputs", k.rows.used);
  const auto text = head.text(t, ops::gather_rows(t, words, k.texts.layout().begins, n));
  k.g.compare("itc.image_feat", to_host(image), "outputs");
  k.g.compare("itc.text_feat", to_host(text), "outputs");
  const auto similarity = ops::similarity(t, image, text, &head.temperature());
  k.g.compare("itc.sim", to_host(similarity), "outputs");
  std::vector<S> diagonal(k.n * k.n, S(0));
  for (std::size_t i = 0; i < k.n; ++i) diagonal[i * k.n + i] = 1;
  const auto seed = golden::to_device<B>(diagonal);
  t.backward(similarity, golden::rows_of(seed.data(), n, n));

  std::vector<double> cams;
  for (std::size_t i = 0; i < k.n; ++i) {
    const row_span rows{step * static_cast<int>(i), step};
    k.compare_maps("itc.", i, read_attention_map(t, seen, rows, rows), step);
    for (const double v : grad_cam(read_attention_map(t, seen, {rows.first, 1}, rows))) cams.push_back(v);
  }
  k.compare_cams("itc.", cams);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("maps of the match, their sizes in pixels and the boxes they choose equal the published code",
                        "[golden][grounding]", test::golden_backends) {
  check_by_match<TestType>();
}

TEMPLATE_LIST_TEST_CASE("maps of the similarity equal the published code", "[golden][grounding]",
                        test::golden_backends) {
  check_by_similarity<TestType>();
}
