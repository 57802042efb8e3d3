//===- dialects/onnx/support/Window.h ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a window slides over the spatial dimensions of a tensor: the arithmetic that convolutions and pooling share.
#pragma once

#include "dialects/onnx/support/Contraction.h"

namespace onnxc::onnx {

/// The attributes as they stand in the operation; null or empty ones take their defaults.
struct WindowAttributes {
  llvm::StringRef autoPad;
  std::optional<llvm::ArrayRef<int64_t>> kernelShape, strides, dilations, pads;
  bool ceilMode = false;
  /// One window even where the padded dimension is smaller than it, by less than a stride: the part of it that is there
  /// (docs/decisions/0005-one-clipped-window.md).
  bool clips = false;
};

struct WindowAxis {
  AffineExpr input; ///< size of the dimension
  AffineExpr kernelSize;
  int64_t stride, dilation;
  int64_t padBegin, padEnd; ///< as given; unused when `same`
  AffineExpr output;        ///< number of positions
  AffineExpr missing;       ///< by how much a clipped window is larger than the padded dimension

  /// From the first to the last element of a window.
  AffineExpr span() const { return (kernelSize - 1) * dilation + 1; }
  /// Both as numbers, of pooling and wherever else they are known.
  int64_t kernel() const { return *getConstant(kernelSize); }
  int64_t extent() const { return (kernel() - 1) * dilation + 1; }
};

struct Window {
  enum Same { None, Upper, Lower } same; ///< auto_pad: padded so that the output is ceil(input / stride)
  bool ceilMode, clips;
  llvm::SmallVector<WindowAxis, 3> axes;

  /// Checks the attributes against the spatial sizes; reports at `op`. `kernel` is what the weights say, empty for
  /// pooling; of sizes that the run decides `pad` checks what `get` checks of numbers.
  static llvm::FailureOr<Window> get(mlir::Operation *op, llvm::ArrayRef<AffineExpr> spatial,
                                     llvm::ArrayRef<AffineExpr> kernel, const WindowAttributes &attributes);

  Dims outputDims() const;
  /// By how much a window may be larger than what is there.
  int64_t spare(const WindowAxis &axis) const { return clips ? axis.stride - 1 : 0; }
  /// Number of positions in a window.
  int64_t size() const;

  /// Padding before and after axis `i`: numbers where the sizes are.
  std::pair<mlir::OpFoldResult, mlir::OpFoldResult> padding(LoweringBuilder &b, unsigned i) const;
  /// `value` ([..., spatial...]) with `scalar` around it, enough for every window.
  Lowered pad(LoweringBuilder &b, Lowered value, mlir::Value scalar) const;
  /// The same window over one more spatial dimension of size 1, in front.
  Window withUnitAxis(mlir::MLIRContext *context) const;

  mlir::DenseIntElementsAttr strides(mlir::Builder &b) const;
  mlir::DenseIntElementsAttr dilations(mlir::Builder &b) const;
};

} // namespace onnxc::onnx
