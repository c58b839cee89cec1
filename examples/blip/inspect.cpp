// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"
#include "json_object.hpp"
#include "presets.hpp"
#include "weights_of.hpp"

namespace tool {
namespace {

struct inspect_options {
  std::string path;
  common_options common;
};

struct recognised_preset {
  std::string_view name, nearest;
};

// The preset that a file has the sizes of, whatever its pictures' size and vocabulary; else the nearest one.
recognised_preset recognise(const blip::tower_preset& found) {
  for (const blip::named_preset& p : presets) {
    blip::tower_preset sizes = found;
    sizes.options.vision.image_height = p.preset.options.vision.image_height;
    sizes.options.text.embedding.vocabulary = p.preset.options.text.embedding.vocabulary;
    sizes.options.decoder.embedding.vocabulary = p.preset.options.decoder.embedding.vocabulary;
    if (blip::distance_of_sizes(sizes, p.preset) == 0) return {p.name, p.name};
  }
  const blip::named_preset* const nearest = blip::nearest_preset(found, presets);
  return {{}, nearest ? nearest->name : std::string_view()};
}

std::uint64_t bytes_of(const blip::weights_tensor& t) { return t.elements() * blip::describe(t.type).bytes; }

std::string as_json(const std::string& path, const blip::weights_description& d, const recognised_preset& p,
                    std::string_view layout) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  return json_object()
      .text("path", path)
      .text("container", name_of(d.container))
      .text("layout", layout)
      .raw("preset", p.name.empty() ? "null" : json_object::quoted(p.name))
      .list("tensors", d.tensors,
            [&](const blip::weights_tensor& t) {
              return json_object()
                  .text("name", t.name)
                  .text("dtype", blip::describe(t.type).name)
                  .list("shape", t.shape, number)
                  .raw("bytes", number(bytes_of(t)))
                  .str();
            })
      .raw("elements", number(d.elements))
      .raw("bytes", number(d.bytes))
      .str();
}

int inspect(const inspect_options& o) {
  const blip::weights_description d = blip::describe_weights(weights_of(o.path));
  const std::string_view layout = d.layout.names > 0 ? blip::describe(d.layout.layout).name : "unknown";
  const recognised_preset preset = d.layout.names > 0 ? recognise(d.sizes) : recognised_preset{};
  if (o.common.json) {
    print_line(as_json(o.path, d, preset, layout));
    return done;
  }
  std::size_t widest = 0;
  for (const auto& t : d.tensors) widest = std::max(widest, t.name.size());
  for (const auto& t : d.tensors)
    print_line(t.name + std::string(widest - t.name.size() + 2, ' ') + blip::describe(t.type).name + ' ' +
               blip::shape_text(t.shape) + "  " + std::to_string(bytes_of(t)) + " bytes");
  print_line(std::to_string(d.tensors.size()) + " tensors, " + std::to_string(d.elements) + " elements, " +
             std::to_string(d.bytes) + " bytes; " + std::string(name_of(d.container)));
  print_line("layout: " + std::string(layout));
  if (!preset.nearest.empty())
    print_line(preset.name.empty() ? "preset: none, the nearest is " + std::string(preset.nearest)
                                   : "preset: " + std::string(preset.name));
  return done;
}

}  // namespace

void add_inspect(CLI::App& app, job& chosen) {
  add_command<inspect_options>(
      app, chosen, "inspect", "Shows what is in a file of weights", "blip inspect model_base_caption.pth --json",
      [](CLI::App& c, inspect_options& o) {
        c.add_option("path", o.path, "A file of weights, or a model's folder")->required();
      },
      inspect);
}

}  // namespace tool
