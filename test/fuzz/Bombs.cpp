//===- test/fuzz/Bombs.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each kind grows in the way in which a compiler may do more than linear work. See Bombs.h.
#include "test/fuzz/Bombs.h"
#include <vector>

using fuzz::choose;
using fuzz::pick;
using fuzz::Random;

static std::string text(uint64_t number) { return std::to_string(number); }

/// `list` with commas between.
static std::string join(const std::vector<std::string> &list) {
  std::string all;
  for (const std::string &item : list)
    all += (all.empty() ? "" : ", ") + item;
  return all;
}

static std::string power(Random &random, unsigned low, unsigned high) {
  return text((uint64_t(1) << (low + pick(random, high - low + 1))) - pick(random, 2));
}

/// Bodies in bodies: w = f(v) at `depth`.
static std::string nest(Random &random, unsigned depth, const std::string &v, const std::string &w, unsigned &next) {
  if (depth == 0)
    return w + " = " + choose<const char *>(random, {"Neg", "Exp", "Softmax", "Identity"}) + " (" + v + ") ";
  auto name = [&](const char *stem) { return stem + text(next++); };
  std::string inner = name("v"), result = name("w"), i = name("i"), go = name("p"), on = name("q");
  if (random() % 3 == 0) {
    std::string other = name("w"), a = name("a"), b = name("b");
    std::string then = nest(random, depth - 1, v, result, next);
    bool both = depth < 5 && random() % 2;
    std::string orElse = both ? nest(random, depth - 1, v, other, next) : other + " = Abs (" + v + ") ";
    return w + " = If <then_branch = " + a + " () => (float[K] " + result + ") { " + then + "}, else_branch = " + b +
           " () => (float[K] " + other + ") { " + orElse + "}> (c) ";
  }
  std::string body = name("b");
  return w + " = Loop <body = " + body + " (int64 " + i + ", bool " + go + ", float[K] " + inner + ") => (bool " + on +
         ", float[K] " + result + ") { " + on + " = Identity (" + go + ") " +
         nest(random, depth - 1, inner, result, next) + "}> (m, c, " + v + ") ";
}

static std::string nesting(Random &random) {
  unsigned next = 0;
  return "g (float[K] x, int64 m, bool c) => (float[K] y) { " + nest(random, 1 + pick(random, 70), "x", "y", next) +
         "}";
}

/// A long calculation, or a large one, on nothing but constants.
static std::string folding(Random &random) {
  std::string body = "c0 = ConstantOfShape <value = float[1] {" + text(1 + pick(random, 9)) + "}> (s) ";
  unsigned count = 1 + pick(random, 12);
  for (unsigned i = 0; i < count; ++i) {
    std::string c = "c" + text(i), d = "c" + text(i + 1);
    switch (random() % 13) {
    case 0:
      body += d + " = Conv <auto_pad = \"SAME_UPPER\"> (" + c + ", " + c + ") ";
      break;
    case 1:
      body += "t" + d + " = Transpose <perm = [0, 1, 3, 2]> (" + c + ") " + d + " = MatMul (" + c + ", t" + d + ") ";
      break;
    case 2:
      body += d + " = Concat <axis = " + text(pick(random, 4)) + "> (" + join({c, c, c, c}) + ") ";
      break;
    case 3:
      body += "t" + d + " = Constant <value_ints = [1, 1, 2, 3]> () " + d + " = Tile (" + c + ", t" + d + ") ";
      break;
    case 4:
      body += d + " = " + choose<const char *>(random, {"AveragePool", "MaxPool", "LpPool"}) +
              " <kernel_shape = [255, 255], pads = [127, 127, 127, 127]> (" + c + ") ";
      break;
    case 5:
      body += "a" + d + " = Constant <value_int = 2> () " + d + " = CumSum (" + c + ", a" + d + ") ";
      break;
    case 6:
      body += d + " = Einsum <equation = \"abcd,abed,abfd->abef\"> (" + join({c, c, c}) + ") ";
      break;
    case 7:
      body += "f" + d + " = Constant <value_floats = [1.0, 1.0, 3.0, 2.0]> () " + d + " = Resize (" + c + ", , f" + d +
              ") ";
      break;
    case 8:
      body += "p" + d + " = Constant <value_ints = [0, 0, 900, 900, 0, 0, 900, 900]> () " + d + " = Pad (" + c + ", p" +
              d + ") ";
      break;
    case 9:
      body += "k" + d + " = Constant <value_ints = [1]> () " + d + ", i" + d + " = TopK (" + c + ", k" + d + ") ";
      break;
    default:
      body += d + " = " +
              choose<const char *>(random, {"Exp", "Softmax", "Transpose", "Erf", "LogSoftmax", "GlobalMaxPool"}) +
              " (" + c + ") ";
    }
  }
  std::string last = "c" + text(count);
  std::string size = power(random, 0, 10);
  return "g (float[1] x) => (float[1] y) <int64[4] s = {" + join({"1", "1", size, size}) + "}> { " + body +
         "r = ReduceMax <keepdims = 0> (" + last + ") y = Add (x, r) }";
}

