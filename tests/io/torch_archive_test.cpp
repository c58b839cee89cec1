// SPDX-License-Identifier: Apache-2.0
#include "blip/io/torch_archive.hpp"

#include "torch_file.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("torch: views come out row after row, whatever their strides", "[io]") {
  const torch_file c;
  const auto read = [&](std::int64_t offset, const std::vector<std::int64_t>& sizes,
                        const std::vector<std::int64_t>& strides) {
    const torch_archive a = c.with(p_dict({{"t", p_tensor(on_six, offset, sizes, strides)}}));
    return a.read<double>(*a.find("t"));
  };
  CHECK(read(0, {2, 3}, {3, 1}) == numbers{0, 1, 2, 3, 4, 5});
  CHECK(read(0, {3, 2}, {1, 3}) == numbers{0, 3, 1, 4, 2, 5});
  CHECK(read(1, {2, 2}, {3, 1}) == numbers{1, 2, 4, 5});
  CHECK(read(5, {}, {}) == numbers{5});
  CHECK(read(2, {2, 3}, {0, 1}) == numbers{2, 3, 4, 2, 3, 4});
  CHECK(read(0, {1, 2, 3}, {77, 3, 1}) == numbers{0, 1, 2, 3, 4, 5});
  CHECK(read(0, {3, 1, 2}, {1, 0, 3}) == numbers{0, 3, 1, 4, 2, 5});
  CHECK(read(6, {0, 5}, {9, 9}).empty());
}

TEST_CASE("torch: tensors are those of the model, with their nested names", "[io]") {
  const torch_file c;
  using list = std::vector<std::string>;
  const std::string weights = p_ordered + "(" + p_text("a.w") + plain + p_text("b") + plain + "u";
  CHECK(c.names(weights) == list{"a.w", "b"});
  CHECK(c.names(p_dict({{"epoch", p_int(3)}, {"model", weights}, {"optimizer", p_dict({{"m", plain}})}})) ==
        list{"a.w", "b"});
  CHECK(c.names(p_dict({{"state_dict", weights}, {"other", weights}})) == list{"a.w", "b"});
  CHECK(c.names(p_dict({{"model", p_int(1)}, {"w", plain}})) == list{"w"});
  CHECK(c.names(p_dict({{"model", p_dict({{"model", p_dict({{"w", plain}})}, {"n", "N"}})}})) == list{"model.w"});
  CHECK(c.names(p_dict({{"text", p_dict({{"w", plain}, {"deep", p_dict({{"w", plain}})}})}, {"w", plain}})) ==
        list{"text.w", "text.deep.w", "w"});
  CHECK(c.names("}(" + p_int(7) + plain + p_text("w") + plain + "u") == list{"w"});
  CHECK(c.names("}").empty());
  // The attributes of a state dictionary are dropped, a parameter is its tensor.
  CHECK(c.names(weights + p_dict({{"_metadata", p_dict({})}}) + "b") == list{"a.w", "b"});
  CHECK(c.names(p_dict({{"p", p_call(p_global("torch._utils", "_rebuild_parameter"), plain + "\x88" + p_ordered)}})) ==
        list{"p"});
  CHECK(c.value(weights) == "read");
  CHECK(c.opened(p_program(p_dict({{"a.b", plain}, {"a", p_dict({{"b", plain}})}}))) == "format");  // twice
  CHECK(c.opened(p_program(p_dict({{"a", plain}, {"a", plain}}))) == "format");
  for (const char* other : {"N", "K\x07", "]", ")", "\x88"}) CHECK(c.opened(p_program(other)) == "format");
  CHECK(c.opened(p_program(plain)) == "format");
  // One dictionary in two places, and one in itself.
  CHECK(c.opened(p_program("}(" + p_text("a") + "}q\5" + p_text("b") + "h\5u"), {}) == "format");
  CHECK(c.opened(p_program("}q\2" + p_text("model") + "h\2s"), {}) == "format");
}

