//===- dialects/rt/RtDialect.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rt dialect: calls of the C functions that are linked into a model (dialects/rt/Rt.td).
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/rt/RtDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/rt/Rt.h.inc"

namespace onnxc::rt {

/// Parts of tensors that have no element are no parts (EmptyParts.cpp). The canonicalizer has these patterns, too.
void populateEmptyPartPatterns(mlir::RewritePatternSet &patterns);

} // namespace onnxc::rt
