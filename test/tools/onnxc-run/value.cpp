// RUN: rm -rf %t && mkdir %t && cd %t
// RUN: %cc %sanitized -std=c11 -c %source/runtime/src/tensor.c %source/runtime/src/value.c %source/runtime/src/error.c %source/runtime/src/session.c
// RUN: %cxx %sanitized -std=c++17 %s %source/tools/onnxc-run/Tensor.cpp %source/tools/onnxc-run/Value.cpp %source/tools/onnxc-run/Compare.cpp %source/tools/onnxc-run/Numbers.cpp *.o -o value
// RUN: ./value file.pb
//
// Sequences, optionals, maps and strings: read, written, compared; and 200,000 damaged files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/onnxc-run/Value.h"
#include "Inputs/wire.h"
#include "tools/onnxc-run/Compare.h"

#include <cmath>
#include <cstdio>
#include <cstring>

static Text name() { return bytes(1, "name"); }

static Text floats(std::initializer_list<float> values) {
  return number(1, values.size()) + number(2, ONNXC_FLOAT) +
         bytes(9, Text(reinterpret_cast<const char *>(values.begin()), values.size() * sizeof(float)));
}
static Text scalar(float value) {
  return number(2, ONNXC_FLOAT) + bytes(9, Text(reinterpret_cast<const char *>(&value), sizeof(value)));
}
static Text strings(std::initializer_list<const char *> values) {
  Text t = number(1, values.size()) + number(2, ONNXC_STRING);
  for (const char *value : values)
    t += bytes(6, value);
  return t;
}
static Text sequence(std::initializer_list<Text> items) {
  Text t = name() + number(2, 1);
  for (const Text &item : items)
    t += bytes(3, item);
  return t;
}
static Text map(std::initializer_list<const char *> keys, std::initializer_list<Text> values) {
  Text t = number(2, ONNXC_STRING);
  for (const char *key : keys)
    t += bytes(4, key);
  return t + bytes(5, sequence(values));
}
static Text map(int32_t keyType, std::initializer_list<int64_t> keys, std::initializer_list<Text> values) {
  Text t = name() + number(2, uint64_t(keyType));
  for (int64_t key : keys)
    t += number(3, uint64_t(key));
  return t + bytes(5, sequence(values));
}

enum : int32_t {
  Sequence = ONNXC_SEQUENCE | ONNXC_FLOAT,
  Optional = ONNXC_OPTIONAL | ONNXC_FLOAT,
  OptionalSequence = ONNXC_OPTIONAL | ONNXC_SEQUENCE | ONNXC_FLOAT,
  StringMap = ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_STRING) | ONNXC_FLOAT,
  ByteMap = ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_INT8) | ONNXC_STRING,
  Maps = ONNXC_SEQUENCE | ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_INT64) | ONNXC_FLOAT,
};

static const char *path;

/// Reads, writes and reads again.
static void expectKept(const Text &proto, int32_t type, onnxc_kind kind, int64_t count) {
  Value value, again;
  Text error = parseValue(proto.data(), proto.size(), type, value);
  if (!error.empty())
    fprintf(stderr, "%s\n", error.c_str());
  EXPECT(error.empty() && value.root.kind == kind && value.root.count == count);
  EXPECT(writeValue(path, "other", type, value.root).empty() && readValue(path, type, again).empty());
  EXPECT(compare(value.root, again.root, 0, 0).difference.empty());
}

static void expectError(const Text &proto, int32_t type, const char *part) {
  Value value;
  Text error = parseValue(proto.data(), proto.size(), type, value);
  if (error.find(part) == Text::npos) {
    fprintf(stderr, "expected \"%s\" in \"%s\"\n", part, error.c_str());
    ++failures;
  }
}

