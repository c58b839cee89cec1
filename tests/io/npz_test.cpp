// SPDX-License-Identifier: Apache-2.0
#include "blip/io/npz.hpp"

#include "archives.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

std::string header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

struct arrays {
  scratch_folder folder{"npz"};
  limits bounds{};

  npz_file with(const std::string& array, bool deflate = false) const {
    return npz_file(folder.put("x.npz", make_zip({{.name = "layer/w.npy", .bytes = array, .deflate = deflate}})),
                    bounds);
  }
  numbers read(const std::string& array) const {
    const npz_file stored = with(array);
    const numbers v = stored.read<double>(*stored.find("layer/w"));
    const npz_file compressed = with(array, true);
    CHECK(compressed.read<double>(*compressed.find("layer/w")) == v);
    return v;
  }
  std::string opened(const std::string& array) const {
    return outcome([&] {
      const npz_file z = with(array);
      z.read<double>(z.tensors()[0]);
    });
  }
  std::string headed(const std::string& text) const {
    return opened(make_npy(text, raw(std::vector<float>{1, 2, 3, 4, 5, 6})));
  }
};

const std::string six_floats = raw(std::vector<float>{0, 1, 2, 3, 4, 5});
const std::string good = header("<f4", "False", "(2, 3)");

}  // namespace

TEST_CASE("npz: arrays of every element type, version and order come out row after row", "[io]") {
  const arrays a;
  const auto typed = [&](const char* descr, const std::string& data) {
    return a.read(make_npy(header(descr, "False", "(2,)"), data));
  };
  CHECK(typed("<f8", raw(std::vector<double>{1, -2})) == numbers{1, -2});
  CHECK(typed("<f4", raw(std::vector<float>{1, -2})) == numbers{1, -2});
  CHECK(typed("<f2", u16(0x3c00) + u16(0xc000)) == numbers{1, -2});
  CHECK(typed("<i8", raw(std::vector<std::int64_t>{1, -2})) == numbers{1, -2});
  CHECK(typed("<i4", raw(std::vector<std::int32_t>{1, -2})) == numbers{1, -2});
  CHECK(typed("<i2", raw(std::vector<std::int16_t>{1, -2})) == numbers{1, -2});
  CHECK(typed("|i1", "\x01\xfe") == numbers{1, -2});
  CHECK(typed("<u8", u64(1) + u64(2)) == numbers{1, 2});
  CHECK(typed("<u4", u32(1) + u32(0xffffffff)) == numbers{1, 4294967295});
  CHECK(typed("<u2", u16(1) + u16(0xffff)) == numbers{1, 65535});
  CHECK(typed("|u1", "\x01\xfe") == numbers{1, 254});
  CHECK(typed("|b1", "\x01" + std::string(1, '\0')) == numbers{1, 0});
  for (const int v : {1, 2, 3}) CHECK(a.read(make_npy(good, six_floats, v)) == numbers{0, 1, 2, 3, 4, 5});
  CHECK(a.read(make_npy(header("<f4", "True", "(2, 3)"), six_floats)) == numbers{0, 2, 4, 1, 3, 5});
  CHECK(a.read(make_npy(header("<f4", "True", "(1, 3, 2)"), six_floats)) == numbers{0, 3, 1, 4, 2, 5});
  CHECK(a.read(make_npy(header("<f4", "False", "()"), raw(7.f))) == numbers{7});
  CHECK(a.read(make_npy(header("<f4", "True", "(0, 3)"), "")).empty());
  const npz_file z = a.with(make_npy(good, six_floats));
  CHECK(z.tensors()[0].shape == std::vector<std::uint64_t>{2, 3});
  CHECK(z.find("layer/w.npy") == nullptr);
}