/// Sizes that are made of sizes.
static std::string sizes(Random &random) {
  std::string body = "s0 = Shape (x) ";
  unsigned count = 1 + pick(random, choose<size_t>(random, {30, 300, 1500}));
  for (unsigned i = 0; i < count; ++i) {
    auto earlier = [&] { return "s" + text(i - pick(random, i < 3 ? i + 1 : 3)); };
    std::string number = "k" + text(i);
    body +=
        number + " = Constant <value_ints = [" + text(2 + pick(random, choose<size_t>(random, {3, 1000}))) + "]> () ";
    body += "s" + text(i + 1) + " = ";
    body += choose<const char *>(random, {"Div", "Add", "Mul", "Sub", "Mod", "Max", "Min"});
    std::string left = earlier(), right = random() % 2 ? earlier() : number;
    body += " (" + left + ", " + right + ") ";
  }
  std::string last = "s" + text(count);
  switch (random() % 4) {
  case 0:
    return "g (float[N] x) => (float[M] y) { " + body + "y = ConstantOfShape (" + last + ") }";
  case 1:
    return "g (float[N] x) => (float[M] y) { " + body + "o = Constant <value_ints = [0]> () y = Slice (x, o, " + last +
           ") }";
  case 2:
    return "g (float[N] x) => (float[A, B] y) { " + body +
           "o = Constant <value_ints = [-1]> () z = Concat <axis = 0> (o, " + last + ") y = Reshape (x, z) }";
  default:
    return "g (float[N] x) => (float[M] y) { " + body + "y = Expand (x, " + last + ") }";
  }
}

/// One constant in many orders, each of which products may have packed in its own way.
static std::string packing(Random &random) {
  constexpr unsigned bits = 18; // 2^18 numbers
  std::string body = "from = Constant <value_float = 0.0> () to = Constant <value_float = 262144.0> () "
                     "by = Constant <value_float = 1.0> () c = Range (from, to, by) z = Constant <value_ints = [0]> () "
                     "o = Constant <value_ints = [1]> () s0 = ReduceSum <keepdims = 0> (x) ";
  unsigned count = 1 + pick(random, choose<size_t>(random, {10, 400}));
  for (unsigned i = 0; i < count; ++i) {
    std::string n = text(i);
    size_t first = pick(random, bits), second = pick(random, bits - first);
    std::vector<std::string> sizes = {text(1 << first), text(1 << second), text(1 << (bits - first - second))};
    static const char *const orders[] = {"0, 1, 2", "0, 2, 1", "1, 0, 2", "1, 2, 0", "2, 0, 1", "2, 1, 0"};
    const char *order = orders[random() % 6];
    body += "d" + n + " = Constant <value_ints = [" + join(sizes) + "]> () r" + n + " = Reshape (c, d" + n + ") t" + n +
            " = Transpose <perm = [" + order + "]> (r" + n + ") e" + n + " = Constant <value_ints = [" +
            sizes[order[3] - '0'] + "]> () f" + n + " = Slice (x, z, e" + n + ", o) y" + n + " = MatMul (f" + n +
            ", t" + n + ") u" + n + " = ReduceSum <keepdims = 0> (y" + n + ") s" + text(i + 1) + " = Add (s" + n +
            ", u" + n + ") ";
  }
  return "g (float[1, 262144] x) => (float s" + text(count) + ") { " + body + "}";
}

