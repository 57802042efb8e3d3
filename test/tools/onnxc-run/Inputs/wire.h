//===- test/tools/onnxc-run/Inputs/wire.h ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Protobuf messages written by hand, and what the tests of their readers expect.
#include <cstdint>
#include <cstdio>
#include <string>

static int failures;
#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition) && ++failures < 20)                                                                               \
      fprintf(stderr, "line %d: expected %s\n", __LINE__, #condition);                                                 \
  } while (0)

using Text = std::string;
static Text varint(uint64_t v) {
  Text t;
  for (; v >= 0x80; v >>= 7)
    t += char(v | 0x80);
  return t + char(v);
}
static Text number(int field, uint64_t v) { return varint(uint64_t(field) << 3) + varint(v); }
static Text bytes(int field, const Text &content) {
  return varint(uint64_t(field) << 3 | 2) + varint(content.size()) + content;
}
