//===- dialects/onnx/support/Text.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of strings outside of their own family. See Text.h.
#include "dialects/onnx/support/Text.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace onnxc::onnx;

bool onnxc::onnx::isText(Type tensorType) { return isa<StringType>(getElementTypeOrSelf(tensorType)); }

Value onnxc::onnx::emptyElement(LoweringBuilder &b, Type tensorType) {
  if (isText(tensorType))
    return rt::TextOp::create(b, b.getI64Type(), b.getStringAttr(StringRef("", 1))); // with its zero byte
  return b.constant(LoweringBuilder::loweredType(tensorType).getElementType(), 0);
}

Value onnxc::onnx::broadcastTo(LoweringBuilder &b, Value lowered, Type onnxType, Type resultType) {
  if (getDims(onnxType) == getDims(resultType))
    return lowered;
  return b.elementwise(withElementType(resultType, getElementTypeOrSelf(onnxType)), lowered, onnxType,
                       [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
}

Value onnxc::onnx::equalText(LoweringBuilder &b, ValueRange operands, TypeRange types, Type resultType) {
  b.bindBroadcast(getDims(resultType), {getDims(types[0]), getDims(types[1])});
  SmallVector<Value> sides;
  for (auto [operand, type] : llvm::zip_equal(operands, types))
    sides.push_back(broadcastTo(b, operand, type, resultType));
  Type text = withElementType(resultType, getElementTypeOrSelf(types[0]));
  return b.call("onnxc_text_equal", sides, {text, text}, resultType, {})[0];
}

/// What runtime/library rounds to, and tells numbers apart by: as many bits as the significand of a float type has, the
/// exponent of its smallest number, which the place value of a last bit is no less than; and whether text may be a
/// truth value, too.
static Value describeFloat(LoweringBuilder &b, FloatType type, bool isBool) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  int64_t precision = APFloat::semanticsPrecision(semantics);
  return b.numbers({precision, APFloat::semanticsMinExponent(semantics) - (precision - 1), isBool});
}

FailureOr<Value> onnxc::onnx::castText(LoweringBuilder &b, Value lowered, Type from, Type to,
                                       ArrayRef<NamedAttribute> attributes) {
  if (isText(from) && isText(to))
    return lowered;
  // The library knows three kinds of numbers: signed and unsigned integers of 64 bits, and doubles.
  Type number = getElementTypeOrSelf(isText(from) ? to : from);
  auto floating = dyn_cast<FloatType>(number);
  bool isBool = number.isInteger(1);
  Type wide = floating                     ? Type(b.getF64Type())
              : number.isUnsignedInteger() ? Type(b.getIntegerType(64, /*isSigned=*/false))
              : isBool && isText(from)     ? Type(b.getF64Type())
                                           : Type(b.getI64Type());
  auto cast = [&](Value value, Type type, Type element) -> Value {
    if (getElementTypeOrSelf(type) == element)
      return value;
    NamedAttrList list(attributes);
    list.set("to", b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), getOnnxType(element)));
    auto op = make<CastOp>(b, b.lift(value, type), list);
    return op ? b.lower(op.getResult()) : Value();
  };
  RankedTensorType wideType = withElementType(to, wide);
  // A truth value takes any number that a double can be. Floats that numpy has no text for are written as the float32
  // that they are, as the reference implementation does; what becomes a power of two is read as one, for Cast to round
  // it.
  FloatType shown = floating ? floating : FloatType(b.getF64Type());
  if (isText(from) ? isa<Float8E8M0FNUType>(shown) : !isa<Float16Type, Float32Type, Float64Type>(shown))
    shown = b.getF32Type();
  Value format = describeFloat(b, shown, isBool);
  Type formatType = makeTensor(ArrayRef<int64_t>{3}, b.getI64Type());
  Value result;
  if (isText(from)) {
    bool isDouble = isa<FloatType>(wide);
    StringRef function = isDouble ? "onnxc_text_to_float" : "onnxc_text_to_integer";
    result = b.call(function, {lowered, format}, {from, formatType}, wideType, {},
                    {isBool     ? "Cast: a string is neither a number nor \"true\" or \"false\""
                     : isDouble ? "Cast: a string is no number"
                                : "Cast: a string is no number, or none that the type has"})[0];
    result = cast(result, wideType, number);
  } else if (isBool) {
    result = b.call("onnxc_truth_to_text", lowered, from, to, {})[0];
  } else {
    lowered = cast(lowered, from, wide);
    if (!lowered)
      return failure();
    StringRef function = floating ? "onnxc_float_to_text" : "onnxc_integer_to_text";
    result = b.call(function, {lowered, format}, {withElementType(from, wide), formatType}, to, {})[0];
  }
  if (!result)
    return failure();
  return result;
}