static void good() {
  expectKept(strings({"", "a", "zwölf"}), ONNXC_STRING, ONNXC_KIND_TENSOR, 1);
  expectKept(number(1, 1) + number(2, ONNXC_STRING) + bytes(6, Text("a\0b\0", 4)), ONNXC_STRING, ONNXC_KIND_TENSOR, 1);
  expectKept(number(2, ONNXC_STRING) + bytes(6, "scalar"), ONNXC_STRING, ONNXC_KIND_TENSOR, 0);
  expectKept(number(1, 0) + number(2, ONNXC_STRING), ONNXC_STRING, ONNXC_KIND_TENSOR, 1);
  expectKept(sequence({floats({1, 2}), scalar(3)}), Sequence, ONNXC_KIND_SEQUENCE, 2);
  expectKept(sequence({strings({"x"})}), ONNXC_SEQUENCE | ONNXC_STRING, ONNXC_KIND_SEQUENCE, 1);
  Text nibbles = number(1, 3) + number(2, ONNXC_INT4) + bytes(9, "\x8f\x07");
  expectKept(sequence({nibbles}), ONNXC_SEQUENCE | ONNXC_INT4, ONNXC_KIND_SEQUENCE, 1);
  expectKept("", Sequence, ONNXC_KIND_SEQUENCE, 0);
  expectKept(name() + number(2, 0), Optional, ONNXC_KIND_NONE, 0);
  expectKept(number(2, 1), Optional, ONNXC_KIND_NONE, 0); // says of what kind the missing value would be
  expectKept(number(2, 1) + bytes(3, floats({1})), Optional, ONNXC_KIND_TENSOR, 1);
  expectKept(number(2, 3) + bytes(5, sequence({floats({1})})), OptionalSequence, ONNXC_KIND_SEQUENCE, 1);
  expectKept(number(2, 4) + bytes(6, map({"a"}, {scalar(1)})), ONNXC_OPTIONAL | StringMap, ONNXC_KIND_MAP, 2);
  expectKept(map({"b", "a"}, {scalar(1), floats({2})}), StringMap, ONNXC_KIND_MAP, 2);
  expectKept(map({"b", "a"}, {floats({1, 2})}), StringMap, ONNXC_KIND_MAP, 2); // values in one tensor
  expectKept(map(ONNXC_INT8, {-128, 127}, {strings({"x"}), strings({"y"})}), ByteMap, ONNXC_KIND_MAP, 2);
  expectKept(map(ONNXC_UINT64, {-1}, {scalar(1)}), ONNXC_MAP | ONNXC_MAP_KEY(ONNXC_UINT64) | ONNXC_FLOAT,
             ONNXC_KIND_MAP, 2);
  expectKept(number(2, 7), Maps & ~ONNXC_SEQUENCE, ONNXC_KIND_MAP, 2); // an empty one
  Text packed = number(2, 7) + bytes(3, varint(5) + varint(6)) + bytes(5, sequence({scalar(1), scalar(2)}));
  expectKept(name() + number(2, 4) + bytes(6, packed) + bytes(6, map(7, {1}, {scalar(3)})), Maps, ONNXC_KIND_SEQUENCE,
             2);
}

static void bad() {
  expectError(floats({1}), Sequence, "not a SequenceProto");
  expectError(floats({1}), Optional, "not a OptionalProto");
  expectError(floats({1}), StringMap, "not a MapProto");
  expectError(sequence({floats({1})}).substr(0, 15), Sequence, "truncated");
  expectError(sequence({floats({1}), floats({1}).substr(0, 8)}), Sequence, "item 1: not a TensorProto, or truncated");
  expectError(sequence({floats({1})}), Maps, "another kind of values");
  expectError(bytes(5, sequence({})), Sequence, "another kind of values");
  expectError(bytes(5, sequence({})), Optional, "another kind of values");
  expectError(bytes(3, floats({1})) + bytes(3, floats({1})), Optional, "several values");
  expectError(map({"a", "b"}, {scalar(1)}), StringMap, "the map has 2 keys of string and 1 values");
  expectError(map({"a", "a"}, {scalar(1), scalar(1)}), StringMap, "same key");
  expectError(map({"a"}, {floats({1, 2})}), StringMap, "value 0 is not one element of float32");
  expectError(map({"a", "b"}, {scalar(1), strings({"x"})}), StringMap, "value 1 is not one element of float32");
  expectError(map(ONNXC_INT8, {128}, {strings({"x"})}), ByteMap, "key 128 is no int8");
  expectError(map(ONNXC_UINT8, {-1}, {scalar(1)}), StringMap, "key -1 is no uint8");
  expectError(map(ONNXC_FLOAT, {1}, {scalar(1)}), StringMap, "a map can't have keys of float32");
  expectError(map(ONNXC_STRING, {1}, {scalar(1)}), StringMap, "the map has 0 keys of string and 1 values");
}

