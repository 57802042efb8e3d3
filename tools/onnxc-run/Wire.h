//===- tools/onnxc-run/Wire.h ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Protobuf's wire format: for a few messages of known fields a bounded reader is shorter than a library's setup.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_WIRE_H
#define ONNXC_RUN_WIRE_H

#include <cstdint>
#include <cstring>
#include <string>

enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// A cursor over a message. Reading past the end, or anything else that is no protobuf, makes it fail for good.
struct Reader {
  const uint8_t *at, *end;
  bool failed = false;

  uint64_t left() const { return uint64_t(end - at); }
  bool done() const { return failed || at == end; }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && at != end; shift += 7) {
      uint8_t byte = *at++;
      if (shift < 64)
        value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return value;
    }
    failed = true;
    return 0;
  }

  Reader bytes(uint64_t size) {
    if (failed || size > left()) {
      failed = true;
      return {end, end};
    }
    at += size;
    return {at - size, at};
  }

  template <typename T> T fixed() {
    T value{};
    Reader source = bytes(sizeof(T));
    if (!failed)
      memcpy(&value, source.at, sizeof(T));
    return value;
  }

  /// The next field's number and wire type, and its content when that has a length.
  bool next(uint64_t &field, unsigned &wire, Reader &content) {
    if (done())
      return false;
    uint64_t key = varint();
    field = key >> 3;
    wire = key & 7;
    content = {end, end};
    if (wire == Varint) {
      const uint8_t *begin = at;
      varint();
      content = {begin, at};
    } else if (wire == Bytes) {
      content = bytes(varint());
    } else if (wire == Fixed32 || wire == Fixed64) {
      content = bytes(wire == Fixed32 ? 4 : 8);
    } else {
      failed = true; // groups have never been part of ONNX
    }
    failed |= field == 0;
    return !failed;
  }
};

inline void appendVarint(std::string &to, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to += char(value | 0x80);
  to += char(value);
}

inline void appendNumber(std::string &to, uint64_t field, uint64_t value) {
  appendVarint(to, field << 3 | Varint);
  appendVarint(to, value);
}

/// The key and length of a field of bytes, which follow.
inline void appendLength(std::string &to, uint64_t field, uint64_t size) {
  appendVarint(to, field << 3 | Bytes);
  appendVarint(to, size);
}

inline void appendBytes(std::string &to, uint64_t field, const std::string &bytes) {
  appendLength(to, field, bytes.size());
  to += bytes;
}

/// What a zero byte inside of a text is in a compiled model, where a text ends at the first one (docs/Abi.md).
inline constexpr char kZeroByte[] = "\xc0\x80";

inline void appendText(std::string &to, uint64_t field, std::string text) {
  for (size_t at; (at = text.find(kZeroByte)) != text.npos;)
    text.replace(at, 2, 1, '\0');
  appendBytes(to, field, text);
}

#endif