TEST_CASE("torch: every element type of a storage is converted", "[io]") {
  const torch_file c;
  const auto read = [&](const char* type, const std::string& bytes, std::int64_t n) {
    const torch_archive a = c.with(p_dict({{"t", p_tensor(p_storage("0", n, type), 0, {n}, {1})}}), {{"0", bytes}});
    return a.read<double>(*a.find("t"));
  };
  CHECK(read("DoubleStorage", raw(std::vector<double>{1, -2}), 2) == numbers{1, -2});
  CHECK(read("FloatStorage", raw(std::vector<float>{1, -2}), 2) == numbers{1, -2});
  CHECK(read("HalfStorage", u16(0x3c00) + u16(0xc000), 2) == numbers{1, -2});
  CHECK(read("BFloat16Storage", u16(0x3f80) + u16(0xc000), 2) == numbers{1, -2});
  CHECK(read("LongStorage", raw(std::vector<std::int64_t>{1, -2}), 2) == numbers{1, -2});
  CHECK(read("IntStorage", raw(std::vector<std::int32_t>{1, -2}), 2) == numbers{1, -2});
  CHECK(read("ShortStorage", raw(std::vector<std::int16_t>{1, -2}), 2) == numbers{1, -2});
  CHECK(read("CharStorage", "\x01\xfe", 2) == numbers{1, -2});
  CHECK(read("ByteStorage", "\x01\xfe", 2) == numbers{1, 254});
  CHECK(read("BoolStorage", "\x01", 1) == numbers{1});
  // Types without a storage of their own lie on bytes.
  const std::string bytes = "(" + p_text("storage") + p_global("torch.storage", "UntypedStorage") + p_text("0") +
                            p_text("cpu") + p_int(6) + "tQ";
  const auto untyped = [&](const std::string& type, std::int64_t n) {
    return p_dict({{"t", p_call(p_global("torch._utils", "_rebuild_tensor_v3"),
                                bytes + p_int(1) + p_tuple({n}) + p_tuple({1}) + "\x89" + p_ordered + type)}});
  };
  const torch_archive a = c.with(untyped(p_global("torch", "uint16"), 2), {{"0", u16(1) + u16(2) + u16(65535)}});
  CHECK(a.read<double>(*a.find("t")) == numbers{2, 65535});
  CHECK_THROWS_AS(c.with(untyped(p_global("torch", "uint16"), 3), {{"0", std::string(6, '\0')}}), format_error);
  CHECK_THROWS_AS(c.with(untyped(p_global("torch", "FloatStorage"), 1), {{"0", std::string(6, '\0')}}), format_error);
}

TEST_CASE("torch: a tensor stays within its storage", "[io]") {
  const torch_file c;
  const auto view = [&](const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                        const std::vector<std::int64_t>& strides) {
    return c.value(p_tensor(storage, offset, sizes, strides));
  };
  const std::int64_t huge = std::int64_t{1} << 61, large = std::int64_t{1} << 47;
  CHECK(view(on_six, 0, {6}, {1}) == "read");
  CHECK(view(on_six, 0, {7}, {1}) == "format");
  CHECK(view(on_six, 1, {6}, {1}) == "format");
  CHECK(view(on_six, 7, {0}, {1}) == "format");
  CHECK(view(on_six, -1, {1}, {1}) == "format");
  CHECK(view(on_six, 0, {-1}, {1}) == "format");
  CHECK(view(on_six, 0, {2}, {-1}) == "format");
  CHECK(view(on_six, 0, {2}, {6}) == "format");
  CHECK(view(on_six, 0, {2}, {huge}) == "format");
  CHECK(view(on_six, huge, {2}, {1}) == "format");
  CHECK(view(on_six, 0, {large, large}, {0, 0}) == "format");
  CHECK(view(on_six, 0, {2, 3}, {1}) == "format");
  CHECK(view(on_six, 0, {huge}, {0}) == "limit");
  CHECK(view(on_six, 0, {1 << 23}, {0}) == "limit");  // 32 MiB from 24 bytes
  CHECK(view(on_six, 0, {1 << 22}, {0}) == "read");
  CHECK(view(on_six, 0, std::vector<std::int64_t>(17, 1), std::vector<std::int64_t>(17, 1)) == "limit");
  for (const std::string& storage : {p_storage("0", 7), p_storage("0", 5), p_storage("0", -1), p_storage("0", 2 * huge),
                                     p_storage("1", 6), p_storage("../0", 6), p_storage("0", 6, "DoubleStorage"),
                                     p_storage("0", 6, "WeirdStorage"), p_storage("0", 6, "Size"), p_int(6)}) {
    INFO(storage);
    CHECK(view(storage, 0, {1}, {1}) == "format");
  }
  CHECK(c.value("(" + p_tensor(on_six, 0, {6}, {1}) + p_tensor(p_storage("0", 12, "HalfStorage"), 0, {6}, {1}) + "t") ==
        "format");
  const std::string rebuild = p_global("torch._utils", "_rebuild_tensor_v2");
  CHECK(c.value(p_call(rebuild, on_six + p_int(0) + p_tuple({6}) + p_tuple({1}))) == "format");
  CHECK(c.value(p_call(rebuild, on_six + p_int(0) + p_tuple({6}) + p_tuple({1}) + "NN")) == "format");
  CHECK(c.value(p_call(p_global("torch._utils", "_rebuild_tensor"), on_six + p_int(0) + p_tuple({6}) + p_tuple({1}))) ==
        "read");
}

