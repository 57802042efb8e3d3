//===- dialects/onnx/Onnx.td ----------------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The onnx dialect, the interface that every operator implements, and the base class of the families in ops/.
#ifndef ONNX_TD
#define ONNX_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Onnx_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::onnxc::onnx";
  let summary = "ONNX operators, the newest version of each";
  let description = [{
    Contracts (types, symbolic dimensions, shape values): docs/Architecture.md.
  }];
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Rewrites a node of an older operator version into the newest form (or into other operators).
    using Upgrade = ::llvm::LogicalResult (*)(::onnxc::onnx::NodeForm &);
    template <typename... Ops> void add() { addOperations<Ops...>(); }
    /// Registers `upgrade` for nodes of `domain::name` (domain "" is ai.onnx) whose since_version is below `below`.
    void addUpgrade(::llvm::StringRef name, int64_t below, Upgrade upgrade, ::llvm::StringRef domain = "");
    /// The upgrades that a node of this operator version needs, oldest first.
    ::llvm::SmallVector<Upgrade> getUpgrades(::llvm::StringRef domain, ::llvm::StringRef name, int64_t opset) const;
    /// Calls `f(domain, name, below)` for every rule that addUpgrade registered.
    void forEachUpgrade(
        ::llvm::function_ref<void(::llvm::StringRef, ::llvm::StringRef, int64_t)> f) const;

  private:
    struct UpgradeRule { int64_t below; Upgrade upgrade; };
    ::llvm::StringMap<::llvm::SmallVector<UpgradeRule>> upgrades;
  }];
}

class Onnx_Type<string name, string mnemonicName> : TypeDef<Onnx_Dialect, name> { let mnemonic = mnemonicName; }

def Onnx_String : Onnx_Type<"String", "string"> {
  let summary = "Element type of tensors of strings: UTF-8 without a zero byte";
}
def Onnx_Sequence : Onnx_Type<"Sequence", "sequence"> {
  let summary = "A list of tensors, or of maps";
  let description = [{
    `elementType` is the type that every item fits: a ranked tensor (dimensions in which items differ are `?` without an
    expression, that is a tensor without encoding), a tensor of unknown rank, or a map. `isEmpty` (written
    `sequence<tensor<*xf32>, empty>`): there is no item yet, so that the first one alone decides the rank.
  }];
  let parameters = (ins "::mlir::Type":$elementType, "bool":$isEmpty);
  let builders = [TypeBuilder<(ins "::mlir::Type":$elementType), "return $_get($_ctxt, elementType, false);">];
  let hasCustomAssemblyFormat = 1;
}
def Onnx_Optional : Onnx_Type<"Optional", "optional"> {
  let summary = "A tensor, a sequence, or nothing";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}
def Onnx_Map : Onnx_Type<"Map", "map"> {
  let summary = "From strings or integers to numbers or strings";
  let parameters = (ins "::mlir::Type":$keyType, "::mlir::Type":$valueType);
  let assemblyFormat = "`<` $keyType `,` $valueType `>`";
}

