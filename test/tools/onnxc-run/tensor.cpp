// RUN: %cc %sanitized -std=c11 -c %source/runtime/src/tensor.c -o %t.tensor.o
// RUN: %cc %sanitized -std=c11 -c %source/runtime/src/error.c -o %t.error.o
// RUN: %cc %sanitized -std=c11 -c %source/runtime/src/value.c -o %t.value.o
// RUN: %cxx %sanitized -std=c++17 %s %source/tools/onnxc-run/Tensor.cpp %source/tools/onnxc-run/Compare.cpp %source/tools/onnxc-run/Numbers.cpp %t.tensor.o %t.error.o %t.value.o -o %t
// RUN: %t %t.pb
//
// The TensorProto reader: every way to hold data, and 300,000 damaged files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/onnxc-run/Tensor.h"
#include "Inputs/wire.h"
#include "onnxc/runtime.h"
#include "tools/onnxc-run/Compare.h"

#include <cmath>
#include <cstdio>
#include <cstring>

static Text head(int type, std::initializer_list<int64_t> dims) {
  Text t;
  for (int64_t d : dims)
    t += number(1, uint64_t(d));
  return t + number(2, uint64_t(type)) + bytes(8, "name");
}
template <typename T> static Text raw(std::initializer_list<T> values) {
  return Text(reinterpret_cast<const char *>(values.begin()), values.size() * sizeof(T));
}

template <typename T> static void expectValues(const Text &proto, std::initializer_list<T> values) {
  Tensor tensor;
  Text error = parseTensor(proto.data(), proto.size(), tensor);
  if (!error.empty())
    fprintf(stderr, "%s\n", error.c_str());
  EXPECT(error.empty() && tensor.size == values.size() * sizeof(T) && tensor.name == "name" &&
         (tensor.size == 0 || memcmp(tensor.memory.get(), values.begin(), tensor.size) == 0));
}

static void expectError(const Text &proto, const char *part) {
  Tensor tensor;
  Text error = parseTensor(proto.data(), proto.size(), tensor);
  if (error.find(part) == Text::npos) {
    fprintf(stderr, "expected \"%s\" in \"%s\"\n", part, error.c_str());
    ++failures;
  }
}

static void good() {
  expectValues<float>(head(ONNXC_FLOAT, {2}) + bytes(9, raw<float>({1, -2})), {1, -2});
  expectValues<float>(head(ONNXC_FLOAT, {2}) + bytes(4, raw<float>({1, -2})), {1, -2});
  // Not packed, and packed in two pieces.
  Text single = varint(4 << 3 | 5) + raw<float>({3});
  expectValues<float>(head(ONNXC_FLOAT, {3}) + single + bytes(4, raw<float>({4, 5})), {3, 4, 5});
  expectValues<double>(head(ONNXC_DOUBLE, {1}) + bytes(10, raw<double>({0.1})), {0.1});
  expectValues<int64_t>(head(ONNXC_INT64, {2}) + bytes(7, varint(5) + varint(uint64_t(-7))), {5, -7});
  expectValues<int32_t>(head(ONNXC_INT32, {2}) + number(5, uint64_t(int64_t(-7))) + number(5, 9), {-7, 9});
  expectValues<int8_t>(head(ONNXC_INT8, {1}) + number(5, uint64_t(int64_t(-7))), {-7});
  expectValues<uint16_t>(head(ONNXC_UINT16, {1}) + number(5, 65535), {65535});
  expectValues<uint16_t>(head(ONNXC_FLOAT16, {1}) + number(5, 0x3c00), {0x3c00});
  expectValues<uint32_t>(head(ONNXC_UINT32, {1}) + number(11, 4000000000u), {4000000000u});
  expectValues<uint64_t>(head(ONNXC_UINT64, {1}) + number(11, UINT64_MAX), {UINT64_MAX});
  expectValues<uint8_t>(head(ONNXC_BOOL, {3}) + bytes(9, Text("\0\1\7", 3)), {0, 1, 1});
  // Several elements share a byte, the first one in the lowest bits.
  expectValues<int8_t>(head(ONNXC_INT4, {3}) + bytes(9, Text("\x8f\x07")), {-1, -8, 7});
  expectValues<uint8_t>(head(ONNXC_UINT4, {3}) + number(5, 0x8f) + number(5, 7), {15, 8, 7});
  expectValues<int8_t>(head(ONNXC_INT2, {5}) + bytes(9, Text("\xe4\x01")), {0, 1, -2, -1, 1});
  expectValues<uint8_t>(head(ONNXC_UINT2, {4}) + bytes(9, Text("\xe4")), {0, 1, 2, 3});
  expectValues<uint8_t>(head(ONNXC_FLOAT4E2M1, {3}) + bytes(9, Text("\x8f\x07")), {15, 8, 7});
  expectValues<uint8_t>(head(ONNXC_FLOAT6E2M3, {5}) + bytes(9, Text("\x41\x30\xfc\x25")), {1, 1, 3, 63, 37});
  expectValues<uint8_t>(head(ONNXC_FLOAT6E3M2, {2}) + number(5, 0x21) + number(5, 0xff), {0x21, 0x3f});
  expectValues<uint8_t>(head(ONNXC_FLOAT8E5M2, {1}) + number(5, 0xfc), {0xfc});
  expectValues<float>(head(ONNXC_COMPLEX64, {1}) + bytes(4, raw<float>({1, -2})), {1, -2});
  expectValues<double>(head(ONNXC_COMPLEX128, {1}) + bytes(9, raw<double>({1, -2})), {1, -2});
  expectValues<float>(head(ONNXC_FLOAT, {}) + bytes(9, raw<float>({7})), {7}); // a scalar
  expectValues<float>(head(ONNXC_FLOAT, {0, 5}), {});
  expectValues<float>(bytes(1, varint(2)) + number(2, 1) + bytes(8, "name") + bytes(9, raw<float>({1, 2})), {1, 2});
  expectValues<float>(head(ONNXC_FLOAT, {1}) + bytes(12, "doc") + bytes(99, "later") + bytes(9, raw<float>({1})), {1});
}