/// Layers of functions, each of which calls the next ones several times.
static std::string functions(Random &random) {
  unsigned layers = 1 + pick(random, 20), calls = 1 + pick(random, 8);
  std::string all = "g (float[2] x) => (float[2] y) { y = d.F0 (x) }\n";
  auto begin = [&](unsigned layer) {
    return "<domain: \"d\", opset_import: [\"\" : 17, \"d\" : 1]> F" + text(layer) + " (x) => (y) { ";
  };
  for (unsigned layer = 0; layer < layers; ++layer) {
    all += begin(layer);
    for (unsigned i = 0; i < calls; ++i)
      all += "x" + text(i + 1) + " = d.F" + text(layer + 1) + " (x" + (i ? text(i) : "") + ") ";
    all += "y = Identity (x" + text(calls) + ") }\n";
  }
  all += begin(layers);
  unsigned length = pick(random, choose<size_t>(random, {10, 20000}));
  std::vector<std::string> list(length + 1, "3");
  switch (random() % 4) {
  case 0:
    all += "c = Constant <value_ints = [" + join(list) +
           "]> () f = Cast <to = 1> (c) s = ReduceSum <keepdims = 0> (f) "
           "y = Add (x, s) }";
    break;
  case 1:
    for (unsigned i = 0; i < length; ++i)
      all += "u" + text(i) + " = Neg (x) ";
    all += "y = Exp (x) }";
    break;
  case 2: {
    std::string name(length + 1, 'n');
    all += name + " = Neg (x) y = Exp (" + name + ") }";
    break;
  }
  default:
    all += "c = Constant <value = float[" + text(length + 1) + "] {" + join(list) +
           "}> () z = Mul (c, c) s = ReduceMax <keepdims = 0> (z) y = Add (x, s) }";
  }
  return all;
}

/// Many inputs, outputs and nodes.
static std::string names(Random &random) {
  unsigned count = 1 + pick(random, choose<size_t>(random, {20, 300}));
  std::vector<std::string> inputs, values, outputs;
  std::string body;
  bool isSymbolic = random() % 2;
  for (unsigned i = 0; i < count; ++i) {
    std::string name = choose<const char *>(random, {"x", "call", "status", "int", "ONNXC_OK", "m"}) + text(i);
    std::string size = choose<const char *>(random, {"N", "NULL", "status", "INT64_MAX", "ONNXC_OK"});
    if (random() % 2)
      size += text(i);
    if (!isSymbolic)
      size = power(random, 0, 3);
    inputs.push_back("float[" + size + "] " + name);
    values.push_back(name);
    outputs.push_back("float[M" + text(i) + "] y" + text(i));
    body += "y" + text(i) + " = Neg (" + name + ") ";
  }
  return "g (" + join(inputs) + ") => (" + join(outputs) + ", float[M] y) { " + body + "y = Concat <axis = 0> (" +
         join(values) + ") }";
}

std::string fuzz::makeBomb(uint64_t number, std::string &name) {
  Random random(number);
  random.discard(8);
  static constexpr struct {
    const char *name;
    std::string (*make)(Random &);
  } kinds[] = {{"nesting", nesting},     {"folding", folding}, {"sizes", sizes},
               {"functions", functions}, {"names", names},     {"packing", packing}};
  const auto &kind = kinds[number % std::size(kinds)];
  name = kind.name;
  return "<ir_version: 8, opset_import: [\"\" : 17, \"d\" : 1]>\n" + kind.make(random) + "\n";
}
