//===- test/fuzz/Operators.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Models of one or two operators for every operator of the dialect. What an operator takes is asked of the dialect.
#pragma once

#include "mlir/IR/MLIRContext.h"
#include "test/fuzz/Mutate.h"
#include <map>
#include <vector>

namespace fuzz {

/// What the verifier of an operator lets through.
struct Operator {
  std::string name;
  unsigned operands = 0, results = 0;
  bool variadicOperands = false;
  std::vector<std::vector<int>> operandTypes; ///< ONNX element types that each may have; 0: may be absent
  std::map<std::string, int> attributes;      ///< the type (AttributeProto::AttributeType) of each
};

/// Every operator of the dialect.
std::vector<Operator> describeOperators(mlir::MLIRContext &context);

/// A model around operators.at(index): often right, always similar to something right.
onnxc::proto::ModelProto makeModel(const std::vector<Operator> &operators, size_t index, Random &random);

} // namespace fuzz