static void damaged() {
  const struct {
    Text proto;
    int32_t type;
  } originals[] = {
      {sequence({floats({1, 2}), scalar(3)}), Sequence},
      {number(2, 3) + bytes(5, sequence({floats({1})})), OptionalSequence},
      {map({"b", "a"}, {scalar(1), floats({2})}), StringMap},
      {number(2, 4) + bytes(6, map(7, {1, 2}, {scalar(3), scalar(4)})), Maps},
      {strings({"one", "two"}), ONNXC_STRING},
  };
  uint64_t state = 1;
  auto random = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return uint32_t(state >> 33);
  };
  for (int i = 0; i < 200000; ++i) {
    auto &original = originals[random() % 5];
    Text proto = original.proto;
    if (random() % 4 == 0)
      proto.resize(random() % (proto.size() + 1));
    for (uint32_t changes = random() % 4; changes && !proto.empty(); --changes)
      proto[random() % proto.size()] ^= char(1u << random() % 8);
    Text exact(proto); // its own allocation, so that reading past the end is seen
    exact.shrink_to_fit();
    Value value;
    if (parseValue(exact.data(), exact.size(), original.type, value).empty())
      EXPECT(compare(value.root, value.root, 0, 0).difference.empty());
  }
}

static Text difference(int32_t type, const Text &want, const Text &got, double atol = 0) {
  Value a, b;
  EXPECT(parseValue(want.data(), want.size(), type, a).empty() && parseValue(got.data(), got.size(), type, b).empty());
  return compare(a.root, b.root, 0, atol).difference;
}

static void comparing() {
  EXPECT(difference(ONNXC_STRING, strings({"a", "b"}), strings({"a", "c"})) ==
         "1 of 2 strings differ, the first at [1]: \"c\", expected \"b\"");
  EXPECT(difference(ONNXC_STRING, strings({"a"}), strings({"b"}), INFINITY).empty());
  EXPECT(difference(ONNXC_STRING, strings({"a"}), floats({1})) == "float32[1], expected string[1]");
  EXPECT(difference(Sequence, sequence({scalar(1)}), sequence({})) == "0 items, expected 1");
  EXPECT(difference(Sequence, sequence({scalar(1), scalar(2)}), sequence({scalar(1), floats({2})})) ==
         "item 1: float32[1], expected float32[]");
  EXPECT(difference(Sequence, sequence({scalar(1)}), sequence({scalar(1.5f)}), 1).empty());
  EXPECT(difference(Optional, bytes(3, scalar(1)), "") == "nothing, expected a tensor");
  EXPECT(difference(Optional, "", "").empty());
  EXPECT(
      difference(StringMap, map({"a", "b"}, {scalar(1), scalar(2)}), map({"b", "a"}, {scalar(2), scalar(1)})).empty());
  EXPECT(difference(StringMap, map({"a"}, {scalar(1)}), map({"b"}, {scalar(1)})) == "key \"a\": it is missing");
  EXPECT(difference(StringMap, map({"a"}, {scalar(1)}), map({}, {})) == "0 entries, expected 1");
  EXPECT(difference(StringMap, map({"a"}, {scalar(1)}), map(7, {1}, {scalar(1)})) == "keys of int64, expected string");
  EXPECT(difference(Maps, bytes(6, map(7, {5}, {scalar(1)})), bytes(6, map(7, {5}, {scalar(2)})))
             .find("item 0: key 5: 1 of 1 values differ") == 0);
}

int main(int, char **argv) {
  path = argv[1];
  good();
  bad();
  damaged();
  comparing();
  return failures != 0;
}
