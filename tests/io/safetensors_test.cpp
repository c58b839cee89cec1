// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "blip/backend/reference.hpp"
#include "blip/io/arena_file.hpp"
#include "blip/layers/linear_group.hpp"
#include "blip/layers/owned.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

struct temporary_folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("blip_io_" + std::to_string(::getpid()));
  temporary_folder() { std::filesystem::create_directories(path); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
  long entries() const { return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()); }
};

std::string with_length(const std::string& header, const std::string& data = {}) {
  std::string file(8, '\0');
  const std::uint64_t n = header.size();
  std::memcpy(file.data(), &n, 8);
  return file + header + data;
}
void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

const std::string one = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
const std::string eight(8, '\1');

using layer = linear_group<4, 3, 3, group_names::query_key_value, reference<double>>;

}  // namespace

TEST_CASE("what was written is read back", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("x.safetensors");
  const std::vector<float> a{1.5f, -2, 3};
  const std::vector<std::int64_t> b{7};
  const std::vector<safetensors_tensor> tensors{{.name = "a \"quoted\"\n", .type = stored_type::f32, .shape = {3, 1}},
                                                {.name = "b", .type = stored_type::i64, .shape = {}},
                                                {.name = "nothing", .type = stored_type::f16, .shape = {0, 5}}};
  write_safetensors(path, tensors, [&](std::size_t i) {
    return i == 0 ? std::as_bytes(std::span(a)) : i == 1 ? std::as_bytes(std::span(b)) : std::span<const std::byte>();
  }, {{"format", "pt"}});
  const safetensors_file file(path);
  REQUIRE(file.tensors().size() == 3);
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.find("a \"quoted\"\n")->shape == std::vector<std::uint64_t>{3, 1});
  CHECK(file.read<float>(*file.find("a \"quoted\"\n")) == a);
  CHECK(file.read<double>(*file.find("b")) == numbers{7});
  CHECK(file.read<double>(*file.find("nothing")).empty());
  CHECK(file.find("c") == nullptr);
  CHECK(folder.entries() == 1);
}