def OnnxOpInterface : OpInterface<"OnnxOpInterface"> {
  let cppNamespace = "::onnxc::onnx";
  let description = [{What an operator must say of itself. A missing method is a link error.}];
  let methods = [
    InterfaceMethod<[{
        Checks the operand types and appends the type of every result, in order (docs/Architecture.md: the onnx
        dialect; specification of the operator for the rule). Reports what is wrong through emitOpError.}],
      "::llvm::LogicalResult", "inferTypes", (ins "::llvm::SmallVectorImpl<::mlir::Type> &":$types)>,
    InterfaceMethod<[{
        Emits linalg, tensor, arith, math and scf for this operation; one value per result (null for an absent one).
        `operands` are the lowered operands: signless, without encoding; null for an absent optional one. May also
        emit other onnx operations (`make<Op>` on `b.lift`ed values), which are then lowered in their turn.}],
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "lowerToLinalg",
      (ins "::onnxc::onnx::LoweringBuilder &":$b, "::mlir::ValueRange":$operands)>,
    InterfaceMethod<[{
        The content of the only result, a small integer tensor, in terms of the symbolic dimensions, if known.}],
      "std::optional<::llvm::SmallVector<::mlir::AffineExpr>>", "propagateData", (ins),
      /*methodBody=*/"", /*defaultImplementation=*/"return std::nullopt;">,
    StaticInterfaceMethod<[{How many operands and results the operator has; follows from its definition.}],
      "::onnxc::onnx::Arity", "getArity", (ins),
      /*methodBody=*/"", /*defaultImplementation=*/"return ::onnxc::onnx::arityOf<ConcreteOp>();">,
    StaticInterfaceMethod<[{
        The version of the operator's newest form: the one that this operation is. 0 for what is no operator of ONNX.}],
      "int64_t", "getSinceVersion", (ins), /*methodBody=*/"", /*defaultImplementation=*/"return ConcreteOp::sinceVersion;">,
    StaticInterfaceMethod<[{What the operator does, in a line; may be empty.}],
      "::llvm::StringRef", "getSummary", (ins), /*methodBody=*/"", /*defaultImplementation=*/"return ConcreteOp::text;">,
    StaticInterfaceMethod<[{The names of operands and attributes, in the order of their definition, between blanks.}],
      "::llvm::StringRef", "getArgumentNames", (ins), /*methodBody=*/"",
      /*defaultImplementation=*/"return ConcreteOp::argumentNames;">,
  ];
}

// Moves elements, or converts them: takes also those that are stored as bits.
def TakesBits : NativeOpTrait<"TakesBits"> { let cppNamespace = "::onnxc::onnx"; }
// Calculates with complex numbers (support/ComplexParts.h).
def TakesComplex : NativeOpTrait<"TakesComplex"> { let cppNamespace = "::onnxc::onnx"; }
// The operands, aligned at the right, broadcast to the only result.
def Broadcasts : NativeOpTrait<"Broadcasts"> { let cppNamespace = "::onnxc::onnx"; }

def OnnxBodyInterface : OpInterface<"OnnxBodyInterface"> {
  let cppNamespace = "::onnxc::onnx";
  let description = [{
    What an operator with bodies says of itself besides. A body is a region of one block that ends in onnx.Yield. It sees
    the values around it; inferTypes of the operator infers what is inside.}];
  let methods = [
    StaticInterfaceMethod<[{The attributes of the node that are the bodies, in the order of the regions.}],
      "::llvm::ArrayRef<::llvm::StringRef>", "getBodyNames">,
    StaticInterfaceMethod<[{How many results the operator has when its bodies yield `yielded` values.}],
      "size_t", "countResults", (ins "size_t":$yielded, "size_t":$operands)>,
    InterfaceMethod<[{
        The types that the arguments of every body have as far as the operands say: inferTypes may find others. Checks
        what it needs of the operands.}],
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Type>>", "getBodyArguments">,
    StaticInterfaceMethod<[{
        The body that alone runs, once and without arguments, where that is known: it can stand in the operator's
        place.}],
      "std::optional<unsigned>", "chooseBody", (ins "::mlir::ValueRange":$operands),
      /*methodBody=*/"", /*defaultImplementation=*/"return std::nullopt;">,
    InterfaceMethod<[{
        Checks, once all of the model is there, that the results are used as their types allow. Reports through
        emitOpError.}],
      "::llvm::LogicalResult", "checkUses", (ins),
      /*methodBody=*/"", /*defaultImplementation=*/"return ::llvm::success();">,
  ];
}

// An operator. `since` is the version of the operator's newest form: the one that this operation is (0: none of ONNX).
// Results are declared Onnx_Tensor (what they are, inferTypes says: operands and attributes are verified before it), and
// traits must not relate result types. Attributes have ONNX's names and these kinds: INT SI64Attr, FLOAT F32Attr,
// STRING StrAttr, INTS DenseI64ArrayAttr, FLOATS DenseF32ArrayAttr, STRINGS StrArrayAttr, TENSOR ElementsAttr; what has
// a default in ONNX is DefaultValuedAttr, what may be absent OptionalAttr.
class Onnx_Op<string name, int since, list<Trait> traits = [], list<string> implements = []>
    : Op<Onnx_Dialect, name, !listconcat(traits, [Pure, DeclareOpInterfaceMethods<OnnxOpInterface, implements>])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = "static constexpr int64_t sinceVersion = " # since # ";"
      # "static constexpr const char *text = \"" # summary # "\";"
      # "static constexpr const char *argumentNames = \""
      # !interleave(!foreach(i, !range(!size(arguments)), !getdagname(arguments, i)), " ") # "\";";
}

// An operator of the domain ai.onnx.ml.
class Onnx_MlOp<string name, int since> : Onnx_Op<"ml." # name, since>;

// An operator of the domain com.microsoft; most others of it are made of other operations on import.
class Onnx_MsOp<string name, int since> : Onnx_Op<"ms." # name, since>;

// An operator of onnxruntime-extensions: of the domain ai.onnx.contrib, and of com.microsoft.extensions.
class Onnx_ExtOp<string name> : Onnx_Op<"ext." # name, 1>;

// A value of any kind.
def Onnx_Value : AnyTypeOf<[AnyRankedTensor, Onnx_Sequence, Onnx_Optional, Onnx_Map]>;
// With text, too: what only moves or compares elements takes it.
def Onnx_AnyTensor : AnyTypeOf<[AnyRankedTensor]>;
def Onnx_OptionalAnyTensor : AnyTypeOf<[AnyRankedTensor, NoneType]>;
// Of numbers or truth values.
def Onnx_Tensor : Type<And<[AnyRankedTensor.predicate,
    CPred<"!::llvm::isa<::onnxc::onnx::StringType>(::llvm::cast<::mlir::RankedTensorType>($_self).getElementType())">]>,
    "tensor of numbers or truth values">;
def Onnx_OptionalTensor : AnyTypeOf<[Onnx_Tensor, NoneType]>;
def Onnx_TextTensor : Type<And<[AnyRankedTensor.predicate, Neg<Onnx_Tensor.predicate>]>, "tensor of strings">;
// Shapes, axes, repeats, ...
def Onnx_Int64Tensor : RankedTensorOf<[I64]>;
def Onnx_OptionalInt64Tensor : AnyTypeOf<[Onnx_Int64Tensor, NoneType]>;
// Indices: int32 or int64.
def Onnx_IndexTensor : RankedTensorOf<[I32, I64]>;
def Onnx_OptionalIndexTensor : AnyTypeOf<[Onnx_IndexTensor, NoneType]>;

#endif // ONNX_TD
