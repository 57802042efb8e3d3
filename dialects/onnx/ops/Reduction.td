//===- dialects/onnx/ops/Reduction.td -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that make one number of many: sums and such along axes, the place of the largest, running sums.
include "dialects/onnx/Onnx.td"

class SI64<string default> : DefaultValuedAttr<SI64Attr, default>;

// a = step(a, x) for all x, from `start` (`like` is of a's type); then `finish`, where `count` is how many there were.
// C++ over Scalars (support/Scalar.h). 16-bit floats are accumulated in f32. `data`: the same for the content of a
// small integer tensor, in AffineExpr.
class Reduction<string name, int since, string start, string step, string finish = "", string data = "">
    : Onnx_Op<name, since, [], !if(!empty(data), []<string>, ["propagateData"])> {
  let arguments = (ins Onnx_Tensor:$data, Onnx_OptionalTensor:$axes, SI64<"1">:$keepdims,
                       SI64<"0">:$noop_with_empty_axes);
  let results = (outs Onnx_Tensor:$reduced);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferReduction(*this, types);
    }
    ::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>> $cppClass::lowerToLinalg(
        ::onnxc::onnx::LoweringBuilder &b, ::mlir::ValueRange operands) {
      return lowerReduction(*this, b, operands, {
        [](Scalar like) -> Scalar { return }] # start # [{; },
        [](Scalar a, Scalar x) -> Scalar { return }] # step # [{; },
        }] # !if(!empty(finish), "nullptr",
                 "[](Scalar a, Scalar count) -> Scalar { return " # finish # "; }") # [{});
    }
  }] # !if(!empty(data), "", [{
    std::optional<::llvm::SmallVector<::mlir::AffineExpr>> $cppClass::propagateData() {
      return propagateReduction(*this, [&](AffineExpr a, AffineExpr x) -> AffineExpr { return }] # data # [{; });
    }
  }]);
}

def Onnx_ReduceL1Op : Reduction<"ReduceL1", 18, "like.number(0)", "a + abs(x)">;
def Onnx_ReduceL2Op : Reduction<"ReduceL2", 18, "like.number(0)", "a + x * x", "inFloat(a, [](Scalar x) { return sqrt(x); })">;
def Onnx_ReduceLogSumOp : Reduction<"ReduceLogSum", 28, "like.number(0)", "a + x", "inFloat(a, [](Scalar x) { return log(x); })">;
def Onnx_ReduceMaxOp : Reduction<"ReduceMax", 20, "like.lowest()", "max(a, x)", "", "maximum(*this, a, x)">;
def Onnx_ReduceMeanOp : Reduction<"ReduceMean", 18, "like.number(0)", "a + x", "a / count">;
def Onnx_ReduceMinOp : Reduction<"ReduceMin", 20, "like.highest()", "min(a, x)", "", "minimum(*this, a, x)">;
def Onnx_ReduceProdOp : Reduction<"ReduceProd", 18, "like.number(1)", "a * x", "", "a * x">;
def Onnx_ReduceSumOp : Reduction<"ReduceSum", 13, "like.number(0)", "a + x", "", "a + x">;
def Onnx_ReduceSumSquareOp : Reduction<"ReduceSumSquare", 18, "like.number(0)", "a + x * x">;

def Onnx_ReduceLogSumExpOp : Onnx_Op<"ReduceLogSumExp", 28> {
  let arguments = (ins Onnx_Tensor:$data, Onnx_OptionalTensor:$axes, SI64<"1">:$keepdims,
                       SI64<"0">:$noop_with_empty_axes);
  let results = (outs Onnx_Tensor:$reduced);
}

class ArgExtreme<string name> : Onnx_Op<name, 13> {
  let arguments = (ins Onnx_Tensor:$data, SI64<"0">:$axis, SI64<"1">:$keepdims, SI64<"0">:$select_last_index);
  let results = (outs Onnx_Tensor:$reduced);
}
def Onnx_ArgMaxOp : ArgExtreme<"ArgMax">;
def Onnx_ArgMinOp : ArgExtreme<"ArgMin">;

class Scan<string name, int since> : Onnx_Op<name, since> {
  let arguments = (ins Onnx_Tensor:$x, Onnx_Tensor:$axis, SI64<"0">:$exclusive, SI64<"0">:$reverse);
  let results = (outs Onnx_Tensor:$y);
}
def Onnx_CumSumOp : Scan<"CumSum", 14>;
def Onnx_CumProdOp : Scan<"CumProd", 26>;
