// SPDX-License-Identifier: Apache-2.0
#include "blip/data/pair_stream.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/image/pixel_statistics.hpp"
#include "support/bench.hpp"

namespace {

using namespace blip;
using namespace bench;

// One picture or caption an iteration, on one thread.
template <class F>
void sample(const std::string& thing, int side, double bytes, F call) {
  add(thing, threads_only()[0], side, side, {0, bytes, 1}, [=]() -> iteration {
    return [call, n = std::uint64_t{0}]() mutable { call(n++ % 3000); };
  });
}

const bool registered = [] {
  for (const auto size : {scenes::world_size::nano, scenes::world_size::base}) {
    const scenes::world w(size);
    const scenes::pairs web(w, scenes::split::web);
    const int side = w.rules().pixels;
    const double bytes = 3.0 * side * side;
    static std::vector<std::uint8_t> out(3 * 224 * 224);
    sample("scenes_render", side, bytes, [=](std::uint64_t n) {
      scenes::render(w.at(scenes::split::web, n), std::span(out).first(static_cast<std::size_t>(bytes)));
    });
    sample("scenes_caption", side, 0, [=](std::uint64_t n) { benchmark::DoNotOptimize(web.caption(n)); });
    sample("scenes_parse_check", side, 0, [=](std::uint64_t n) {
      const auto c = scenes::parse(web.caption(n).text);
      benchmark::DoNotOptimize(c && scenes::check(*c, web.scene_of(n)).is_true());
    });
    sample("scenes_pixel_row", side, 5 * bytes, [=](std::uint64_t n) {
      const image picture = web.sample(n).picture;
      benchmark::DoNotOptimize(normalise(std::span(&picture, 1)));
    });
  }
  const scenes::world w(scenes::world_size::nano);
  const auto stream = std::make_shared<pair_stream>(std::vector<weighted_pairs>{
      {scenes::pairs(w, scenes::split::human), 1}, {scenes::pairs(w, scenes::split::web), 2}});
  sample("pair_stream", 32, 3072, [=](std::uint64_t n) { benchmark::DoNotOptimize(stream->at(n)); });
  return true;
}();

}  // namespace
