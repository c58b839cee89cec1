// SPDX-License-Identifier: Apache-2.0
#include "blip/io/position_table.hpp"
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the case's case.json
#include "support/backends.hpp"

using namespace blip;
namespace c = blip_golden;

TEMPLATE_LIST_TEST_CASE("vit equals the published code", "[golden][vit]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  using tower = vit<vit_config{.width = c::vision_width, .heads = c::vision_heads, .hidden = c::vision_mlp_hidden, .patch = c::patch_size}, B>;
  owned<tower, B> model(1, vit_options{.depth = c::vision_depth, .image_height = c::image_size, .image_width = c::image_size,
                                       .norm_eps = c::vision_layer_norm_eps});
  g.load(model.values());
  device<B> dev;
  const int values = 3 * c::image_size * c::image_size, rows = c::batch * (c::vision_patches + 1);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto projection = golden::to_device<B>(g.inputs.template read<S>("projection"));

  auto t = model.recording(dev);
  using tape_type = decltype(t);
  const images<tape_type> input(t.input(golden::rows_of(pixels.data(), c::batch, values), true), 3, c::image_size, c::image_size);
  const auto y = model->forward(t, input, [&](int i, const var<tape_type, c::vision_width>& x) {
    g.compare(i < 0 ? "patch_tokens" : "block_output." + std::to_string(i), to_host(x), "outputs");
  });
  g.compare("output", to_host(y), "outputs");
  const auto loss = ops::weighted_sum(t, y, golden::rows_of(projection.data(), rows, c::vision_width));
  g.compare("loss", to_host(loss), "losses");
  t.backward(loss);
  g.compare_gradients(model.gradients());
  g.compare("grad_input.images", to_host<B>(t.gradient_of(input)), "gradients");

  // Position tables of checkpoints made for other grids: resized when loaded, and on the way.
  for (const int grid : c::interpolate_from_grids) {
    const std::string from = "grid" + std::to_string(grid);
    const auto table = g.inputs.template read<S>("checkpoint_pos_embed." + from);
    const position_grid stored{1, grid, grid};
    const auto resized = resize_position_table<S>(table, c::vision_width, stored, model->position_table());
    g.compare("interpolated_pos_embed.from_" + from, resized, "outputs");

    model.values().template write<S>("pos_embed", std::span<const S>(resized));
    auto plain = model.inference(dev);
    const auto at_load = model->forward(plain, images<decltype(plain)>(plain.input(golden::rows_of(pixels.data(), c::batch, values)), 3, c::image_size, c::image_size));
    g.compare("interpolated_output.from_" + from, to_host(at_load), "outputs");

    owned<tower, B> other(1, vit_options{.depth = c::vision_depth, .image_height = grid * c::patch_size, .image_width = grid * c::patch_size,
                                         .any_size = true, .norm_eps = c::vision_layer_norm_eps});
    for (const auto& n : other.values().layout()->names()) {
      const auto v = n.text == "pos_embed" ? table : g.weights.template read<S>(n.text);
      other.values().template write<S>(n.text, std::span<const S>(v));
    }
    auto resizing = other.inference(dev);
    const auto at_run = other->forward(resizing, images<decltype(resizing)>(resizing.input(golden::rows_of(pixels.data(), c::batch, values)), 3, c::image_size, c::image_size));
    g.compare("interpolated_output.from_" + from, to_host(at_run), "outputs");
  }
}
