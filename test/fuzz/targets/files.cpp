//===- test/fuzz/targets/files.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What onnxc-run reads: .npy, text, and .pb files of tensors and other values. The first byte says which, and of which
// type. What has been read can be written, and is read again as the same.
//===-------------------------------------------------------------------------------===//
#include "target.h"

#include "tools/onnxc-run/Npy.h"
#include "tools/onnxc-run/Text.h"
#include "tools/onnxc-run/Value.h"

namespace {

/// Every element is there; of strings each ends.
void touch(const onnxc_value &value) {
  auto keep = [](size_t value) { __asm__ volatile("" ::"r"(value)); };
  if (value.kind != ONNXC_KIND_TENSOR) {
    int64_t count = value.kind == ONNXC_KIND_MAP ? 2 : value.kind == ONNXC_KIND_SEQUENCE ? value.count : 0;
    for (int64_t i = 0; i < count; ++i)
      touch(value.items[i]);
    return;
  }
  uint64_t count = 1;
  for (int64_t i = 0; i < value.count; ++i)
    count *= uint64_t(value.dims[i]);
  for (uint64_t i = 0; value.type == ONNXC_STRING && i < count; ++i)
    keep(strlen(static_cast<const char *const *>(value.data)[i]));
  for (uint64_t i = 0; value.type != ONNXC_STRING && i < count * onnxc_type_size(value.type); ++i)
    keep(static_cast<const uint8_t *>(value.data)[i]);
  if (count <= 1000)
    keep(printText(value, true).size());
}

void checkTensor(Tensor tensor, bool isText) {
  Value value;
  value.root = value.add(std::move(tensor));
  touch(value.root);
  if (!isText)
    return;
  std::string text = formatText(value.root);
  Tensor again;
  if (value.root.type == ONNXC_STRING) // a line each: those with line breaks in them aren't
    return;
  FUZZ_EXPECT(parseText(text.data(), text.size(), value.root.type, {}, again).empty());
  FUZZ_EXPECT(int64_t(again.dims.size()) == value.root.count);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  int form = data[0] & 3, type = data[1] % 32, kind = data[0] >> 2;
  data += 2;
  size -= 2;
  Tensor tensor;
  if (form == 0) {
    if (parseNpy(data, size, type, tensor).empty())
      checkTensor(std::move(tensor), false);
  } else if (form == 1) {
    std::vector<int64_t> dims(size_t(kind & 3), 2);
    if (!dims.empty() && (kind & 4))
      dims[0] = -1;
    if (parseText(data, size, type, dims, tensor).empty())
      checkTensor(std::move(tensor), true);
  } else if (form == 2) {
    if (parseTensor(data, size, tensor).empty())
      checkTensor(std::move(tensor), false);
  } else {
    int32_t flags = (kind & 1 ? ONNXC_SEQUENCE : 0) | (kind & 2 ? ONNXC_OPTIONAL : 0) |
                    (kind & 4 ? ONNXC_MAP | ONNXC_MAP_KEY(kind & 8 ? ONNXC_STRING : ONNXC_INT64) : 0);
    Value value;
    if (parseValue(data, size, type | flags, value).empty())
      touch(value.root);
  }
  return 0;
}
