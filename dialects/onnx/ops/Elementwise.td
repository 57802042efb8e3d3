//===- dialects/onnx/ops/Elementwise.td -----------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that compute each element from the elements at the same place: one line each, with its formula.
include "dialects/onnx/Onnx.td"

// Which element types an operator takes. Floats of less than 32 bits are computed in f32, except where values only move
// (Any).
class Elements<string kind, Constraint tensorType = Onnx_Tensor> {
  string cpp = "ElementKind::" # kind;
  Constraint tensor = tensorType;
}
def Float : Elements<"Float">;
def Integer : Elements<"Integer">; // not bool
def Numeric : Elements<"Numeric">; // Float or Integer
def Bool : Elements<"Bool">;
def Any : Elements<"Any", Onnx_AnyTensor>;

// `formula` is C++ over Scalars (support/Scalar.h). `named` makes names for the elements `e` of the operands. `data` is
// the same for the content of small integer tensors, in AffineExpr (`d` instead of `e`); without it nothing is known.
class Elementwise<string name, int since, Elements kind, dag operands, string formula, dag attributes = (ins),
                  string named = "", string data = "", string resultType = "", list<Trait> traits = []>
    : Onnx_Op<name, since, !listconcat(traits, [Broadcasts]), !if(!empty(data), []<string>, ["propagateData"])> {
  let arguments = !con(operands, attributes);
  let results = (outs kind.tensor:$result);
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferTypes(::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferElementwise(*this, }] # kind.cpp # ", types, {" # resultType # [{});
    }
    ::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>> $cppClass::lowerToLinalg(
        ::onnxc::onnx::LoweringBuilder &b, ::mlir::ValueRange operands) {
      return lowerElementwise(*this, }] # kind.cpp # [{, b, operands, [&](::llvm::ArrayRef<Scalar> e) -> Scalar {
        }] # named # "\n        return " # formula # [{;
      });
    }
  }] # !if(!empty(data), "", [{
    std::optional<::llvm::SmallVector<::mlir::AffineExpr>> $cppClass::propagateData() {
      return propagateElementwise(*this, [&](::llvm::ArrayRef<AffineExpr> e) -> AffineExpr {
        }] # !subst("Scalar", "AffineExpr", named) # "\n        return " # data # [{;
      });
    }
  }]);
}

class F32<string default> : DefaultValuedAttr<F32Attr, default>;
class SI64<string default> : DefaultValuedAttr<SI64Attr, default>;

class Unary<string name, int since, Elements kind, string formula, dag attributes = (ins), string data = "",
            string resultType = "", list<Trait> traits = []>
    : Elementwise<name, since, kind, (ins kind.tensor:$x), formula, attributes, "Scalar x = e[0];", data, resultType,
                  traits>;

class Binary<string name, int since, Elements kind, string formula, string data = "", dag attributes = (ins),
             string resultType = "">
    : Elementwise<name, since, kind, (ins kind.tensor:$a, kind.tensor:$b), formula, attributes,
                  "Scalar a = e[0], b = e[1];", data, resultType>;

class Comparison<string name, int since, Elements kind, string formula, string data = "">
    : Binary<name, since, kind, formula, data, resultType = "boolType(*this)">;

