//===- dialects/onnx/ops/Image.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ImageDecoder, and DecodeImage and EncodeImage of onnxruntime-extensions: calls of runtime/library/image.c and
// encode-image.c, since only the stream says how large the image is, and only the pixels how long the stream.
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

/// The order of colours, as a number of image-formats.h; failure after an error.
template <typename OpT> static FailureOr<int64_t> colourSpace(OpT op) {
  StringRef name = op.getColorSpace();
  if (name != "bgr" && name != "rgb")
    return op.emitOpError("color_space is \"bgr\" or \"rgb\", not \"") << name << '"';
  return name == "bgr" ? ONNXC_IMAGE_BGR : ONNXC_IMAGE_RGB;
}

LogicalResult DecodeImageOp::inferTypes(SmallVectorImpl<Type> &types) {
  auto stream = cast<RankedTensorType>(getEncodedStream().getType());
  if (stream.getRank() != 1)
    return emitOpError("takes a stream of rank 1, not ") << stream.getRank();
  if (failed(colourSpace(*this)))
    return failure();
  types.push_back(makeTensor({freshSymbol(*this, 0, 0), freshSymbol(*this, 0, 1), makeDim(getContext(), 3)},
                             stream.getElementType()));
  return success();
}

FailureOr<SmallVector<Value>> DecodeImageOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  Value format = b.numbers(*colourSpace(*this));
  return b.call("onnxc_decode_sound_image", {operands[0], format}, {getEncodedStream().getType(), format.getType()}, {},
                getImage().getType(), ONNXC_IMAGE_FAILURES);
}

LogicalResult EncodeImageOp::inferTypes(SmallVectorImpl<Type> &types) {
  Dims dims = getDims(getImage());
  auto channels = dims.size() == 3 ? getConstant(dims[2]) : std::nullopt;
  if (dims.size() != 3 || (channels && *channels != 3))
    return emitOpError("takes an image of shape [height, width, 3]");
  if (getFormat() != "jpg" && getFormat() != "png")
    return emitOpError("format is \"jpg\" or \"png\", not \"") << getFormat() << '"';
  if (failed(colourSpace(*this)))
    return failure();
  types.push_back(makeTensor({freshSymbol(*this, 0, 0)}, getElementTypeOrSelf(getImage())));
  return success();
}

FailureOr<SmallVector<Value>> EncodeImageOp::lowerToLinalg(LoweringBuilder &b, ValueRange operands) {
  b.requireEqual(getDims(getImage())[2], makeDim(getContext(), 3), "EncodeImage: the image has not three channels");
  Value numbers = b.numbers({getFormat() == "png", *colourSpace(*this)});
  return b.call("onnxc_encode_image", {operands[0], numbers}, {getImage().getType(), numbers.getType()}, {},
                getEncodedStream().getType(), ONNXC_IMAGE_ENCODER_FAILURES);
}

#define GET_OP_CLASSES
#include "dialects/onnx/ops/Image.cpp.inc"

void onnxc::onnx::registerImageOps(OnnxDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/onnx/ops/Image.cpp.inc"
      >();
}
