//===- dialects/onnx/support/Elements.cpp ------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constant tensors. See Elements.h.
#include "dialects/onnx/support/Elements.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

ElementsAttr onnxc::onnx::reinterpret(ElementsAttr elements, RankedTensorType type) {
  if (elements.getShapedType() == type)
    return elements;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return {};
  // MLIR leaves the rest of a byte that holds 4 or 2 bits open.
  Type element = dense.getElementType();
  unsigned width = getElementBits(type.getElementType());
  if (element.isInteger() && element.getIntOrFloatBitWidth() < width) {
    bool isUnsigned = element.isUnsignedInteger();
    auto values = llvm::map_to_vector(dense.getValues<APInt>(), [&](const APInt &value) {
      return isUnsigned ? value.zext(width) : value.sext(width);
    });
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, dense.getRawData());
}

ElementsAttr onnxc::onnx::getConstantElements(Value value) {
  ElementsAttr elements;
  if (value && matchPattern(value, m_Constant(&elements)))
    return elements;
  return nullptr;
}

ArrayRef<char> onnxc::onnx::getRawElements(ElementsAttr elements) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  return dense ? dense.getRawData() : ArrayRef<char>();
}

/// Constants up to this many bytes are printed with the module, the others are resources.
static constexpr size_t kMaxInlineBytes = 256;

ElementsAttr onnxc::onnx::makeElements(RankedTensorType type, ArrayRef<char> bytes) {
  if (bytes.size() <= kMaxInlineBytes)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  return DenseResourceElementsAttr::get(type, "constant", HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
}

std::optional<SmallVector<double>> onnxc::onnx::getConstantFloats(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || elements.getNumElements() > 64)
    return std::nullopt;
  SmallVector<double> numbers;
  Type type = elements.getElementType();
  if (isa<FloatType>(type)) {
    for (APFloat element : elements.getValues<APFloat>()) {
      bool loses;
      element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
      numbers.push_back(element.convertToDouble());
    }
  } else if (type.isInteger()) {
    bool isUnsigned = type.isUnsignedInteger() || type.isInteger(1);
    for (const APInt &element : elements.getValues<APInt>())
      numbers.push_back(isUnsigned ? element.roundToDouble() : element.signedRoundToDouble());
  } else {
    return std::nullopt;
  }
  return numbers;
}

std::optional<std::vector<double>> onnxc::onnx::getNumbers(ElementsAttr elements) {
  auto type = dyn_cast<FloatType>(elements.getElementType());
  ArrayRef<char> bytes = getRawElements(elements);
  if (!type || bytes.empty())
    return std::nullopt;
  size_t width = type.getWidth() / 8;
  std::vector<double> numbers(bytes.size() / width);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    const char *from = bytes.data() + i * width;
    if (type.isF32()) {
      float value;
      std::memcpy(&value, from, sizeof(value));
      number = value;
    } else {
      uint64_t bits = 0;
      std::memcpy(&bits, from, width);
      APFloat value(type.getFloatSemantics(), APInt(type.getWidth(), bits));
      bool lossy;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
      number = value.convertToDouble();
    }
  }
  return numbers;
}

ElementsAttr onnxc::onnx::makeElements(RankedTensorType type, ArrayRef<double> numbers) {
  auto element = cast<FloatType>(type.getElementType());
  size_t width = element.getWidth() / 8;
  std::vector<char> bytes(numbers.size() * width);
  for (auto [i, number] : llvm::enumerate(numbers)) {
    char *to = bytes.data() + i * width;
    if (element.isF32()) {
      float value = static_cast<float>(number);
      std::memcpy(to, &value, sizeof(value));
    } else {
      APFloat value(number);
      bool lossy;
      value.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lossy);
      uint64_t bits = value.bitcastToAPInt().getZExtValue();
      std::memcpy(to, &bits, width);
    }
  }
  return makeElements(type, bytes);
}