TEST_CASE("npz: a header is three keys and their values, however they are spaced", "[io]") {
  const arrays a;
  for (const std::string& text : {good, std::string("{'shape':(2,3),'descr':'<f4','fortran_order':False}"),
                                  std::string("{\"descr\": \"<f4\", 'fortran_order' : True, 'shape': (2,3,)}   \n"),
                                  std::string("{'descr': '<f4', 'fortran_order': False, 'shape': ( 6, ), }")}) {
    INFO(text);
    CHECK(a.headed(text) == "read");
  }
  for (const std::string& text : {std::string(),
                                  std::string("{"),
                                  std::string("{}"),
                                  std::string("[]"),
                                  good + "x",
                                  "x" + good,
                                  good + good,
                                  std::string("{'descr': '<f4', 'fortran_order': False}"),
                                  std::string("{'descr': '<f4', 'shape': (2, 3)}"),
                                  std::string("{'fortran_order': False, 'shape': (2, 3)}"),
                                  "{'descr': '<f4', " + good.substr(1),
                                  "{'more': '<f4', " + good.substr(1),
                                  header("<f4", "0", "(2, 3)"),
                                  header("<f4", "False", "[2, 3]"),
                                  header("<f4", "False", "(6)"),
                                  header("<f4", "False", "(2 3)"),
                                  header("<f4", "False", "(-2, 3)"),
                                  header("<f4", "False", "(+2, 3)"),
                                  header("<f4", "False", "(2.0, 3)"),
                                  header("<f4", "False", "(02, 3)"),
                                  header("<f4", "False", "(0x2, 3)"),
                                  header("<f4", "False", "(2, 3"),
                                  header("<f4", "False", "(,)"),
                                  header("<f4", "False", "(2,, 3)"),
                                  header("<f4", "False", "(2, '3')"),
                                  header("<f4", "False", "(99999999999999999999, 3)"),
                                  header("<f4", "False", "(2*3,)"),
                                  header("<f4", "False", "__import__('os')"),
                                  header("<f4", "not True", "(2, 3)"),
                                  header("<f4", "False", "(2, 4)"),
                                  header("<f4", "False", "(2, 2)"),
                                  header("<f8", "False", "(2, 3)"),
                                  header("<f4", "False", "(0, 3)"),
                                  header("<f4", "False", "(200000000000000, 200000000000000)")}) {
    INFO(text);
    CHECK(a.headed(text) == "format");
  }
  for (const char* descr : {">f4", "=f4", "f4", "<f", "<c8", "|O", "|V4", "<U3", "|S4", "<M8[ns]", "", "<f4'"}) {
    INFO(descr);
    CHECK(a.headed(header(descr, "False", "(2, 3)")) == "format");
  }
  CHECK(a.headed("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }") == "format");
  CHECK(a.headed("{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2, 3), }") == "format");
}

TEST_CASE("npz: members are whole arrays", "[io]") {
  const arrays a;
  const std::string array = make_npy(good, six_floats);
  CHECK(a.opened(array) == "read");
  CHECK(a.opened(array + "x") == "format");
  CHECK(a.opened(array.substr(0, array.size() - 1)) == "format");
  CHECK(a.opened("") == "format");
  CHECK(a.opened("x" + array) == "format");
  for (const int v : {0, 4, 255}) CHECK(a.opened(make_npy(good, six_floats, v)) == "format");
  CHECK(a.opened(std::string(array).replace(7, 1, "\1")) == "format");
  CHECK(a.opened(std::string(array).replace(8, 2, u16(good.size() + 100))) == "format");
  CHECK(a.opened(std::string(array).replace(8, 2, u16(0xffff))) == "limit");
  CHECK(a.opened(make_npy(good, six_floats, 2).replace(8, 4, u32(0xffffffff))) == "limit");
  const auto named = [&](const char* name) {
    return outcome([&] { npz_file(a.folder.put("x.npz", make_zip({{.name = name, .bytes = array}}))); });
  };
  CHECK(named("w.npy") == "read");
  CHECK(named("w") == "format");
  CHECK(named("w.txt") == "format");
}

TEST_CASE("npz: limits hold at their bounds", "[io]") {
  arrays a;
  const std::string array = make_npy(good, six_floats);
  a.bounds.npy_header_bytes = good.size(), a.bounds.rank = 2, a.bounds.dimension = 3, a.bounds.tensor_bytes = 24;
  CHECK(a.opened(array) == "read");
  for (std::uint64_t limits::*bound : {&limits::npy_header_bytes, &limits::dimension, &limits::tensor_bytes}) {
    arrays less;
    less.bounds = a.bounds;
    --(less.bounds.*bound);
    CHECK(less.opened(array) == "limit");
  }
  a.bounds.rank = 1;
  CHECK(a.opened(array) == "limit");
  // Zeros shrink a thousandfold; how far they may grow again is a limit.
  const std::string zeros = make_npy(header("|u1", "False", "(4194304,)"), std::string(4194304, '\0'));
  const std::string bomb = make_zip({{.name = "z.npy", .bytes = zeros, .deflate = true}});
  CHECK(bomb.size() < 5000);
  limits tight;
  tight.inflated_bytes = zeros.size();
  const npz_file z(a.folder.put("z.npz", bomb), tight);
  CHECK(z.read<std::uint8_t>(*z.find("z")).size() == 4194304);
  --tight.inflated_bytes;
  CHECK_THROWS_AS(npz_file(a.folder.put("z.npz", bomb), tight), limit_error);
}

TEST_CASE("npz: damaged data are noticed when they are read", "[io]") {
  const arrays a;
  std::string bytes = make_zip({{.name = "w.npy", .bytes = make_npy(good, six_floats)}});
  bytes[bytes.find(six_floats) + 6] ^= 1;
  const npz_file z(a.folder.put("x.npz", bytes));
  CHECK_THROWS_AS(z.read<float>(*z.find("w")), format_error);
}