static void bad() {
  Text one = bytes(9, raw<float>({1}));
  expectError("", "element type unknown (0)");
  expectError(head(ONNXC_STRING, {2}) + bytes(6, "x"), "the dims say 2 elements, the data has 1");
  expectError(head(ONNXC_STRING, {-1}) + bytes(6, "x"), "negative or far too big dims");
  expectError(head(ONNXC_STRING, {1}) + bytes(9, "x"), "the dims say 1 elements, the data has 0");
  expectError(head(ONNXC_COMPLEX64, {1}) + bytes(4, raw<float>({1})), "the data has 1");
  expectError(head(29, {1}), "element type unknown (29)");
  expectError(head(ONNXC_FLOAT, {2}) + one, "the dims say 2 elements");
  expectError(head(ONNXC_FLOAT, {1}) + bytes(9, "abc"), "the dims say 1 elements");
  expectError(head(ONNXC_INT4, {3}) + bytes(9, "abc"), "the dims say 3 elements");
  expectError(head(ONNXC_FLOAT, {1}) + bytes(4, "abcde"), "malformed");
  expectError(head(ONNXC_FLOAT, {1}) + bytes(4, raw<float>({1, 2})), "more than the dims say");
  expectError(head(ONNXC_FLOAT, {3}) + bytes(4, raw<float>({1})) + bytes(10, raw<double>({1, 1})), "the data has 1");
  expectError(head(ONNXC_FLOAT, {-1}) + one, "negative or far too big dims");
  expectError(head(ONNXC_FLOAT, {0, -1}) + one, "negative or far too big dims");
  expectError(head(ONNXC_FLOAT, {INT64_MAX, INT64_MAX}) + one, "negative or far too big dims");
  expectError(head(ONNXC_FLOAT, {INT64_MAX / 2}), "the dims say");
  expectError(head(ONNXC_FLOAT, {1}) + number(14, 1), "external file");
  expectError(head(ONNXC_FLOAT, {1}) + varint(9 << 3 | 2) + varint(1ull << 62), "truncated");
  expectError(head(ONNXC_FLOAT, {1}) + one.substr(0, 4), "truncated");
  expectError(head(ONNXC_FLOAT, {1}) + char(3), "not a TensorProto");                    // a group
  expectError(Text(30, char(0xff)), "not a TensorProto");                                // an endless varint
  expectError(Text(1, char(0)) + char(0) + head(ONNXC_FLOAT, {1}), "not a TensorProto"); // field 0
}