// With any number of operands: `f(a, b)` from the left.
class AnyNumber<string name, int since, string f, string after = "", string data = "">
    : Elementwise<name, since, Numeric, (ins Variadic<Onnx_Tensor>:$inputs),
                  "foldLeft(e, [](Scalar a, Scalar b) { return " # f # "; })" # after,
                  data = !if(!empty(data), "",
                             "foldLeft(e, [&](AffineExpr a, AffineExpr b) { return " # data # "; })")>;

// Functions of the mathematics library.
def Onnx_AbsOp : Unary<"Abs", 13, Numeric, "abs(x)">;
def Onnx_AcosOp : Unary<"Acos", 22, Float, "acos(x)">;
def Onnx_AcoshOp : Unary<"Acosh", 22, Float, "acosh(x)">;
def Onnx_AsinOp : Unary<"Asin", 22, Float, "asin(x)">;
def Onnx_AsinhOp : Unary<"Asinh", 22, Float, "asinh(x)">;
def Onnx_AtanOp : Unary<"Atan", 22, Float, "atan(x)">;
def Onnx_AtanhOp : Unary<"Atanh", 22, Float, "atanh(x)">;
def Onnx_CeilOp : Unary<"Ceil", 13, Float, "ceil(x)">;
def Onnx_CosOp : Unary<"Cos", 22, Float, "cos(x)">;
def Onnx_CoshOp : Unary<"Cosh", 22, Float, "cosh(x)">;
def Onnx_ErfOp : Unary<"Erf", 13, Numeric, "inFloat(x, [](Scalar x) { return erf(x); })">;
def Onnx_ExpOp : Unary<"Exp", 13, Float, "exp(x)">;
def Onnx_FloorOp : Unary<"Floor", 13, Float, "floor(x)">;
def Onnx_LogOp : Unary<"Log", 13, Float, "log(x)">;
def Onnx_NegOp : Unary<"Neg", 13, Numeric, "-x", data = "-x">;
def Onnx_ReciprocalOp : Unary<"Reciprocal", 13, Float, "1 / x">;
def Onnx_RoundOp : Unary<"Round", 22, Float, "roundeven(x)">;
def Onnx_SignOp : Unary<"Sign", 13, Numeric, "sign(x)">;
def Onnx_SinOp : Unary<"Sin", 22, Float, "sin(x)">;
def Onnx_SinhOp : Unary<"Sinh", 22, Float, "sinh(x)">;
def Onnx_SqrtOp : Unary<"Sqrt", 13, Float, "sqrt(x)">;
def Onnx_TanOp : Unary<"Tan", 22, Float, "tan(x)">;
def Onnx_TanhOp : Unary<"Tanh", 13, Float, "tanh(x)">;

// Activations.
def Onnx_CeluOp : Unary<"Celu", 28, Float, "select(x < 0, (exp(x / getAlpha()) - 1) * getAlpha(), x)",
                        attributes = (ins F32<"1.0">:$alpha)>;
def Onnx_EluOp : Unary<"Elu", 22, Float, "select(x < 0, (exp(x) - 1) * getAlpha(), x)",
                       attributes = (ins F32<"1.0">:$alpha)>;
def Onnx_GeluOp : Unary<"Gelu", 20, Float, "gelu(x, getApproximate())",
                        attributes = (ins DefaultValuedAttr<StrAttr, "\"none\"">:$approximate)> { let hasVerifier = 1; }
def Onnx_HardSigmoidOp : Unary<"HardSigmoid", 22, Float, "atMost(atLeast(x * getAlpha() + getBeta(), 0), 1)",
                               attributes = (ins F32<"0.2">:$alpha, F32<"0.5">:$beta)>;
def Onnx_HardSwishOp : Unary<"HardSwish", 22, Float, "x * atMost(atLeast(x * (1.0 / 6) + 0.5, 0), 1)">;
def Onnx_LeakyReluOp : Unary<"LeakyRelu", 16, Float, "select(x < 0, x * getAlpha(), x)",
                             attributes = (ins F32<"0.01">:$alpha)>;
def Onnx_MishOp : Unary<"Mish", 22, Float, "x * tanh(softplus(x))">;
def Onnx_PReluOp : Binary<"PRelu", 16, Numeric, "select(a < 0, a * b, a)">;
def Onnx_ReluOp : Unary<"Relu", 14, Numeric, "atLeast(x, 0)">;
def Onnx_SeluOp : Unary<"Selu", 22, Float, "select(x < 0, (exp(x) - 1) * getAlpha(), x) * getGamma()",
                        attributes = (ins F32<"1.67326319217681884765625">:$alpha,
                                      F32<"1.05070102214813232421875">:$gamma)>;
// Of integers, too, with bounds that are none.
def Onnx_ShrinkOp : Unary<"Shrink", 9, Numeric,
                          "inFloat(x, [&](Scalar x) { return shrink(x, getLambd(), getBias()); })",
                          attributes = (ins F32<"0.0">:$bias, F32<"0.5">:$lambd)>;
def Onnx_SigmoidOp : Unary<"Sigmoid", 13, Float, "sigmoid(x)">;
def Onnx_SoftplusOp : Unary<"Softplus", 22, Float, "softplus(x)">;
def Onnx_SoftsignOp : Unary<"Softsign", 22, Float, "x / (abs(x) + 1)">;
def Onnx_SwishOp : Unary<"Swish", 24, Float, "x * sigmoid(x * getAlpha())", attributes = (ins F32<"1.0">:$alpha)>;
def Onnx_SwiGLUOp : Binary<"SwiGLU", 28, Float, "a * sigmoid(a * getAlpha()) * b",
                           attributes = (ins F32<"1.0">:$alpha)> {
  let hasVerifier = 1;
}
def Onnx_ThresholdedReluOp : Unary<"ThresholdedRelu", 22, Float, "select(x > getAlpha(), x, 0)",
                                   attributes = (ins F32<"1.0">:$alpha)>;

// Arithmetic.
def Onnx_AddOp : Binary<"Add", 14, Numeric, "a + b", data = "a + b">;
def Onnx_SubOp : Binary<"Sub", 14, Numeric, "a - b", data = "a - b">;
def Onnx_MulOp : Binary<"Mul", 14, Numeric, "a * b", data = "a * b">;
def Onnx_DivOp : Binary<"Div", 14, Numeric, "a / b", data = "divideExact(a, b)">;
def Onnx_ModOp : Binary<"Mod", 28, Numeric, "getFmod() ? truncatedRemainder(a, b) : flooredRemainder(a, b)",
                        data = "remainder(a, b)", attributes = (ins SI64<"0">:$fmod)>;
def Onnx_PowOp : Elementwise<"Pow", 15, Numeric, (ins Onnx_Tensor:$x, Onnx_Tensor:$y),
                             "power(e[0], e[1], getY())">;
def Onnx_MaxOp : AnyNumber<"Max", 13, "max(a, b)", data = "maximum(*this, a, b)">;
def Onnx_MeanOp : AnyNumber<"Mean", 13, "a + b", after = " / static_cast<double>(e.size())">;
def Onnx_MinOp : AnyNumber<"Min", 13, "min(a, b)", data = "minimum(*this, a, b)">;
def Onnx_SumOp : AnyNumber<"Sum", 13, "a + b">;
def Onnx_ClipOp : Elementwise<"Clip", 13, Numeric,
                              (ins Onnx_Tensor:$x, Onnx_OptionalTensor:$min, Onnx_OptionalTensor:$max),
                              "clip(e[0], e[1], e[2])">;

// Comparison and logic.
def Onnx_EqualOp : Comparison<"Equal", 19, Any, "widen(a) == widen(b)", data = "equal(a, b)">;
def Onnx_GreaterOp : Comparison<"Greater", 13, Numeric, "a > b", data = "less(b, a)">;
def Onnx_GreaterOrEqualOp : Comparison<"GreaterOrEqual", 16, Numeric, "a >= b", data = "negate(less(a, b))">;
def Onnx_LessOp : Comparison<"Less", 13, Numeric, "a < b", data = "less(a, b)">;
def Onnx_LessOrEqualOp : Comparison<"LessOrEqual", 16, Numeric, "a <= b", data = "negate(less(b, a))">;
def Onnx_AndOp : Comparison<"And", 7, Bool, "a & b", data = "logicalAnd(a, b)">;
def Onnx_OrOp : Comparison<"Or", 7, Bool, "a | b", data = "negate(logicalAnd(negate(a), negate(b)))">;
def Onnx_XorOp : Comparison<"Xor", 7, Bool, "a ^ b", data = "negate(equal(a, b))">;
def Onnx_NotOp : Unary<"Not", 1, Bool, "~x", data = "negate(x)">;
def Onnx_IsNaNOp : Unary<"IsNaN", 20, Float, "x != x", resultType = "boolType(*this)", traits = [TakesBits]>;
def Onnx_IsInfOp : Unary<"IsInf", 20, Float, "isInf(x, getDetectNegative(), getDetectPositive())",
                         attributes = (ins SI64<"1">:$detect_negative, SI64<"1">:$detect_positive),
                         resultType = "boolType(*this)", traits = [TakesBits]>;
def Onnx_WhereOp : Elementwise<"Where", 16, Any, (ins Onnx_Tensor:$condition, Onnx_AnyTensor:$x, Onnx_AnyTensor:$y),
                               "select(e[0], e[1], e[2])", data = "choose(e[0], e[1], e[2])", traits = [TakesBits]> {
  let hasVerifier = 1;
}

// Bits.
def Onnx_BitwiseAndOp : Binary<"BitwiseAnd", 18, Integer, "a & b">;
def Onnx_BitwiseNotOp : Unary<"BitwiseNot", 18, Integer, "~x">;
def Onnx_BitwiseOrOp : Binary<"BitwiseOr", 18, Integer, "a | b">;
def Onnx_BitwiseXorOp : Binary<"BitwiseXor", 18, Integer, "a ^ b">;
def Onnx_BitShiftOp : Binary<"BitShift", 28, Integer, "getDirection() == \"LEFT\" ? shiftLeft(a, b) : shiftRight(a, b)",
                             attributes = (ins StrAttr:$direction)> { let hasVerifier = 1; }

def Onnx_CastOp : Elementwise<"Cast", 28, Any, (ins Onnx_AnyTensor:$x), "castElement(*this, e[0])",
                              attributes = (ins SI64Attr:$to, SI64<"1">:$saturate,
                                            DefaultValuedAttr<StrAttr, "\"up\"">:$round_mode),
                              data = "castData(e[0], getResult().getType())",
                              resultType = "getElementType(getContext(), getTo())", traits = [TakesBits]> {
  let hasVerifier = 1;
}

def Onnx_BitCastOp : Unary<"BitCast", 26, Any, "bitCast(x, getResult().getType())", attributes = (ins SI64Attr:$to),
                           resultType = "getElementType(getContext(), getTo())", traits = [TakesBits]> {
  let hasVerifier = 1;
}

// What passes its operand on.
def Onnx_IdentityOp : Onnx_Op<"Identity", 25, [TakesBits], ["propagateData"]> {
  let arguments = (ins Onnx_Value:$x);
  let results = (outs Onnx_Value:$y);
}

def Onnx_DropoutOp : Onnx_Op<"Dropout", 22, [TakesBits]> {
  let summary = "Passes its input on; in training, drops elements at random and scales the others";
  let arguments = (ins Onnx_Tensor:$data, Onnx_OptionalTensor:$ratio, Onnx_OptionalTensor:$training_mode,
                       OptionalAttr<SI64Attr>:$seed);
  let results = (outs Onnx_Tensor:$output, Onnx_Tensor:$mask);
}
