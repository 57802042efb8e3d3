//===- dialects/onnx/support/ZeroPoint.h -------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbers that stand for quantised ones in sums of products of integers.
#pragma once

#include "dialects/onnx/support/Contraction.h"

namespace onnxc::onnx {

/// One number for each of these sizes: scales or zero points that are as many, or where only run time tells, one for
/// all. Stops the run with `message` where it is another number.
Lowered spread(LoweringBuilder &b, Lowered parameter, llvm::ArrayRef<AffineExpr> sizes, const llvm::Twine &message);

/// `value` minus its zero point (which may be absent), in 32 bits. A vector of zero points belongs to dimension `axis`,
/// others broadcast.
Lowered subtractZeroPoint(LoweringBuilder &b, Lowered value, Lowered zero, int64_t axis);

} // namespace onnxc::onnx