static void damaged() {
  const Text originals[] = {head(ONNXC_FLOAT, {2, 2}) + bytes(9, raw<float>({1, 2, 3, 4})),
                            head(ONNXC_INT8, {4}) + bytes(5, varint(1) + varint(2) + varint(3) + varint(uint64_t(-4))),
                            head(ONNXC_DOUBLE, {1, 2}) + bytes(10, raw<double>({1, 2})) + bytes(13, "key"),
                            bytes(1, varint(3)) + number(2, 7) + number(7, 1) + number(7, 2) + number(7, uint64_t(-3))};
  uint64_t state = 1;
  auto random = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return uint32_t(state >> 33);
  };
  for (int i = 0; i < 300000; ++i) {
    Text proto = originals[random() % 4];
    if (random() % 4 == 0)
      proto.resize(random() % (proto.size() + 1));
    for (uint32_t changes = random() % 4; changes && !proto.empty(); --changes)
      proto[random() % proto.size()] ^= char(1u << random() % 8);
    Text exact(proto); // its own allocation, so that reading past the end is seen
    exact.shrink_to_fit();
    Tensor tensor;
    parseTensor(exact.data(), exact.size(), tensor);
  }
}

static Text difference(int32_t type, const Text &want, const Text &got, double rtol = 1e-3, double atol = 1e-7) {
  Tensor tensor;
  std::vector<int64_t> dims = {int64_t(want.size() / onnxc_type_size(type))};
  Text proto = number(1, uint64_t(dims[0])) + number(2, uint64_t(type)) + bytes(9, want);
  EXPECT(parseTensor(proto.data(), proto.size(), tensor).empty());
  onnxc_value wanted{ONNXC_KIND_TENSOR, tensor.type, 1, tensor.dims.data(), tensor.memory.get(), nullptr};
  onnxc_value computed{ONNXC_KIND_TENSOR, type, 1, dims.data(), const_cast<char *>(got.data()), nullptr};
  return compare(wanted, computed, rtol, atol).difference;
}

static void comparing() {
  float nan = std::nanf(""), infinity = INFINITY;
  EXPECT(difference(ONNXC_FLOAT, raw({1.0f, nan, infinity}), raw({1.0005f, nan, infinity})).empty());
  EXPECT(!difference(ONNXC_FLOAT, raw({1.0f}), raw({1.002f})).empty());
  EXPECT(!difference(ONNXC_FLOAT, raw({infinity}), raw({-infinity})).empty());
  EXPECT(!difference(ONNXC_FLOAT, raw({infinity}), raw({1e30f})).empty());
  EXPECT(!difference(ONNXC_FLOAT, raw({1.0f}), raw({nan})).empty());
  EXPECT(!difference(ONNXC_FLOAT, raw({nan}), raw({1.0f})).empty());
  EXPECT(!difference(ONNXC_BOOL, raw<uint8_t>({1}), raw<uint8_t>({0}), 10, 10).empty());
  EXPECT(!difference(ONNXC_INT64, raw<int64_t>({5}), raw<int64_t>({6})).empty());
  EXPECT(difference(ONNXC_FLOAT16, raw<uint16_t>({0x3c00, 0x0001, 0xfc00}), raw<uint16_t>({0x3c01, 0x0002, 0xfc00}))
             .empty());
  EXPECT(difference(ONNXC_BFLOAT16, raw<uint16_t>({0x3f80}), raw<uint16_t>({0x3f81}), 0.01).empty());
  EXPECT(difference(ONNXC_INT8, raw<int8_t>({-5}), raw<int8_t>({5})) ==
         "1 of 1 values differ by up to 10, the first at [0]: 5, expected -5");
}

int main(int, char **argv) {
  good();
  bad();
  damaged();
  comparing();
  // Written and read again.
  int64_t dims[] = {2, 1};
  float values[] = {1.5f, -2};
  Tensor tensor;
  EXPECT(writeTensor(argv[1], "y", ONNXC_FLOAT, dims, 2, values, sizeof(values)).empty());
  EXPECT(readTensor(argv[1], tensor).empty() && tensor.name == "y" && tensor.dims == std::vector<int64_t>({2, 1}));
  EXPECT(memcmp(tensor.memory.get(), values, sizeof(values)) == 0);
  int64_t odd[] = {3};
  int8_t nibbles[] = {-1, -8, 7};
  EXPECT(writeTensor(argv[1], "y", ONNXC_INT4, odd, 1, nibbles, sizeof(nibbles)).empty());
  EXPECT(readTensor(argv[1], tensor).empty() && tensor.size == 3 && memcmp(tensor.memory.get(), nibbles, 3) == 0);
  EXPECT(readTensor("/nowhere/at/all", tensor).find("can't open '/nowhere/at/all'") == 0);
  return failures != 0;
}
