// SPDX-License-Identifier: Apache-2.0
#include "blip/io/pickle.hpp"

#include "torch_file.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("pickle: what checkpoints hold beside tensors is survived", "[io]") {
  const torch_file c;
  for (const std::string& v : {std::string("N"),
                               std::string("\x88"),
                               std::string("\x89"),
                               p_int(7),
                               p_int(-1),
                               "M" + u16(700),
                               "J" + u32(5),
                               std::string("\x8a\0", 2),
                               "\x8a\x0a" + std::string(10, '\7'),
                               "G" + std::string(8, '\1'),
                               p_text("\xc3\xbc"),
                               std::string("U\3abc"),
                               "T" + u32(3) + "abc",
                               std::string("\x8c\3abc"),
                               std::string(")"),
                               std::string("]"),
                               "](" + p_int(1) + p_int(2) + "e",
                               "]" + p_int(1) + "a",
                               p_int(1) + "\x85",
                               p_int(1) + p_int(2) + "\x86",
                               p_int(1) + p_int(2) + p_int(3) + "\x87",
                               p_tuple({1, 2, 3, 4}),
                               p_dict({{"lr", "G" + std::string(8, '\1')}}),
                               p_global("torch", "float32"),
                               p_call(p_global("torch", "Size"), p_tuple({1, 2})),
                               p_call(p_global("torch", "device"), p_text("cpu")),
                               p_text("collections") + p_text("OrderedDict") + "\x93",
                               "N\x94" + p_int(2) + "r" + u32(1) + "j" + u32(0) + "\x87"}) {
    INFO(v);
    CHECK(c.beside(v) == "read");
  }
  CHECK(c.opened("\x80\x04\x95" + u64(2) + "}.", {}) == "read");
}

TEST_CASE("pickle: nothing but the closed list of globals is known, and none of it is called", "[io]") {
  const torch_file c;
  for (const auto& [module, name] :
       std::vector<std::pair<const char*, const char*>>{{"os", "system"},
                                                        {"posix", "system"},
                                                        {"nt", "system"},
                                                        {"subprocess", "Popen"},
                                                        {"subprocess", "check_output"},
                                                        {"builtins", "eval"},
                                                        {"builtins", "exec"},
                                                        {"builtins", "getattr"},
                                                        {"builtins", "__import__"},
                                                        {"builtins", "open"},
                                                        {"__builtin__", "eval"},
                                                        {"__builtin__", "file"},
                                                        {"builtins", "print"},
                                                        {"builtins", "map"},
                                                        {"builtins", "apply"},
                                                        {"runpy", "_run_code"},
                                                        {"pty", "spawn"},
                                                        {"socket", "create_connection"},
                                                        {"webbrowser", "open"},
                                                        {"importlib", "import_module"},
                                                        {"code", "InteractiveInterpreter"},
                                                        {"timeit", "timeit"},
                                                        {"pdb", "run"},
                                                        {"pickle", "loads"},
                                                        {"_pickle", "loads"},
                                                        {"pickle", "Unpickler"},
                                                        {"marshal", "loads"},
                                                        {"types", "CodeType"},
                                                        {"types", "FunctionType"},
                                                        {"functools", "partial"},
                                                        {"operator", "attrgetter"},
                                                        {"operator", "methodcaller"},
                                                        {"torch", "load"},
                                                        {"torch.storage", "_load_from_bytes"},
                                                        {"torch.hub", "load"},
                                                        {"torch._utils", "os.system"},
                                                        {"torch", "_utils._rebuild_tensor_v2"},
                                                        {"numpy", "load"},
                                                        {"numpy.core.multiarray", "_reconstruct"},
                                                        {"numpy.testing._private.utils", "runstring"},
                                                        {"os", "FloatStorage"},
                                                        {"collections", "OrderedDict.fromkeys"},
                                                        {"torch.nn.parameter", "Parameter"},
                                                        {"", ""}}) {
    INFO(module << '.' << name);
    const std::string global = p_global(module, name);
    CHECK(c.value(global) == "format");
    CHECK(c.value(p_call(global, p_text("true"))) == "format");
    CHECK(c.value(p_text(module) + p_text(name) + "\x93") == "format");
  }
  for (const char* name : {"FloatStorage", "UntypedStorage", "float32"})
    CHECK(c.value(p_call(p_global("torch", name), "")) == "format");
  for (const std::string& f : {p_text("f"), p_int(1), std::string("}"), plain})
    CHECK(c.value(p_call(f, "")) == "format");
  CHECK(c.value(p_global("collections", "OrderedDict") + "]R") == "format");
  CHECK(c.value(p_call(p_global("collections", "OrderedDict"), "]")) == "format");
  CHECK(c.value(plain + p_dict({{"a", "N"}}) + "b") == "format");
  CHECK(c.value("]" + p_dict({{"a", "N"}}) + "b") == "format");
  CHECK(c.value("}Nb") == "format");
}

