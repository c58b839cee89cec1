// SPDX-License-Identifier: Apache-2.0
//
// scenes_files FOLDER: writes pictures of a generated world as files of one's own would lie there, larger than the
// model sees them: human.jsonl (three captions a picture), web.json (a Karpathy list), pictures/*.jpg; test.json, with
// all captions of a picture in one record; a few names lead nowhere, and broken.jsonl has too many of them.
#include <cstdio>
#include <filesystem>

#include "blip/data/scenes/pairs.hpp"
#include "blip/image/image_file.hpp"
#include "blip/image/resize.hpp"
#include "blip/io/safetensors.hpp"

using namespace blip;

namespace {

std::string quoted(const std::string& text) {
  std::string out;
  detail::append_json_string(out, text);
  return out;
}

// Writes the picture of a sample once and gives its name below the root.
std::string write_picture(const std::string& folder, const char* split, std::uint64_t number, const image& picture) {
  const std::string name = std::string(split) + "/" + std::to_string(number) + ".jpg";
  if (const std::string path = folder + "/pictures/" + name; !std::filesystem::exists(path))
    write_image(path, resize(picture, 60, 80, resize_filter::bicubic), {.quality = 95, .full_colour = true});
  return name;
}

void write(const std::string& folder) {
  const scenes::world world(scenes::world_size::nano);
  for (const char* split : {"human", "web", "test"}) std::filesystem::create_directories(folder + "/pictures/" + split);
  const auto record = [](const std::string& name, const std::string& caption) {
    return "{\"image\": " + quoted(name) + ", \"caption\": " + caption + "}";
  };

  const scenes::pairs human(world, scenes::split::human), web(world, scenes::split::web),
      test(world, scenes::split::test);
  std::string lines, few;
  for (std::uint64_t i = 0; i < 360; ++i) {
    const captioned_picture s = human.sample(i);
    const std::string name = write_picture(folder, "human", human.picture_of(i), s.picture);
    lines += record(name, quoted(s.caption)) + "\n";
    if (i < 90) few += record(i % 9 == 0 ? "human/gone" + std::to_string(i) + ".jpg" : name, quoted(s.caption)) + "\n";
  }
  lines += record("human/gone.jpg", "\"a picture that is not there\"") + "\n";
  write_file(folder + "/human.jsonl", lines), write_file(folder + "/broken.jsonl", few);

  std::string list = "[";
  for (std::uint64_t i = 0; i < 128; ++i) {
    const captioned_picture s = web.sample(i);
    std::string r = record(write_picture(folder, "web", i, s.picture), quoted(s.caption));
    r.insert(r.size() - 1, ", \"image_id\": \"web_" + std::to_string(i) + "\"");
    list += (i > 0 ? ",\n" : "") + r;
  }
  const std::string text = "this is no picture";
  write_file(folder + "/pictures/web/text.jpg", text);
  list += ",\n" + record("web/text.jpg", "\"text\"") + "]\n";
  write_file(folder + "/web.json", list);

  list = "[";
  for (std::uint64_t i = 0; i < 30; ++i) {
    const captioned_picture s = test.sample(i);
    list += (i > 0 ? ",\n" : "") + record(write_picture(folder, "test", i, s.picture),
                                          "[" + quoted(s.caption) + ", " + quoted("there is " + s.caption) + "]");
  }
  write_file(folder + "/test.json", list + "]\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    write(argv[1]);
    return 0;
  } catch (const error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