TEST_CASE("torch: the archive's own rules", "[io]") {
  const scratch_folder folder("torch");
  const std::string program = p_program(p_dict({{"t", plain}}));
  const auto open = [&](const std::vector<zip_part>& parts) {
    return outcome([&] { torch_archive(folder.put("x.pth", make_zip(parts))); });
  };
  const zip_part code{.name = "x/data.pkl", .bytes = program}, data{.name = "x/data/0", .bytes = six};
  CHECK(open({code, data}) == "read");
  CHECK(open({data, code}) == "read");
  CHECK(open({code, data, {.name = "x/byteorder", .bytes = "little"}}) == "read");
  for (const char* order : {"big", "", "little ", "nonsense"})
    CHECK(open({code, data, {.name = "x/byteorder", .bytes = order}}) == "format");
  CHECK(open({code}) == "format");
  CHECK(open({data}) == "format");
  CHECK(open({code, data, {.name = "y/more"}}) == "format");
  CHECK(open({code, {.name = "y/data/0", .bytes = six}}) == "format");
  CHECK(outcome([&] { torch_archive(folder.put("x.pth", make_torch_zip(program, {{"0", six}}, true))); }) == "format");
  CHECK(outcome([&] { torch_archive(folder.put("x.pth", "x")); }) == "format");
  CHECK(outcome([&] { torch_archive(folder.put("x.pth", "no such container")); }) == "format");
  CHECK(outcome([&] { torch_archive((folder.path / "none").string()); }) == "io");
}

TEST_CASE("torch: a storage is held against its checksum, whichever part of it is read", "[io]") {
  const scratch_folder folder("torch");
  const std::string program = p_program(p_dict({{"whole", plain}, {"part", p_tensor(p_storage("0", 6), 4, {2}, {1})}}));
  std::string bytes = make_torch_zip(program, {{"0", six}});
  bytes[bytes.find(six) + 2] ^= 1;
  const torch_archive a(folder.put("x.pth", bytes));
  CHECK_THROWS_AS(a.read<float>(*a.find("part")), format_error);
  CHECK_THROWS_AS(a.read<float>(*a.find("whole")), format_error);
}

TEST_CASE("torch: the container before 1.6 is followed to its last byte", "[io]") {
  const scratch_folder folder("torch");
  const std::string program = p_program(p_dict({{"t", plain}}));
  const auto open = [&](const std::string& bytes) {
    return outcome([&] { torch_archive(folder.put("x.pth", bytes)); });
  };
  const std::string good = make_torch_legacy(program, {{"0", six}});
  CHECK(open(good) == "read");
  CHECK(open(good + '\0') == "format");
  CHECK(open(good.substr(0, good.size() - 1)) == "format");
  CHECK(open(make_torch_legacy(program)) == "format");
  CHECK(open(make_torch_legacy(program, {{"1", six}})) == "format");
  CHECK(open(make_torch_legacy(program, {{"0", six}, {"1", six}})) == "format");
  CHECK(open(make_torch_legacy(program, {{"0", six}, {"0", six}})) == "format");
  CHECK(open(make_torch_legacy(program, {{"0", six}}, 8)) == "format");
  CHECK(open(make_torch_legacy(program, {{"0", six + six}})) == "format");
  const auto with = [&](const std::string& magic, const std::string& protocol, const std::string& machine) {
    return open(magic + protocol + machine + good.substr(good.find(program)));
  };
  const std::string protocol = p_program("M" + u16(1001)), machine = p_program(p_dict({{"little_endian", "\x88"}}));
  CHECK(with(legacy_magic, protocol, machine) == "read");
  CHECK(with(p_program("M" + u16(1)), protocol, machine) == "format");
  CHECK(with(legacy_magic, p_program("M" + u16(1002)), machine) == "format");
  CHECK(with(legacy_magic, protocol, p_program(p_dict({{"little_endian", "\x89"}}))) == "format");
  CHECK(with(legacy_magic, protocol, p_program("}")) == "format");
  // Before 1.6 the storage's identity has a sixth part; views of storages are of an age that is not read.
  const auto six_parts = [&](const char* last) {
    std::string s = on_six;
    return make_torch_legacy(p_program(p_dict({{"t", p_tensor(s.replace(s.size() - 2, 0, last), 0, {6}, {1})}})),
                             {{"0", six}});
  };
  CHECK(open(six_parts("N")) == "read");
  CHECK(open(six_parts(")")) == "format");
}

TEST_CASE("torch: an error says at which byte of which member", "[io]") {
  const torch_file c;
  const std::string path =
      c.folder.put("x.pth", make_torch_zip(p_program("}" + p_text("a") + p_global("os", "system"))));
  try {
    torch_archive a(path);
    FAIL("not refused");
  } catch (const format_error& e) {
    CHECK(e.where() == path + ": not a PyTorch checkpoint (x/data.pkl), byte 9");
    CHECK(e.actual() == "os.system");
    CHECK(e.hint().find("nothing was run") == 0);
  }
}
