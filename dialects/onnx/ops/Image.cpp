//===- dialects/onnx/ops/Image.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ImageDecoder: a call of runtime/library/image.c, since only the stream says how large the image is.
#include "dialects/onnx/ops/Image.h"
#include "runtime/library/image-formats.h"

using namespace mlir;
using namespace onnxc::onnx;

/// As a number of image-formats.h.
static std::optional<int64_t> pixelFormat(StringRef name) {
  return llvm::StringSwitch<std::optional<int64_t>>(name)
      .Case("RGB", ONNXC_IMAGE_RGB)
      .Case("BGR", ONNXC_IMAGE_BGR)
      .Case("Grayscale", ONNXC_IMAGE_GRAYSCALE)
      .Default(std::nullopt);
}

LogicalResult ImageDecoderOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto stream = cast<RankedTensorType>(getEncodedStream().getType());
  if (stream.getRank() != 1)
    return emitOpError("takes a stream of rank 1, not ") << stream.getRank();
  auto format = pixelFormat(getPixelFormat());
  if (!format)
    return emitOpError("pixel_format is \"RGB\", \"BGR\" or \"Grayscale\", not \"") << getPixelFormat() << '"';
  AffineExpr channels = makeDim(getContext(), *format == ONNXC_IMAGE_GRAYSCALE ? 1 : 3);
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), freshSymbol(*this, 0, 1), channels}, stream.getElementType()));
  return success();
}

FailureOr<SmallVector<Value>> ImageDecoderOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Value format = b.numbers(*pixelFormat(getPixelFormat()));
  return b.call("onnxc_decode_image", {operands[0], format}, {getEncodedStream().getType(), format.getType()}, {},
                getImage().getType(), ONNXC_IMAGE_FAILURES);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Image.cpp.inc"

void onnxc::onnx::registerImageOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Image.cpp.inc"
      >();
}