TEST_CASE("every element type is converted", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("x.safetensors");
  const auto read = [&](const char* type, const std::string& bytes, std::size_t size) {
    put(path, with_length(std::string(R"({"a":{"dtype":")") + type + R"(","shape":[)" + std::to_string(bytes.size() / size) +
                          R"(],"data_offsets":[0,)" + std::to_string(bytes.size()) + "]}}", bytes));
    const safetensors_file file(path);
    return file.read<double>(*file.find("a"));
  };
  using namespace std::string_literals;
  CHECK(read("U8", "\x00\xff"s, 1) == numbers{0, 255});
  CHECK(read("I8", "\x01\xff"s, 1) == numbers{1, -1});
  CHECK(read("BOOL", "\x01"s, 1) == numbers{1});
  CHECK(read("I16", "\xfe\xff"s, 2) == numbers{-2});
  CHECK(read("U16", "\xfe\xff"s, 2) == numbers{65534});
  CHECK(read("BF16", "\x80\x3f\x00\xc0"s, 2) == numbers{1, -2});
  CHECK(read("F16", "\x00\x3c\x00\xc0\x01\x00\xff\x7b"s, 2) == numbers{1, -2, 0x1p-24, 65504});
  CHECK(std::isinf(read("F16", "\x00\x7c"s, 2)[0]));
  CHECK(read("F64", "\0\0\0\0\0\0\xf0\x3f"s, 8) == numbers{1});
}

TEST_CASE("malformed files are refused with a typed error", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("x.safetensors");
  const auto refused = [&](const std::string& bytes) {
    put(path, bytes);
    try {
      const safetensors_file file(path);
    } catch (const format_error&) {
      return std::string("format");
    } catch (const limit_error&) {
      return std::string("limit");
    }
    return std::string("accepted");
  };
  CHECK(refused(with_length(one, eight)) == "accepted");
  CHECK(refused(with_length(one + "   ", eight)) == "accepted");
  CHECK(refused(with_length("{}")) == "accepted");
  const auto entry = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  for (const std::string& header : {
           std::string(), std::string("["), std::string("[]"), std::string("{"), std::string("nul"), " " + one, one + "x",
           one + one, std::string("{\"a\":1}"), std::string("{\"a\":{}}"), std::string(one.size(), '\0'),
           entry(R"("dtype":"F32","shape":[2])"), entry(R"("dtype":"F32","data_offsets":[0,8])"),
           entry(R"("shape":[2],"data_offsets":[0,8])"), entry(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"),
           entry(R"("dtype":4,"shape":[2],"data_offsets":[0,8])"), entry(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), entry(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
           entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), entry(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])"),
           entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1)"),
           entry(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
           entry(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"),   // a hole in front
           entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"),   // bytes behind
           std::string(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})"),
           std::string(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
           std::string(R"({"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
           std::string(R"({"__metadata__":[],"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
           std::string(R"({"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
           std::string("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"),
           std::string(R"({"a":)") + std::string(200, '[') + std::string(200, ']') + "}"}) {
    INFO(header);
    CHECK(refused(with_length(header, eight)) == "format");
  }
  const std::string big = "\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[";
  CHECK(refused(with_length("{\"" + std::string(2000, 'n') + "\":{" + big + "0]}}")) == "limit");
  CHECK(refused(with_length(entry(big + "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"))) == "limit");
  CHECK(refused(with_length(entry(big + "0,9223372036854775807]"))) == "limit");
  CHECK(refused(with_length(entry("\"dtype\":\"U8\",\"data_offsets\":[0,8],\"shape\":[2199023255552]"), eight)) == "limit");
  CHECK(refused(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8)) == "limit");
  CHECK(refused(std::string("\xff\xff\x0f\0\0\0\0\0", 8)) == "format");
}

TEST_CASE("every prefix and every flipped bit is refused or read, never worse", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("x.safetensors"), whole = with_length(one, eight);
  const auto open = [&](const std::string& bytes) {
    put(path, bytes);
    try {
      const safetensors_file file(path);
      for (const auto& t : file.tensors()) CHECK(file.read<double>(t).size() == t.elements());
      return true;
    } catch (const error& e) {
      return false;
    }
  };
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(open(whole.substr(0, n)));
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    open(bad);
  }
}

TEST_CASE("files that are none say so", "[io]") {
  const temporary_folder folder;
  CHECK_THROWS_AS(safetensors_file(folder.file("missing")), io_error);
  CHECK_THROWS_AS(safetensors_file(folder.path.string()), io_error);
  CHECK_THROWS_AS(output_file(folder.file("no/such/folder")), io_error);
}

TEST_CASE("an unfinished file leaves nothing behind, and the old one as it was", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("x");
  put(path, "old");
  {
    output_file f(path);
    f.write(std::as_bytes(std::span(eight)));
  }
  CHECK(folder.entries() == 1);
  CHECK(std::filesystem::file_size(path) == 3);
  const std::vector<safetensors_tensor> t{{.name = "a", .type = stored_type::f32, .shape = {3}}};
  CHECK_THROWS_AS(write_safetensors(path, t, [&](std::size_t) { return std::as_bytes(std::span(eight)); }), shape_error);
  CHECK(folder.entries() == 1);
  CHECK(std::filesystem::file_size(path) == 3);
}

TEST_CASE("an arena goes out and in with its bits", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("model.safetensors");
  owned<layer, reference<double>> a(1), b(2);
  save_arena(path, a.values());
  CHECK(safetensors_file(path).tensors().size() == 6);
  CHECK(load_arena(path, b.values()).unused.empty());
  for (const auto& n : a.values().layout()->names())
    CHECK(difference_of_bits(a.values().read(n.text), b.values().read(n.text)) == "");
}

TEST_CASE("an arena is loaded as a whole or not at all", "[io]") {
  const temporary_folder folder;
  const std::string path = folder.file("model.safetensors");
  owned<layer, reference<double>> a(1);
  const numbers before = a.values().read("query.weight");
  owned<linear_group<4, 5, 3, group_names::query_key_value, reference<double>>, reference<double>> other(2);
  save_arena(path, other.values());
  CHECK_THROWS_AS(load_arena(path, a.values()), shape_error);
  const numbers changed(12, 3);
  const std::vector<safetensors_tensor> some{{.name = "query.weight", .type = stored_type::f64, .shape = {3, 4}}};
  write_safetensors(path, some, [&](std::size_t) { return std::as_bytes(std::span(changed)); });
  CHECK_THROWS_AS(load_arena(path, a.values()), format_error);
  CHECK(difference_of_bits(a.values().read("query.weight"), before) == "");
}
