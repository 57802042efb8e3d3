//===- dialects/onnx/support/ElementTypes.cpp --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX's numbering of element types. See ElementTypes.h.
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/OnnxDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "onnxc/abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace {
struct Row {
  const char *name; ///< numpy's
  Type (*make)(MLIRContext *);
};
} // namespace

template <unsigned Width, IntegerType::SignednessSemantics Sign = IntegerType::Signless>
static Type integer(MLIRContext *context) {
  return IntegerType::get(context, Width, Sign);
}
template <typename T> static Type floating(MLIRContext *context) { return T::get(context); }
template <typename T> static Type complex(MLIRContext *context) { return ComplexType::get(T::get(context)); }

/// By TensorProto.DataType. Without a type: what onnxc can't compile.
static const Row rows[] = {
    {"undefined", nullptr},
    {"float32", floating<Float32Type>},
    {"uint8", integer<8, IntegerType::Unsigned>},
    {"int8", integer<8>},
    {"uint16", integer<16, IntegerType::Unsigned>},
    {"int16", integer<16>},
    {"int32", integer<32>},
    {"int64", integer<64>},
    {"string", [](MLIRContext *context) -> Type { return onnxc::onnx::StringType::get(context); }},
    {"bool", integer<1>},
    {"float16", floating<Float16Type>},
    {"float64", floating<Float64Type>},
    {"uint32", integer<32, IntegerType::Unsigned>},
    {"uint64", integer<64, IntegerType::Unsigned>},
    {"complex64", complex<Float32Type>},
    {"complex128", complex<Float64Type>},
    {"bfloat16", floating<BFloat16Type>},
    {"float8e4m3fn", floating<Float8E4M3FNType>},
    {"float8e4m3fnuz", floating<Float8E4M3FNUZType>},
    {"float8e5m2", floating<Float8E5M2Type>},
    {"float8e5m2fnuz", floating<Float8E5M2FNUZType>},
    {"uint4", integer<4, IntegerType::Unsigned>},
    {"int4", integer<4>},
    {"float4e2m1", floating<Float4E2M1FNType>},
    {"float8e8m0", floating<Float8E8M0FNUType>},
    {"uint2", integer<2, IntegerType::Unsigned>},
    {"int2", integer<2>},
    {"float6e2m3", floating<Float6E2M3FNType>},
    {"float6e3m2", floating<Float6E3M2FNType>},
};

Type onnxc::onnx::getElementType(MLIRContext *context, int64_t onnxType) {
  if (onnxType < 0 || onnxType >= static_cast<int64_t>(std::size(rows)) || !rows[onnxType].make)
    return {};
  return rows[onnxType].make(context);
}

int64_t onnxc::onnx::getOnnxType(Type elementType) {
  for (auto [number, row] : llvm::enumerate(rows))
    if (row.make && row.make(elementType.getContext()) == elementType)
      return number;
  llvm_unreachable("not an element type of the onnx dialect");
}

int64_t onnxc::onnx::getValueType(Type type) {
  if (auto sequence = dyn_cast<SequenceType>(type))
    return ONNXC_SEQUENCE | getValueType(sequence.getElementType());
  if (auto optional = dyn_cast<OptionalType>(type))
    return ONNXC_OPTIONAL | getValueType(optional.getElementType());
  if (auto map = dyn_cast<MapType>(type))
    return ONNXC_MAP | ONNXC_MAP_KEY(getOnnxType(map.getKeyType())) | getOnnxType(map.getValueType());
  return getOnnxType(cast<TensorType>(type).getElementType());
}

std::string onnxc::onnx::getElementTypeName(int64_t onnxType) {
  if (onnxType < 0 || onnxType >= static_cast<int64_t>(std::size(rows)))
    return "element type " + std::to_string(onnxType);
  return rows[onnxType].name;
}

std::string onnxc::onnx::getElementTypeName(Type elementType) { return getElementTypeName(getOnnxType(elementType)); }

unsigned onnxc::onnx::getElementBits(Type elementType) {
  if (auto complex = dyn_cast<ComplexType>(elementType))
    return 2 * complex.getElementType().getIntOrFloatBitWidth();
  if (isa<StringType>(elementType)) // an address
    return 64;
  return elementType.getIntOrFloatBitWidth();
}

uint64_t onnxc::onnx::getElementBytes(Type elementType) { return llvm::divideCeil(getElementBits(elementType), 8); }

bool onnxc::onnx::isSmallFloat(Type elementType) {
  return isa<FloatType>(elementType) && elementType.getIntOrFloatBitWidth() <= 8;
}

bool onnxc::onnx::isStoredAsBits(Type elementType) {
  return isa<ComplexType>(elementType) || isSmallFloat(elementType);
}

Type onnxc::onnx::getStoredType(Type elementType) {
  if (elementType.isInteger(1) || (isa<FloatType>(elementType) && !isSmallFloat(elementType)))
    return elementType;
  return IntegerType::get(elementType.getContext(), 8 * getElementBytes(elementType));
}