TEST_CASE("pickle: of all opcodes only those that state dictionaries need are known", "[io]") {
  const torch_file c;
  int known = 0;
  for (int op = 0; op < 256; ++op) {
    // Operands that are 0, and an opcode of that number, which nobody knows.
    const std::string program = "\x80\x02" + std::string(1, static_cast<char>(op)) + std::string(16, '\0');
    const std::string path = c.folder.put("x.pth", make_torch_zip(program));
    try {
      const torch_archive a(path);
      FAIL("opcode " << op << " was read");
    } catch (const format_error& e) {
      if (e.expected() != "an opcode that state dictionaries need" || e.actual() == "0") known += op != 0;
    }
  }
  CHECK(known == 37);
}

TEST_CASE("pickle: a broken pickle is refused", "[io]") {
  const torch_file c;
  for (const std::string& program : {std::string(),
                                     std::string("."),
                                     std::string("\x80"),
                                     std::string("\x80\x06}."),
                                     std::string("}\x80\x02."),
                                     p_program(""),
                                     p_program("(}"),
                                     p_program("}}"),
                                     p_program("t"),
                                     p_program("u"),
                                     p_program("}(" + p_text("a") + "u"),
                                     p_program("Na"),
                                     p_program("]NNs"),
                                     p_program("}(N\x85u"),
                                     p_program("(\x85"),
                                     p_program("(a"),
                                     p_program("h\1"),
                                     p_program("q\1"),
                                     p_program("}q\x09"),
                                     p_program("}r" + u32(0xffffffff)),
                                     p_program("}q\2h\1"),
                                     p_program("X" + u32(9) + "a"),
                                     p_program("X" + u32(1) + "\xff"),
                                     p_program("ctorch"),
                                     p_program("ctorch\nSize"),
                                     p_program("c" + std::string(300, 'a') + "\n"),
                                     p_program(p_text("a") + "N\x93"),
                                     p_program("\x95" + u64(9) + "}"),
                                     p_program("NQ"),
                                     p_program(")Q"),
                                     p_program("\x8a\x09" + std::string(8, '\0')),
                                     p_program("}") + "}",
                                     std::string("\x80\x02}")}) {
    INFO(program);
    CHECK(outcome([&] { torch_archive(c.folder.put("x.pth", make_torch_zip(program))); }) == "format");
  }
  CHECK(outcome([&] {
          torch_archive(c.folder.put("x.pth", make_torch_zip(p_program("X" + u32(0x7fffffff) + "a"))));
        }) == "limit");
}

TEST_CASE("pickle: limits hold at their bounds", "[io]") {
  const torch_file c;
  const std::string program = p_program("}" + p_text("w") + plain + "q\3s");
  const auto open = [&](const limits& bounds) {
    return outcome([&] { torch_archive(c.folder.put("x.pth", make_torch_zip(program, {{"0", six}})), bounds); });
  };
  // The tightest bounds with which the file opens.
  for (std::uint64_t limits::*bound :
       {&limits::pickle_bytes, &limits::pickle_opcodes, &limits::pickle_stack, &limits::pickle_memo,
        &limits::pickle_string, &limits::dimension, &limits::tensor_bytes, &limits::tensors}) {
    limits tight;
    for (tight.*bound = 300; open(tight) == "read"; --(tight.*bound)) REQUIRE(tight.*bound > 0);
    CHECK(open(tight) == "limit");
    limits enough;
    enough.*bound = tight.*bound + 1;
    CHECK(open(enough) == "read");
    const std::uint64_t need = bound == &limits::pickle_bytes    ? program.size()
                               : bound == &limits::pickle_memo   ? 4
                               : bound == &limits::pickle_string ? 7  // "storage"
                               : bound == &limits::dimension     ? 3
                               : bound == &limits::tensor_bytes  ? 24
                               : bound == &limits::tensors       ? 1
                                                                 : enough.*bound;
    CHECK(enough.*bound == need);
  }
  limits shallow;
  shallow.json_depth = 2;
  const auto nested = [&](const std::string& v) {
    return outcome([&] { torch_archive(c.folder.put("x.pth", make_torch_zip(p_program(v))), shallow); });
  };
  CHECK(nested(p_dict({{"a", "}"}})) == "read");
  CHECK(nested(p_dict({{"a", p_dict({{"b", "}"}})}})) == "limit");
}

TEST_CASE("pickle: small programs stay small", "[io]") {
  const torch_file c;
  // Lists, tuples and dictionaries that hold themselves many times over, deep ones, and many marks.
  std::string doubled = "]q" + std::string(1, '\0'), tuples = ")";
  for (int i = 1; i < 60; ++i)
    doubled +=
        std::string("](h") + static_cast<char>(i - 1) + "h" + static_cast<char>(i - 1) + "eq" + static_cast<char>(i);
  for (int i = 0; i < 50'000; ++i) tuples += "\x85";
  CHECK(c.beside("(" + doubled + "t") == "read");
  CHECK(c.beside(tuples) == "read");
  CHECK(c.beside(std::string(99'000, '(')) == "format");
  CHECK(c.beside(std::string(101'000, '(')) == "limit");
  CHECK(c.beside(std::string(101'000, 'N')) == "limit");
  CHECK(c.beside("]q\1" + std::string("h\1a")) == "read");
}
