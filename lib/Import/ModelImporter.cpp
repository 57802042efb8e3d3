//===- lib/Import/ModelImporter.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the onnx dialect from a parsed model: one operation per node, typed as it is built. A node that can't be built
// becomes a problem, its outputs are unknown from then on, and the walk goes on, so that all problems are found at
// once.
#include "lib/Import/ModelImporter.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/ops/Elementwise.h"
#include "dialects/onnx/ops/Movement.h"
#include "dialects/onnx/ops/Shape.h"
#include "dialects/onnx/support/Branches.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "dialects/onnx/support/Forgive.h"
#include "dialects/onnx/support/Values.h"
#include "lib/Import/ChannelBlock.h"
#include "lib/Import/NearMiss.h"
#include "lib/Import/Problems.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/IR/Verifier.h"
#include "onnx.pb.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SaveAndRestore.h"
#include <map>
#include <queue>

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::AttributeProto;
using proto::FunctionProto;
using proto::GraphProto;
using proto::ModelProto;
using proto::NodeProto;
using proto::TypeProto;
using proto::ValueInfoProto;

static constexpr int64_t kMaxIrVersion = 14;
static constexpr int kMaxTypeDepth = 4; // optional(sequence(map(tensor)))
/// Nodes are built once for every combination of ranks that the run may choose: each If can double them.
static constexpr size_t kMaxPlaces = 64;

/// A domain whose operators the dialect has under their own names, behind `prefix`: ai.onnx.ml's Scaler is
/// onnx.ml.Scaler.
struct Domain {
  const char *name, *prefix;
  int64_t newest;   ///< version that the dialect and its upgrades know
  int64_t maxOpset; ///< that is accepted
};
static constexpr Domain kDomains[] = {
    {"", "onnx.", 28, 28},
    {"ai.onnx.ml", "onnx.ml.", 5, 5},
    {"com.microsoft", "onnx.ms.", 1, std::numeric_limits<int64_t>::max()},
    {"ai.onnx.contrib", "onnx.ext.", 1, std::numeric_limits<int64_t>::max()},
    {"com.microsoft.extensions", "onnx.ext.", 1, std::numeric_limits<int64_t>::max()}};

static const Domain *findDomain(StringRef name) {
  auto it = llvm::find_if(kDomains, [&](const Domain &domain) { return name == domain.name; });
  return it == std::end(kDomains) ? nullptr : it;
}

/// "ai.onnx" is the long name of the default domain.
static StringRef normalizeDomain(StringRef domain) { return domain == "ai.onnx" ? "" : domain; }
static StringRef showDomain(StringRef domain) { return domain.empty() ? "ai.onnx" : domain; }

namespace {
struct Scope;

/// A graph in an attribute, and what the names in it refer to.
struct Body {
  const GraphProto *graph = nullptr;
  Scope *scope = nullptr;
};

/// The names that nodes of one graph or function body see.
struct Scope {
  /// Of a graph in an attribute: the graph of the node, whose names are seen, too.
  Scope *outer = nullptr;
  llvm::StringMap<const proto::TensorProto *> initializers;
  llvm::StringMap<const proto::SparseTensorProto *> sparseInitializers;
  /// A name with a null value is known but could not be built; what depends on it is not built either.
  llvm::StringMap<Value> values;
  llvm::StringMap<int64_t> opsets;
  /// In a function: what `ref_attr_name` refers to.
  llvm::StringMap<Attribute> arguments;
  llvm::StringMap<Body> bodies;
  /// The path of calls and bodies that led here, for names; and the functions on it.
  std::string prefix;
  const Scope *caller = nullptr;
  const FunctionProto *function = nullptr;
  unsigned depth = 0;

  bool isMain() const { return !outer && !function; }
  bool hasInitializer(StringRef name) const { return initializers.count(name) || sparseInitializers.count(name); }
};

/// A place where nodes are built: a block with its names, or the branches of an If at its end, where they are built
/// once for each. So ranks that only the run knows are known where nodes use them.
struct Branch {
  Block *block = nullptr;
  Scope scope;
  IfOp split; ///< the If at the end of the block; null: the block itself is the place
  std::unique_ptr<Branch> parts[2];
  std::string misfit; ///< what keeps nodes from being built here, where they can be built elsewhere

  bool isPlace() const { return !split && misfit.empty(); }
};

/// By input and axis (`placeOf`), the symbol of a dimension that isn't the one of its name.
using OtherSymbols = llvm::StringMap<std::string>;

class Importer {
public:
  Importer(const ModelProto &model, TensorReader &tensors, MLIRContext &context, Location loc,
           const ImportOptions &options, const OtherSymbols &others = {})
      : model(model), graph(model.graph()), tensors(tensors), context(context), loc(loc), options(options),
        otherSymbols(others), b(loc, &context) {}

  OwningOpRef<ModuleOp> run(bool *isUnsupported);
  size_t getUnbuilt() const { return unbuilt; }

  /// The names of the inputs' dimensions that an output has for another size, and for which output.
  llvm::StringMap<std::string> findContradictions();
  /// Gives those dimensions of one of these names a common symbol that meet in a broadcast, where they have different
  /// ones.
  OtherSymbols joinWhatMeets();

private:
  using Nodes = google::protobuf::RepeatedPtrField<NodeProto>;

  void chooseChannelBlock(ModuleOp module);
  LogicalResult checkVersions();
  LogicalResult readOpsets(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> &imports, Scope &scope,
                           Location where);
  void collectInitializers(const GraphProto &graph, Scope &scope);
  void addInputs(Scope &scope);
  /// What a value of any kind has; dimensions without a number are `?` without an expression.
  Type convertType(const TypeProto &type, int depth = 0);
  Type giveShape(Type type, ArrayRef<int64_t> sizes);
  std::string commandWithShapes();
  Type convertInput(const ValueInfoProto &input);
  FailureOr<Dims> convertInputShape(const ValueInfoProto &input);
  AffineExpr symbol(StringRef name);
  void addOutputs(Scope &scope);
  std::vector<std::string> listKept(const Scope &scope);
  void checkUses();
  void checkOverrides();

  std::vector<unsigned> order(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope);
  void build(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope);
  void buildNode(const NodeProto &node, size_t index, Scope &scope);
  std::string suggestOperator(StringRef domain, StringRef type);
  LogicalResult dropUnknownAttributes(NodeForm &form, RegisteredOperationName op, ArrayRef<StringRef> bodyNames,
                                      const llvm::StringMap<Body> &bodies);
  FailureOr<int64_t> getOpset(StringRef domain, StringRef type, Scope &scope);
  std::vector<unsigned> buildInBranches(const Nodes &nodes, unsigned origin, ArrayRef<unsigned> rest,
                                        ArrayRef<StringRef> outputs, Scope &scope);
  void openBranches(Branch &branch, IfOp op, ArrayRef<std::pair<StringRef, unsigned>> names);
  void buildInPlaces(const NodeProto &node, unsigned index, Branch &root);
  FailureOr<SmallVector<Value>> closeBranches(Branch &branch, ArrayRef<StringRef> names);
  IfOp remake(IfOp op);
  Value addRank(Value value);
  LogicalResult buildOperation(const NodeProto &node, ArrayRef<Value> operands, Scope &scope,
                               SmallVectorImpl<Value> &results);
  LogicalResult buildCall(const NodeProto &node, const FunctionProto &function, ArrayRef<Value> operands, Scope &scope,
                          SmallVectorImpl<Value> &results);
  FailureOr<SmallVector<Value>> buildBody(Body body, StringRef name, ValueRange arguments,
                                          SmallVectorImpl<Value> *partly = nullptr);
  LogicalResult fillBody(Body body, StringRef name, Region &region, TypeRange arguments);
  FailureOr<SmallVector<Value>> buildLoop(ArrayRef<Value> operands, Body body, unsigned peeled);
  NodeGraph describeGraph(Body body, StringRef name);
  LogicalResult enter(Scope &inner, const Scope &outer, StringRef name);
  FailureOr<Attribute> convertAttribute(const AttributeProto &attribute, Scope &scope);
  LogicalResult convertAttributes(const NodeProto &node, Scope &scope, NamedAttrList &attributes,
                                  llvm::StringMap<Body> &bodies);
  FailureOr<Value> lookup(StringRef name, Scope &scope);
  Value none();
  Value makeConstant(ElementsAttr elements, Location where);
  LogicalResult checkResult(Value result, StringRef name, const Scope &scope);
  void checkDeclaredShape(RankedTensorType type, StringRef name, const TypeProto::Tensor &declared);
  void nameSymbols(Value value, const TypeProto &declared);

  const FunctionProto *findFunction(const NodeProto &node) const;
  std::string describe(const NodeProto &node, const Scope &scope) const;
  Location locate(StringRef name) { return NameLoc::get(StringAttr::get(&context, name)); }
  void problem(StringRef where, const Twine &what) { problems.add(locate(where), what.str(), where); }

  const ModelProto &model;
  const GraphProto &graph;
  TensorReader &tensors;
  MLIRContext &context;
  Location loc;
  const ImportOptions &options;
  const OtherSymbols otherSymbols;
  ImplicitLocOpBuilder b;
  Problems problems;

  func::FuncOp function;
  llvm::StringMap<const TypeProto *> declared; ///< by value name, in the main graph
  llvm::StringMap<const FunctionProto *> functions;
  llvm::StringMap<unsigned> symbols; ///< position in `symbolNames`
  SmallVector<std::string> symbolNames;
  llvm::StringMap<int64_t> dimValues; ///< symbolic dimensions that were made numbers
  Operation *lastConstant = nullptr;
  Value noneValue;
  uint64_t nodeCount = 0;
  size_t unbuilt = 0; ///< nodes
  /// While only types are looked for: a branch that can be built stands for an If.
  bool takesAnyBranch = false;
};
} // namespace

// ---- The model -----------------------------------------------------------------------------------------------------

static std::string functionKey(StringRef domain, StringRef name, StringRef overload) {
  return llvm::join_items(StringRef("\0", 1), normalizeDomain(domain), name, overload);
}

OwningOpRef<ModuleOp> Importer::run(bool *isUnsupported) {
  Scope scope;
  if (failed(checkVersions()) || failed(readOpsets(model.opset_import(), scope, loc)))
    return {};
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  function = func::FuncOp::create(b, "main", b.getFunctionType({}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  (*module)->setAttr("onnx.model_name", b.getStringAttr(graph.name()));
  if (model.metadata_props_size()) {
    NamedAttrList metadata;
    for (const auto &entry : model.metadata_props())
      if (!entry.key().empty())
        metadata.set(entry.key(), b.getStringAttr(entry.value()));
    (*module)->setAttr("onnx.metadata", metadata.getDictionary(&context));
  }

  chooseChannelBlock(*module);

  for (const FunctionProto &f : model.functions())
    if (!functions.try_emplace(functionKey(f.domain(), f.name(), f.overload()), &f).second)
      problem(f.name(), "function " + f.name() + " of domain " + showDomain(f.domain()) + " is defined twice");
  for (const ValueInfoProto &info : graph.value_info())
    declared[info.name()] = &info.type();
  for (const ValueInfoProto &info : graph.output())
    declared[info.name()] = &info.type();
  collectInitializers(graph, scope);
  addInputs(scope);
  checkOverrides();

  SmallVector<StringRef> outputs;
  for (const ValueInfoProto &output : graph.output())
    outputs.push_back(output.name());
  outputs.append(options.keptValues.begin(), options.keptValues.end());
  build(graph.node(), outputs, scope);
  addOutputs(scope);
  checkUses();
  if (!problems.empty()) {
    problems.report(loc);
    if (isUnsupported)
      *isUnsupported = problems.areLimitations();
    return {};
  }
  if (failed(verify(*module)))
    return {};
  return module;
}

void Importer::chooseChannelBlock(ModuleOp module) {
  ChannelBlock block = findChannelBlock(model);
  if (!block.size)
    return;
  if (!block.isCertain && !options.channelBlock)
    emitWarning(loc) << "the filters of com.microsoft.nchwc may be in blocks of 8 or 16 channels; assumed: blocks of "
                     << block.size
                     << ", as onnxruntime saves them on processors with AVX-512: --channel-block 8 says that they are "
                        "from another one";
  module->setAttr("onnx.channel_block", b.getI64IntegerAttr(options.channelBlock ? options.channelBlock : block.size));
}

LogicalResult Importer::checkVersions() {
  int64_t version = model.ir_version();
  if (version < 0 || version > kMaxIrVersion)
    return emitError(loc) << "the model has IR version " << version << "; up to " << kMaxIrVersion << " are supported";
  // Versions 1 and 2 had no imports, and attributes without a type. "All ModelProtos MUST have at least one entry"
  // since.
  bool imports = model.opset_import_size();
  if (!imports && version >= 3)
    return emitError(loc) << "the model imports no opset: it doesn't say which versions of the operators it means";
  if (version < 3)
    emitWarning(loc) << "the model has IR version " << version
                     << ", of before onnx 1.0; assumed: " << (imports ? "what version 3 means" : "opset 1 of ai.onnx");
  if (graph.output_size() == 0)
    return emitError(loc) << "the model's graph has no outputs";
  return success();
}

LogicalResult Importer::readOpsets(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> &imports,
                                   Scope &scope, Location where) {
  if (imports.empty() && scope.isMain())
    scope.opsets[""] = 1;
  for (const auto &import : imports) {
    StringRef domain = normalizeDomain(import.domain());
    const Domain *known = findDomain(domain);
    int64_t maxOpset = known ? known->maxOpset : std::numeric_limits<int64_t>::max();
    if (import.version() < 1 || import.version() > maxOpset)
      return emitError(where) << "opset " << import.version() << " of " << showDomain(domain)
                              << " is not supported: 1 to " << maxOpset << " are";
    scope.opsets[domain] = import.version();
  }
  return success();
}

// ---- Inputs and initializers ---------------------------------------------------------------------------------------

void Importer::collectInitializers(const GraphProto &graph, Scope &scope) {
  auto isNew = [&](StringRef name) {
    if (scope.hasInitializer(name))
      emitWarning(locate(name)) << "two initializers have this name; assumed: the later of two initializers";
  };
  for (const auto &tensor : graph.initializer()) {
    isNew(tensor.name());
    scope.initializers[tensor.name()] = &tensor;
  }
  for (const auto &tensor : graph.sparse_initializer()) {
    StringRef name = tensor.values().name();
    isNew(name);
    scope.initializers.erase(name);
    scope.sparseInitializers[name] = &tensor;
  }
}

AffineExpr Importer::symbol(StringRef name) {
  auto value = dimValues.find(name);
  if (value != dimValues.end())
    return makeDim(&context, value->second);
  auto [it, isNew] = symbols.try_emplace(name, symbolNames.size());
  if (isNew)
    symbolNames.push_back(name.str());
  return getAffineSymbolExpr(it->second, &context);
}

/// The name that the model gives to a dimension, or "". Names are identifiers (specification, IR.md, "Names Within a
/// Graph"): exporters that write "?" in several places don't mean that these are equal.
static StringRef givenName(const proto::TensorShapeProto::Dimension &dim) {
  return llvm::any_of(dim.dim_param(), llvm::isAlpha) ? StringRef(dim.dim_param()) : StringRef();
}

/// What dimension `axis` of an input is called: its own name, or "<input>_<axis>".
static std::string dimName(const ValueInfoProto &input, int axis) {
  StringRef name = givenName(input.type().tensor_type().shape().dim(axis));
  return name.empty() ? input.name() + "_" + std::to_string(axis) : name.str();
}

/// The command line that gives a shape to every input that has none.
std::string Importer::commandWithShapes() {
  std::string command = "onnxc";
  if (auto path = dyn_cast<NameLoc>(loc))
    command += " " + path.getName().str();
  for (const ValueInfoProto &input : graph.input())
    if (input.type().has_tensor_type() && !input.type().tensor_type().has_shape() &&
        !options.inputShapes.count(input.name()))
      command += " --input-shape \"" + input.name() + "=1x3x224x224\"";
  return command + ", with its true sizes (? for one that the run chooses)";
}

static std::string placeOf(StringRef input, int axis) { return (input + "_" + Twine(axis)).str(); }

FailureOr<Dims> Importer::convertInputShape(const ValueInfoProto &input) {
  const auto &tensor = input.type().tensor_type();
  auto wanted = options.inputShapes.find(input.name());
  bool isGiven = wanted != options.inputShapes.end();
  if (!tensor.has_shape()) {
    if (!isGiven)
      return emitError(loc)
             << "the model doesn't say how many dimensions the input has, and neither do its uses. Say it: "
             << commandWithShapes();
    Dims dims;
    for (auto [axis, size] : llvm::enumerate(wanted->second))
      dims.push_back(size >= 0 ? makeDim(&context, size) : symbol(input.name() + "_" + std::to_string(axis)));
    return dims;
  }
  int rank = tensor.shape().dim_size();
  if (isGiven && static_cast<int>(wanted->second.size()) != rank)
    return emitError(loc) << "--input-shape gives " << wanted->second.size() << " dimensions to the input '"
                          << input.name() << "', which has " << rank;
  Dims dims;
  for (int axis = 0; axis < rank; ++axis) {
    const auto &dim = tensor.shape().dim(axis);
    if (isGiven && wanted->second[axis] >= 0) {
      int64_t size = wanted->second[axis];
      if (dim.has_dim_value() && dim.dim_value() >= 0 && dim.dim_value() != size)
        return emitError(loc) << "--input-shape gives size " << size << " to dimension " << axis << " of the input '"
                              << input.name() << "', which the model fixes to " << dim.dim_value();
      dims.push_back(makeDim(&context, size));
    } else if (dim.has_dim_value() && dim.dim_value() >= 0) {
      dims.push_back(makeDim(&context, dim.dim_value()));
    } else {
      std::string name = dimName(input, axis);
      if (auto other = otherSymbols.find(placeOf(input.name(), axis)); other != otherSymbols.end())
        name = other->second;
      if (dim.has_dim_value())
        emitWarning(locate(input.name())) << "a dimension of the input has the size " << dim.dim_value()
                                          << "; assumed: dimensions of negative size are symbolic";
      dims.push_back(symbol(name));
    }
  }
  return dims;
}

/// Whether the static part of the shape has a sane number of elements.
static bool isBounded(ArrayRef<AffineExpr> dims, int64_t limit) {
  int64_t count = 1;
  for (AffineExpr dim : dims) {
    int64_t size = std::max<int64_t>(getConstant(dim).value_or(1), 1); // an empty tensor's other sizes count, too
    if (llvm::MulOverflow(count, size, count) || count > limit)
      return false;
  }
  return true;
}

Type Importer::convertType(const TypeProto &type, int depth) {
  if (depth > kMaxTypeDepth) {
    emitError(loc) << "the type is nested too deeply";
    return {};
  }
  if (type.has_sequence_type()) {
    Type element = convertType(type.sequence_type().elem_type(), depth + 1);
    if (isa_and_nonnull<SequenceType, OptionalType>(element)) {
      emitError(loc) << "sequences of anything but tensors and maps are not supported";
      return {};
    }
    return element ? SequenceType::get(&context, element) : Type();
  }
  if (type.has_optional_type()) {
    Type element = convertType(type.optional_type().elem_type(), depth + 1);
    if (isa_and_nonnull<OptionalType>(element)) {
      emitError(loc) << "optional values of optional values are not supported";
      return {};
    }
    return element ? OptionalType::get(&context, element) : Type();
  }
  if (type.has_map_type()) {
    Type key = getElementType(&context, type.map_type().key_type());
    const TypeProto &value = type.map_type().value_type();
    Type element = value.has_tensor_type() ? getElementType(&context, value.tensor_type().elem_type()) : Type();
    if (key && element && (isa<StringType>(key) || key.isInteger()))
      return MapType::get(&context, key, element);
    emitError(loc) << "maps must be from strings or integers to numbers or strings";
    return {};
  }
  if (!type.has_tensor_type()) {
    emitError(loc) << (type.has_sparse_tensor_type() ? "sparse tensors"
                       : type.has_opaque_type()      ? "opaque values"
                                                     : "values without a type")
                   << " are not supported here";
    return {};
  }
  Type element = getElementType(&context, type.tensor_type().elem_type());
  if (!element) {
    emitError(loc) << "tensors of " << getElementTypeName(type.tensor_type().elem_type()) << " are not supported";
    return {};
  }
  if (!type.tensor_type().has_shape())
    return UnrankedTensorType::get(element);
  SmallVector<int64_t> sizes;
  for (const auto &dim : type.tensor_type().shape().dim())
    sizes.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, element);
}

/// The type of a sequence or optional of tensors of these sizes (-1: any).
Type Importer::giveShape(Type type, ArrayRef<int64_t> sizes) {
  if (auto sequence = dyn_cast<SequenceType>(type)) {
    Type element = giveShape(sequence.getElementType(), sizes);
    return element ? SequenceType::get(&context, element) : Type();
  }
  if (auto optional = dyn_cast<OptionalType>(type)) {
    Type element = giveShape(optional.getElementType(), sizes);
    return element ? OptionalType::get(&context, element) : Type();
  }
  auto tensor = dyn_cast<TensorType>(type);
  auto given = llvm::map_to_vector(sizes, [](int64_t size) { return size < 0 ? ShapedType::kDynamic : size; });
  if (!tensor || (tensor.hasRank() && failed(verifyCompatibleShape(tensor.getShape(), given)))) {
    emitError(loc) << "--input-shape gives a shape that the tensors inside don't have";
    return {};
  }
  if (tensor.hasRank())
    for (auto [size, declared] : llvm::zip_equal(given, tensor.getShape()))
      size = ShapedType::isDynamic(size) ? declared : size;
  return RankedTensorType::get(given, tensor.getElementType());
}

Type Importer::convertInput(const ValueInfoProto &input) {
  const TypeProto &type = input.type();
  ErrorCollector errors(&context);
  auto convert = [&]() -> Type {
    if (!type.has_tensor_type()) {
      Type value = convertType(type);
      auto wanted = options.inputShapes.find(input.name());
      return !value || wanted == options.inputShapes.end() ? value : giveShape(value, wanted->second);
    }
    Type element = getElementType(&context, type.tensor_type().elem_type());
    if (!element) {
      emitError(loc) << "tensors of " << getElementTypeName(type.tensor_type().elem_type()) << " are not supported";
      return {};
    }
    auto dims = convertInputShape(input);
    if (failed(dims))
      return {};
    if (!isBounded(*dims, options.maxElements)) {
      emitError(loc) << "the input has more than " << options.maxElements << " elements";
      return {};
    }
    return makeTensor(*dims, element);
  };
  Type converted = convert();
  if (!converted)
    problem(input.name(), errors.take());
  return converted;
}

void Importer::addInputs(Scope &scope) {
  dimValues = options.dims;
  // A size that --input-shape gives to a named dimension holds wherever that name stands.
  for (const ValueInfoProto &input : graph.input()) {
    auto shape = options.inputShapes.find(input.name());
    const auto &dims = input.type().tensor_type().shape();
    if (shape == options.inputShapes.end() || static_cast<int>(shape->second.size()) != dims.dim_size())
      continue;
    for (auto [axis, size] : llvm::enumerate(shape->second))
      if (StringRef name = givenName(dims.dim(axis));
          size >= 0 && !name.empty() && dimValues.try_emplace(name, size).first->second != size)
        problem(input.name(), "the dimension '" + name.str() + "' is given two different sizes");
  }
  Block &entry = function.front();
  llvm::StringMap<std::string> types; // of the inputs so far
  for (const ValueInfoProto &input : graph.input()) {
    // IR version 3 lists initializers as inputs; later ones let them be defaults, which are compiled in.
    if (scope.hasInitializer(input.name()))
      continue;
    if (input.name().empty()) {
      problem(input.name(), "an input has no name");
      continue;
    }
    auto [type, isNew] = types.try_emplace(input.name(), input.type().SerializeAsString());
    if (!isNew && type->second == input.type().SerializeAsString()) {
      emitWarning(locate(input.name())) << "the input is listed twice; assumed: an input that is listed twice is one";
      continue;
    }
    if (!isNew) {
      problem(input.name(), "there are two inputs with this name, of different types");
      continue;
    }
    Type converted = convertInput(input);
    Value &value = scope.values[input.name()];
    if (!converted)
      continue;
    value = entry.addArgument(converted, locate(input.name()));
    function.setType(b.getFunctionType(entry.getArgumentTypes(), {}));
    function.setArgAttr(entry.getNumArguments() - 1, "onnx.name", b.getStringAttr(input.name()));
  }
  auto names = llvm::map_to_vector(symbolNames, [](const std::string &name) { return StringRef(name); });
  function->setAttr("onnx.symbols", b.getStrArrayAttr(names));
}

void Importer::checkOverrides() {
  llvm::StringSet<> inputs, dims;
  for (const ValueInfoProto &input : graph.input()) {
    inputs.insert(input.name());
    for (int axis = 0, rank = input.type().tensor_type().shape().dim_size(); axis < rank; ++axis)
      dims.insert(dimName(input, axis));
  }
  auto offer = [](StringRef wrong, const llvm::StringSet<> &set) {
    SmallVector<StringRef> names(set.keys().begin(), set.keys().end());
    llvm::sort(names);
    return (names.empty() ? std::string("; it has none") : "; there are: " + llvm::join(names, ", ")) +
           suggest(wrong, names);
  };
  // What is wrong with an option is at no node.
  for (const auto &entry : options.inputShapes)
    if (!inputs.contains(entry.first()))
      problems.add(
          loc, ("--input-shape: the model has no input '" + entry.first() + "'").str() + offer(entry.first(), inputs),
          "");
  llvm::StringSet<> symbolic; // also those that an option has given a size
  for (const auto &entry : symbols)
    symbolic.insert(entry.first());
  for (const auto &entry : dimValues)
    if (dims.contains(entry.first()))
      symbolic.insert(entry.first());
  for (const auto &entry : options.dims)
    if (!dims.contains(entry.first()))
      problems.add(loc,
                   ("--dim: no dimension of the inputs is called '" + entry.first() + "'").str() +
                       offer(entry.first(), symbolic),
                   "");
}

/// Inner values that become outputs, in the order of the nodes that make them.
std::vector<std::string> Importer::listKept(const Scope &scope) {
  auto isThere = [&](StringRef name) {
    Value value = scope.values.lookup(name);
    return value && !isa<NoneType>(value.getType());
  };
  std::vector<std::string> kept;
  for (const std::string &name : options.keptValues)
    if (isThere(name))
      kept.push_back(name);
    else
      problems.add(loc, "--output: no node of the main graph makes a value called '" + name + "'", "");
  if (options.keepsValues)
    for (const NodeProto &node : graph.node())
      llvm::copy_if(node.output(), std::back_inserter(kept), isThere);
  return kept;
}

void Importer::addOutputs(Scope &scope) {
  SmallVector<Value> results;
  SmallVector<Attribute> attributes;
  llvm::StringSet<> seen;
  for (const ValueInfoProto &output : graph.output()) {
    if (!seen.insert(output.name()).second)
      emitWarning(locate(output.name()))
          << "the output is listed twice; assumed: both places of an output get its value";
    FailureOr<Value> value = [&]() -> FailureOr<Value> {
      ErrorCollector errors(&context);
      auto found = lookup(output.name(), scope);
      std::string text = errors.take();
      if (!text.empty())
        problem(output.name(), "output of the graph: " + text);
      return found;
    }();
    if (failed(value) || !*value)
      continue;
    if (isa<NoneType>((*value).getType())) {
      problem(output.name(), "the output of the graph is an absent value");
      continue;
    }
    results.push_back(*value);
    attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.name", b.getStringAttr(output.name()))));
  }
  for (const std::string &name : listKept(scope))
    if (seen.insert(name).second) {
      results.push_back(scope.values.lookup(name));
      attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.name", b.getStringAttr(name))));
    }
  auto ret = func::ReturnOp::create(b, results);
  // Ranks that the run decides are results, too, after all others.
  for (unsigned i = 0; i < results.size(); ++i)
    if (hasRankOfRun(ret.getOperand(i))) {
      Value rank = addRank(ret.getOperand(i));
      ret->insertOperands(ret.getNumOperands(), rank);
      attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.rank_of", b.getI64IntegerAttr(i))));
    }
  function.setType(b.getFunctionType(function.getArgumentTypes(), ret->getOperandTypes()));
  function.setAllResultAttrs(attributes);
}

/// What can be said of nodes only when all is there that uses their results.
void Importer::checkUses() {
  function.walk([&](OnnxBodyInterface op) {
    ErrorCollector errors(&context);
    if (succeeded(op.checkUses()))
      return;
    StringRef type = op->getName().stripDialect();
    auto name = dyn_cast<NameLoc>(op.getLoc());
    problem(name ? name.getName().getValue() : type, type + ": " + errors.take());
  });
}

// ---- Nodes in order ------------------------------------------------------------------------------------------------

static void collectOuterNames(const GraphProto &graph, llvm::StringSet<> &names);

/// Adds the names that a node reads: its inputs, and what graphs in its attributes take from around them.
static void collectReads(const NodeProto &node, llvm::StringSet<> &names) {
  for (const std::string &input : node.input())
    names.insert(input);
  // What is differentiated, and by what, is named in attributes.
  bool isGradient = node.op_type() == "Gradient" && node.domain() == "ai.onnx.preview.training";
  for (const AttributeProto &attribute : node.attribute()) {
    if (isGradient && attribute.has_s())
      names.insert(attribute.s());
    for (const std::string &name : attribute.strings())
      if (isGradient)
        names.insert(name);
    if (node.op_type() == "If") // there it must be the name of a value outside, see buildBody
      for (const ValueInfoProto &input : attribute.g().input())
        names.insert(input.name());
    if (attribute.has_g())
      collectOuterNames(attribute.g(), names);
    for (const GraphProto &inner : attribute.graphs())
      collectOuterNames(inner, names);
  }
}

static void collectOuterNames(const GraphProto &graph, llvm::StringSet<> &names) {
  llvm::StringSet<> reads, own;
  for (const NodeProto &node : graph.node()) {
    collectReads(node, reads);
    for (const std::string &output : node.output())
      own.insert(output);
  }
  for (const ValueInfoProto &input : graph.input())
    own.insert(input.name());
  for (const auto &tensor : graph.initializer())
    own.insert(tensor.name());
  for (const ValueInfoProto &output : graph.output())
    reads.insert(output.name());
  for (StringRef name : reads.keys())
    if (!own.contains(name))
      names.insert(name);
}

static bool isConstant(const NodeProto &node) {
  return node.op_type() == "Constant" && normalizeDomain(node.domain()).empty();
}

/// The nodes that `outputs` depend on, every one after what it depends on, otherwise in their own order.
std::vector<unsigned> Importer::order(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope) {
  llvm::StringMap<unsigned> producer;
  for (auto [index, node] : llvm::enumerate(nodes))
    for (const std::string &output : node.output()) {
      if (output.empty())
        continue;
      auto [it, isNew] = producer.try_emplace(output, index);
      if (!scope.values.count(output) && !scope.hasInitializer(output) && isNew)
        continue;
      // A Constant is an initializer in the clothes of a node: of two with one name the later counts.
      bool wasConstant =
          isNew ? scope.hasInitializer(output) && !scope.values.count(output) : isConstant(nodes[it->second]);
      if (!isConstant(node) || !wasConstant) {
        problem(output, !isNew                         ? "two nodes write this value"
                        : scope.hasInitializer(output) ? "a node writes what is also an initializer"
                                                       : "a node writes what is also an input");
        continue;
      }
      emitWarning(locate(output)) << "two constants have this name; assumed: the later of two constants";
      scope.initializers.erase(output);
      scope.sparseInitializers.erase(output);
      it->second = index;
    }

  std::vector<SmallVector<unsigned, 2>> users(nodes.size());
  std::vector<unsigned> pending(nodes.size()); // how many distinct producers a node still waits for
  std::vector<bool> isNeeded(nodes.size());
  SmallVector<unsigned> work;
  auto need = [&](StringRef name) -> std::optional<unsigned> {
    auto it = producer.find(name);
    if (it == producer.end())
      return std::nullopt;
    if (!isNeeded[it->second]) {
      isNeeded[it->second] = true;
      work.push_back(it->second);
    }
    return it->second;
  };
  for (StringRef output : outputs)
    need(output);
  while (!work.empty()) {
    unsigned index = work.pop_back_val();
    llvm::StringSet<> names;
    collectReads(nodes[index], names);
    for (StringRef name : names.keys())
      if (auto from = need(name)) {
        users[*from].push_back(index);
        ++pending[index];
      }
  }

  std::vector<unsigned> ordered;
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<unsigned>> ready;
  for (unsigned i = 0, n = nodes.size(); i < n; ++i)
    if (isNeeded[i] && pending[i] == 0)
      ready.push(i);
  while (!ready.empty()) {
    unsigned index = ready.top();
    ready.pop();
    pending[index] = ~0u; // done
    ordered.push_back(index);
    for (unsigned user : users[index])
      if (--pending[user] == 0)
        ready.push(user);
  }
  for (unsigned i = 0, n = nodes.size(); i < n; ++i) {
    if (!isNeeded[i] || pending[i] == ~0u)
      continue;
    StringRef name = nodes[i].output_size() ? StringRef(nodes[i].output(0)) : StringRef(nodes[i].name());
    problem(name, "the graph has a cycle: nodes depend on their own results");
    for (const std::string &output : nodes[i].output())
      scope.values.try_emplace(output, Value());
  }
  return ordered;
}

static bool makesRankOfRun(const NodeProto &node, const Scope &scope) {
  return llvm::any_of(node.output(), [&](const std::string &name) {
    Value value = scope.values.lookup(name);
    return value && hasRankOfRun(value);
  });
}

void Importer::build(const Nodes &nodes, ArrayRef<StringRef> outputs, Scope &scope) {
  std::vector<unsigned> remaining = order(nodes, outputs, scope);
  for (size_t next = 0; next < remaining.size() && nodeCount <= options.maxNodes;) {
    unsigned index = remaining[next++];
    buildNode(nodes[index], index, scope);
    if (makesRankOfRun(nodes[index], scope)) {
      remaining = buildInBranches(nodes, index, ArrayRef(remaining).drop_front(next), outputs, scope);
      next = 0;
    }
  }
}

// ---- One node ------------------------------------------------------------------------------------------------------

const FunctionProto *Importer::findFunction(const NodeProto &node) const {
  return functions.lookup(functionKey(node.domain(), node.op_type(), node.overload()));
}

/// "Conv (ai.onnx, opset 11)".
std::string Importer::describe(const NodeProto &node, const Scope &scope) const {
  StringRef domain = normalizeDomain(node.domain());
  std::string text = node.op_type() + " (" + showDomain(domain).str();
  if (auto it = scope.opsets.find(domain); it != scope.opsets.end())
    text += ", opset " + std::to_string(it->second);
  return text + ")";
}

/// "conv1 (float32, float32)": the node and the types it works on.
static std::string describePlace(StringRef name, ArrayRef<Value> operands) {
  auto types = llvm::map_to_vector(operands, [](Value operand) -> std::string {
    auto tensor = operand ? dyn_cast<RankedTensorType>(operand.getType()) : RankedTensorType();
    if (tensor)
      return getElementTypeName(tensor.getElementType());
    if (operand && isa<SequenceType, OptionalType, MapType>(operand.getType()))
      return isa<SequenceType>(operand.getType()) ? "sequence" : isa<MapType>(operand.getType()) ? "map" : "optional";
    return operand ? "none" : "unknown";
  });
  return (name + " (" + llvm::join(types, ", ") + ")").str();
}

Value Importer::none() {
  if (!noneValue) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    noneValue = NoneOp::create(b, b.getNoneType());
    if (!lastConstant)
      lastConstant = noneValue.getDefiningOp();
  }
  return noneValue;
}

/// Constants stand at the start of the function, in the order of their first use.
Value Importer::makeConstant(ElementsAttr elements, Location where) {
  OpBuilder::InsertionGuard guard(b);
  if (lastConstant)
    b.setInsertionPointAfter(lastConstant);
  else
    b.setInsertionPointToStart(&function.front());
  auto constant = ConstantOp::create(static_cast<OpBuilder &>(b), where, elements.getType(), elements);
  lastConstant = constant;
  return constant;
}

/// The value called `name`: null when it could not be built. Failure, after an error, when there is none.
FailureOr<Value> Importer::lookup(StringRef name, Scope &innermost) {
  for (Scope *scope = &innermost; scope; scope = scope->outer) {
    auto it = scope->values.find(name);
    if (it != scope->values.end())
      return it->second;
    auto dense = scope->initializers.lookup(name);
    auto sparse = scope->sparseInitializers.lookup(name);
    if (!dense && !sparse)
      continue;
    Location where = locate(name);
    Value &value = scope->values[name]; // stays null after an error, which is reported once
    ElementsAttr elements;
    std::string text;
    {
      ErrorCollector errors(&context);
      elements = dense ? tensors.read(*dense, name, where) : tensors.read(*sparse, name, where);
      text = errors.take();
    }
    if (!elements)
      return emitError(where) << "initializer '" << name << "': " << text;
    return value = makeConstant(elements, where);
  }
  if (innermost.function)
    return emitError(locate(name)) << "'" << name << "' is not defined in the function";
  return emitError(locate(name)) << "'" << name
                                 << "' is neither an input, nor an initializer, nor the output of a node";
}

void Importer::buildNode(const NodeProto &node, size_t index, Scope &scope) {
  if (nodeCount > options.maxNodes)
    return;
  if (++nodeCount > options.maxNodes)
    return problem(graph.name(),
                   "the model has more than " + Twine(options.maxNodes) + " nodes once functions are inlined");
  std::string name = scope.prefix;
  if (!node.name().empty())
    name += node.name();
  else
    name += node.op_type() + "#" + std::to_string(index) + "->" + (node.output_size() ? node.output(0) : "");
  b.setLoc(locate(name));
  SmallVector<Value> operands, results;
  LogicalResult built = failure();
  std::string text;
  {
    ErrorCollector errors(&context);
    // Trailing absent inputs are no inputs.
    int inputs = node.input_size();
    while (inputs > 0 && node.input(inputs - 1).empty())
      --inputs;
    for (int i = 0; i < inputs; ++i) {
      auto operand = node.input(i).empty() ? FailureOr<Value>(none()) : lookup(node.input(i), scope);
      operands.push_back(succeeded(operand) ? *operand : Value());
    }
    if (const FunctionProto *callee = findFunction(node))
      built = buildCall(node, *callee, operands, scope, results);
    else
      built = buildOperation(node, operands, scope, results);
    text = errors.take();
  }
  auto nodeProblem = [&](const Twine &what) {
    problems.add(b.getLoc(), describe(node, scope) + ": " + what.str(), describePlace(name, operands));
  };
  if (!text.empty())
    nodeProblem(text);
  unbuilt += failed(built);
  for (int i = 0, n = node.output_size(); i < n; ++i) {
    if (node.output(i).empty())
      continue;
    Value result = succeeded(built) && i < static_cast<int>(results.size()) ? results[i] : Value();
    if (succeeded(built) && i >= static_cast<int>(results.size()))
      nodeProblem("it has no output " + Twine(i));
    if (result && failed(checkResult(result, node.output(i), scope)))
      result = {};
    scope.values.try_emplace(node.output(i), result);
  }
}

/// "; did you mean 'Relu'?", or "; Relu is an operator of ai.onnx".
std::string Importer::suggestOperator(StringRef domain, StringRef type) {
  SmallVector<StringRef> own;
  std::string elsewhere;
  auto see = [&](StringRef otherDomain, StringRef name) {
    if (otherDomain == domain)
      own.push_back(name);
    else if (name == type && elsewhere.empty())
      elsewhere = ("; " + type + " is an operator of " + showDomain(otherDomain)).str();
  };
  for (const Domain &other : kDomains)
    for (RegisteredOperationName op : context.getRegisteredOperationsByDialect("onnx"))
      if (StringRef name = op.getStringRef(); name.consume_front(other.prefix) && !name.contains('.'))
        see(other.name, name);
  context.getLoadedDialect<OnnxDialect>()->forEachUpgrade(
      [&](StringRef otherDomain, StringRef name, int64_t) { see(otherDomain, name); });
  return elsewhere.empty() ? suggest(type, own) : elsewhere;
}

/// An attribute that the operator does not have means nothing, unless somebody meant another one by it.
LogicalResult Importer::dropUnknownAttributes(NodeForm &form, RegisteredOperationName op, ArrayRef<StringRef> bodyNames,
                                              const llvm::StringMap<Body> &bodies) {
  SmallVector<StringRef> known(bodyNames), operands;
  for (StringAttr name : op.getAttributeNames())
    known.push_back(name.getValue());
  op.getInterface<OnnxOpInterface>()->getArgumentNames().split(operands, ' ');
  SmallVector<StringRef> unknown;
  for (NamedAttribute attribute : form.attributes)
    if (!llvm::is_contained(known, attribute.getName()))
      unknown.push_back(attribute.getName());
  for (const auto &entry : bodies)
    if (!llvm::is_contained(bodyNames, entry.first()))
      unknown.push_back(entry.first());
  for (StringRef name : unknown) {
    if (llvm::is_contained(operands, name))
      return emitError(b.getLoc()) << "the operator has no attribute '" << name
                                   << "': it is an input since a newer opset";
    if (std::string meant = suggest(name, known); !meant.empty())
      return emitError(b.getLoc()) << "the operator has no attribute '" << name << "'" << meant;
    emitWarning(b.getLoc()) << form.name << " has no attribute '" << name << "'; assumed: '" << name
                            << "' means nothing";
    form.attributes.erase(name);
  }
  return success();
}

/// The version of a domain that the node `type` is written for.
FailureOr<int64_t> Importer::getOpset(StringRef domain, StringRef type, Scope &scope) {
  auto imported = scope.opsets.find(domain);
  if (imported != scope.opsets.end())
    return imported->second;
  // Tools that put their own operators into a model forget the import of their domain. onnxruntime takes the newest.
  const Domain *known = findDomain(domain);
  int64_t newest = known ? known->newest : 1;
  if (!known && context.getLoadedDialect<OnnxDialect>()->getUpgrades(domain, type, newest).empty())
    return emitError(b.getLoc()) << "no opset of the domain " << showDomain(domain) << " is imported"
                                 << suggestOperator(domain, type);
  emitWarning(loc) << "no opset of the domain " << showDomain(domain) << " is imported; assumed: version " << newest
                   << " of " << showDomain(domain);
  return newest;
}

LogicalResult Importer::buildOperation(const NodeProto &node, ArrayRef<Value> operands, Scope &scope,
                                       SmallVectorImpl<Value> &results) {
  StringRef domain = normalizeDomain(node.domain());
  auto version = getOpset(domain, node.op_type(), scope);
  if (failed(version))
    return failure();
  int64_t opset = *version;
  auto upgrades = context.getLoadedDialect<OnnxDialect>()->getUpgrades(domain, node.op_type(), opset);
  auto findOp = [&](StringRef opDomain, StringRef name) -> std::optional<RegisteredOperationName> {
    const Domain *known = findDomain(opDomain);
    if (!known || name.contains('.')) // which would name another domain's operator
      return std::nullopt;
    auto info = RegisteredOperationName::lookup((known->prefix + name).str(), &context);
    auto *interface = info ? info->getInterface<OnnxOpInterface>() : nullptr;
    return interface && interface->getSinceVersion() > 0 ? info : std::nullopt;
  };
  if (upgrades.empty() && !findOp(domain, node.op_type()))
    return emitError(b.getLoc()) << "the operator is not implemented" << suggestOperator(domain, node.op_type());
  NodeForm form{b, domain.str(), node.op_type(), opset, {}, {}, static_cast<size_t>(node.output_size()), {}, {}, 0, {}};
  form.lookup = [&](StringRef name) { return lookup(name, scope); };
  llvm::StringMap<Body> bodies;
  if (failed(convertAttributes(node, scope, form.attributes, bodies)))
    return failure();
  if (llvm::is_contained(operands, Value()))
    return failure(); // for a reason that was reported already
  form.operands.assign(operands.begin(), operands.end());
  for (const auto &entry : bodies)
    form.graphs[entry.first()] = describeGraph(entry.second, entry.first());
  for (OnnxDialect::Upgrade upgrade : upgrades) {
    if (failed(upgrade(form)))
      return failure();
    if (form.results) {
      nodeCount += form.madeCount;
      results.assign(form.results->begin(), form.results->end());
      return success();
    }
  }
  auto info = findOp(form.domain, form.name);
  if (!info)
    return emitError(b.getLoc()) << "the operator is not implemented";

  Arity arity = info->getInterface<OnnxOpInterface>()->getArity();
  if (form.operands.size() > arity.operands && !arity.variadicOperands)
    return emitError(b.getLoc()) << "the node has " << form.operands.size() << " inputs; the operator takes at most "
                                 << arity.operands;
  while (form.operands.size() < arity.operands)
    form.operands.push_back(none());
  if (form.resultCount > arity.results && !arity.variadicResults)
    return emitError(b.getLoc()) << "the node has " << form.resultCount << " outputs; the operator has at most "
                                 << arity.results;
  // The bodies, in the order that the operator has them.
  auto *bodyInterface = info->getInterface<OnnxBodyInterface>();
  ArrayRef<StringRef> names = bodyInterface ? bodyInterface->getBodyNames() : ArrayRef<StringRef>();
  if (failed(dropUnknownAttributes(form, *info, names, bodies)))
    return failure();
  for (StringRef name : names)
    if (!bodies.count(name))
      return emitError(b.getLoc()) << "the attribute '" << name << "' is missing";
  auto chosen = bodyInterface ? bodyInterface->chooseBody(form.operands) : std::nullopt;
  if (!chosen && info->getStringRef() == IfOp::getOperationName())
    chosen = impliedBranch(b.getInsertionBlock(), form.operands[0]);
  for (unsigned branch = 0; branch < 2 && takesAnyBranch && info->getStringRef() == IfOp::getOperationName();
       ++branch) {
    Problems found;
    std::swap(problems, found);
    auto values = buildBody(bodies.lookup(names[branch]), names[branch], {});
    std::swap(problems, found);
    if (succeeded(values)) {
      results.assign(values->begin(), values->end());
      return success();
    }
  }
  if (chosen) {
    Location place = b.getLoc();
    auto values = buildBody(bodies.lookup(names[*chosen]), names[*chosen], {});
    b.setLoc(place);
    if (failed(values))
      return failure();
    results.assign(values->begin(), values->end());
    return success();
  }
  if (info->getStringRef() == LoopOp::getOperationName()) {
    auto values = buildLoop(form.operands, bodies.lookup(names[0]), /*peeled=*/0);
    if (failed(values))
      return failure();
    results = std::move(*values);
    return success();
  }
  size_t resultCount = std::max<size_t>(form.resultCount, arity.results);
  if (bodyInterface)
    resultCount = bodyInterface->countResults(bodies.lookup(names[0]).graph->output_size(), form.operands.size());
  auto fill = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    Location place = b.getLoc();
    for (auto [i, name] : llvm::enumerate(names)) {
      auto arguments = cast<OnnxBodyInterface>(op).getBodyArguments();
      if (failed(arguments) || failed(fillBody(bodies.lookup(name), name, op->getRegion(i), *arguments)))
        return failure();
      b.setLoc(place);
    }
    return success();
  };
  Operation *op =
      makeOp(b, info->getStringRef(), form.operands, form.attributes.getAttrs(), resultCount, names.size(), fill);
  if (!op)
    return failure();
  results.assign(op->result_begin(), op->result_end());
  return success();
}

/// What inference found against what the model says of the value, and against the limits.
LogicalResult Importer::checkResult(Value result, StringRef name, const Scope &scope) {
  if (isa<NoneType>(result.getType())) {
    problem(name, "the operator does not compute this output");
    return failure();
  }
  auto type = dyn_cast<RankedTensorType>(result.getType());
  if (!type)
    return success();
  if (!isBounded(getDims(type), options.maxElements)) {
    problem(name, "the value would have more than " + Twine(options.maxElements) + " elements");
    return failure();
  }
  auto it = declared.find(name);
  if (!scope.isMain() || it == declared.end() || !it->second->has_tensor_type())
    return success();
  int64_t wanted = it->second->tensor_type().elem_type();
  if (wanted && getElementType(&context, wanted) != type.getElementType()) {
    problem(name, "the model declares elements of " + getElementTypeName(wanted) + ", but they are " +
                      getElementTypeName(type.getElementType()));
    return failure();
  }
  checkDeclaredShape(type, name, it->second->tensor_type());
  nameSymbols(result, *it->second);
  return success();
}

/// What exporters declare of values inside of a model often is that of another model, of other sizes.
void Importer::checkDeclaredShape(RankedTensorType type, StringRef name, const TypeProto::Tensor &declared) {
  if (!declared.has_shape())
    return;
  bool fits = declared.shape().dim_size() == type.getRank();
  for (int axis = 0; fits && axis < type.getRank(); ++axis) {
    const auto &dim = declared.shape().dim(axis);
    fits = !dim.has_dim_value() || dim.dim_value() < 0 || type.isDynamicDim(axis) ||
           dim.dim_value() == type.getDimSize(axis);
  }
  if (!fits)
    emitWarning(locate(name))
        << "the model declares another shape than the value has; assumed: shapes as the operators give them";
}

/// Sizes that only the run shows get the names that the model gives them.
void Importer::nameSymbols(Value value, const TypeProto &type) {
  const auto &shape = type.tensor_type().shape();
  Dims dims = getDims(value);
  if (shape.dim_size() != static_cast<int>(dims.size()))
    return;
  auto names = llvm::to_vector(function->getAttrOfType<ArrayAttr>("onnx.symbols").getAsRange<StringAttr>());
  bool changed = false;
  for (auto [dim, info] : llvm::zip_equal(dims, shape.dim())) {
    auto symbol = dyn_cast<AffineSymbolExpr>(dim);
    StringRef name = givenName(info);
    if (!symbol || name.empty() || !names[symbol.getPosition()].empty())
      continue;
    // A name that an input's dimension has already would claim that both are equal.
    if (!symbols.try_emplace(name, symbol.getPosition()).second)
      continue;
    names[symbol.getPosition()] = b.getStringAttr(name);
    changed = true;
  }
  if (changed)
    function->setAttr("onnx.symbols", b.getArrayAttr(SmallVector<Attribute>(names.begin(), names.end())));
}

// ---- Ranks that the run decides ------------------------------------------------------------------------------------

/// The names that `outer` has, and room for more.
static void extend(Scope &inner, Scope &outer) {
  inner.outer = &outer;
  inner.opsets = outer.opsets;
  inner.arguments = outer.arguments;
  inner.bodies = outer.bodies;
  inner.prefix = outer.prefix;
  inner.caller = outer.caller;
  inner.function = outer.function;
  inner.depth = outer.depth;
}

static void forEachPlace(Branch &branch, llvm::function_ref<void(Branch &)> f) {
  if (branch.isPlace())
    f(branch);
  for (auto &part : branch.parts)
    if (part)
      forEachPlace(*part, f);
}

/// The value of a name that is known to be there; null after an error.
static Value valueAt(const Branch &place, StringRef name) {
  for (const Scope *scope = &place.scope; scope; scope = scope->outer)
    if (auto it = scope->values.find(name); it != scope->values.end())
      return it->second;
  return {};
}

/// Whether the value of a name has no type that one operation could use wherever it is made.
static bool differs(Branch &root, StringRef name) {
  Type common;
  bool result = false;
  forEachPlace(root, [&](Branch &place) {
    Value value = valueAt(place, name);
    auto tensor = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
    if (!tensor)
      return;
    auto before = dyn_cast_if_present<RankedTensorType>(common);
    result |= before && (before.getRank() != tensor.getRank() || before.getElementType() != tensor.getElementType());
    common = tensor;
  });
  return result;
}

/// Makes the branches of `op`, which goes to the end of the block, the places that `branch` stands for. `names` are
/// those of its results.
void Importer::openBranches(Branch &branch, IfOp op, ArrayRef<std::pair<StringRef, unsigned>> names) {
  op->moveBefore(b.getInsertionBlock(), b.getInsertionPoint());
  branch.split = op;
  for (unsigned i : {0, 1}) {
    branch.parts[i] = std::make_unique<Branch>();
    Branch &part = *branch.parts[i];
    part.block = &op->getRegion(i).front();
    extend(part.scope, branch.scope);
    if (getOnlyBranch(op) == 1 - i) {
      part.misfit = getMisfit(op).str();
      continue;
    }
    Operation *yield = part.block->getTerminator();
    SmallVector<std::pair<StringRef, unsigned>> inner;
    IfOp again;
    for (auto [name, number] : names) {
      Value value = yield->getOperand(number);
      auto from = hasRankOfRun(value) ? value.getDefiningOp<IfOp>() : IfOp();
      part.scope.values[name] = value;
      if (from && (!again || again == from)) {
        again = from;
        inner.push_back({name, cast<OpResult>(value).getResultNumber()});
      }
    }
    if (again && llvm::all_of(again->getUsers(), [&](Operation *user) { return user == yield; })) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(yield);
      openBranches(part, again, inner);
    }
  }
}

/// Builds a node in every place. Where it can be built in some only, what the others compute fits no run.
void Importer::buildInPlaces(const NodeProto &node, unsigned index, Branch &root) {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Branch *> places, failures;
  forEachPlace(root, [&](Branch &place) { places.push_back(&place); });
  size_t placeCount = places.size();
  Problems first;
  for (Branch *place : places) {
    Problems found;
    std::swap(problems, found);
    b.setInsertionPoint(place->block->getTerminator());
    buildNode(node, index, place->scope);
    std::swap(problems, found);
    if (!found.empty()) {
      place->misfit = found.first();
      if (failures.empty())
        first = std::move(found);
      failures.push_back(place);
      continue;
    }
    IfOp again;
    SmallVector<std::pair<StringRef, unsigned>> names;
    for (const std::string &name : node.output()) {
      Value value = place->scope.values.lookup(name);
      auto from = value && hasRankOfRun(value) ? value.getDefiningOp<IfOp>() : IfOp();
      if (from && from->use_empty() && (!again || again == from)) {
        again = from;
        names.push_back({name, cast<OpResult>(value).getResultNumber()});
      }
    }
    if (!again)
      continue;
    if (++placeCount > kMaxPlaces) {
      for (auto [name, number] : names)
        place->scope.values[name] = {};
      problem(names[0].first, "the run decides the ranks of too many values: more than " + Twine(kMaxPlaces) +
                                  " combinations are not supported; give the sizes that decide them with --dim");
      continue;
    }
    openBranches(*place, again, names);
  }
  if (failures.size() < places.size())
    return;
  problems.add(std::move(first));
  for (Branch *place : failures)
    place->misfit.clear();
}

/// After node `origin` has made values whose rank only the run knows: builds the nodes of `rest` that depend on these
/// values in each branch of the If that makes them, and those that don't before it. Gives the nodes that come after it,
/// in order: their operands have one rank again.
std::vector<unsigned> Importer::buildInBranches(const Nodes &nodes, unsigned origin, ArrayRef<unsigned> rest,
                                                ArrayRef<StringRef> outputs, Scope &scope) {
  OpBuilder::InsertionGuard guard(b);
  Branch root;
  extend(root.scope, scope);
  IfOp op;
  SmallVector<std::pair<StringRef, unsigned>> made;
  llvm::SetVector<StringRef> inside; // names that have a value in each place
  for (const std::string &name : nodes[origin].output())
    if (Value value = scope.values.lookup(name))
      if (auto from = value.getDefiningOp<IfOp>(); from && from->use_empty() && (!op || op == from)) {
        op = from;
        made.push_back({name, cast<OpResult>(value).getResultNumber()});
        inside.insert(name);
      }
  if (!op)
    return rest;
  openBranches(root, op, made);

  std::map<unsigned, llvm::StringSet<>> after; // nodes after the If, and what they read
  llvm::StringMap<unsigned> makers;            // of what these make
  std::function<void(unsigned, const llvm::StringSet<> &)> buildInside = [&](unsigned index,
                                                                             const llvm::StringSet<> &reads) {
    for (StringRef name : reads.keys())
      if (auto maker = makers.find(name); maker != makers.end())
        if (auto node = after.extract(maker->second))
          buildInside(node.key(), node.mapped());
    buildInPlaces(nodes[index], index, root);
    for (const std::string &name : nodes[index].output())
      if (!name.empty())
        inside.insert(name);
  };
  auto needsPlaces = [&](const llvm::StringSet<> &reads) {
    return llvm::any_of(reads.keys(), [&](StringRef name) { return inside.contains(name) && differs(root, name); });
  };
  for (unsigned index : rest) {
    const NodeProto &node = nodes[index];
    llvm::StringSet<> reads;
    collectReads(node, reads);
    if (needsPlaces(reads)) {
      buildInside(index, reads);
      // An If among what it needed may have made other ranks.
      for (auto it = after.begin(); it != after.end();)
        if (needsPlaces(it->second)) {
          auto found = after.extract(it);
          buildInside(found.key(), found.mapped());
          it = after.begin();
        } else {
          ++it;
        }
      continue;
    }
    bool depends =
        llvm::any_of(reads.keys(), [&](StringRef name) { return inside.contains(name) || makers.count(name); });
    if (!depends) {
      b.setInsertionPoint(op);
      buildNode(node, index, scope);
      if (!makesRankOfRun(node, scope))
        continue;
      // That, too, comes after the If, unless what is in its branches needs it.
      for (const std::string &name : node.output()) {
        Operation *maker = scope.values.lookup(name) ? scope.values.lookup(name).getDefiningOp() : nullptr;
        scope.values.erase(name);
        if (maker && isa<IfOp>(maker) && maker->use_empty() &&
            llvm::none_of(node.output(), [&](const std::string &other) {
              return scope.values.lookup(other) && scope.values.lookup(other).getDefiningOp() == maker;
            }))
          maker->erase();
      }
    }
    for (const std::string &name : node.output())
      makers[name] = index;
    after.try_emplace(index, std::move(reads));
  }

  std::vector<unsigned> remaining;
  llvm::StringSet<> needed;
  for (StringRef name : outputs)
    needed.insert(name);
  for (unsigned index : rest)
    if (auto it = after.find(index); it != after.end()) {
      remaining.push_back(index);
      for (StringRef name : it->second.keys())
        needed.insert(name);
    }
  SmallVector<StringRef> names;
  for (StringRef name : inside)
    if (needed.contains(name))
      names.push_back(name);
  std::string text;
  {
    ErrorCollector errors(&context);
    auto values = closeBranches(root, names);
    text = errors.take();
    for (StringRef name : inside)
      scope.values[name] = {};
    for (auto [i, name] : llvm::enumerate(names))
      if (succeeded(values) && succeeded(checkResult((*values)[i], name, scope)))
        scope.values[name] = (*values)[i];
  }
  if (!text.empty())
    problems.add(locate(names.empty() ? StringRef() : names[0]), "If: " + text, nodes[origin].name());
  return remaining;
}

/// Ends `branch`: its values of these names become the results of its If. Failure was reported.
FailureOr<SmallVector<Value>> Importer::closeBranches(Branch &branch, ArrayRef<StringRef> names) {
  bool failed = false;
  for (auto &part : branch.parts) {
    SmallVector<Value> values;
    if (part->split) {
      auto inner = closeBranches(*part, names);
      failed |= mlir::failed(inner);
      if (succeeded(inner))
        values = std::move(*inner);
    } else if (part->misfit.empty()) {
      for (StringRef name : names)
        values.push_back(valueAt(*part, name));
      failed |= llvm::is_contained(values, Value());
    }
    if (failed)
      return failure();
    Operation *yield = part->block->getTerminator();
    yield->setOperands(values);
    if (!part->misfit.empty())
      while (&part->block->front() != yield)
        std::prev(yield->getIterator())->erase();
  }
  for (unsigned i : {0, 1})
    if (!branch.parts[i]->misfit.empty()) {
      setOnlyBranch(branch.split, 1 - i, branch.parts[i]->misfit);
      branch.misfit = branch.parts[0]->misfit.empty() || branch.parts[1]->misfit.empty() ? "" : branch.parts[i]->misfit;
    }
  if (!branch.misfit.empty()) { // for the If around this one
    branch.split->erase();
    branch.split = {};
    return SmallVector<Value>();
  }
  branch.split = remake(branch.split);
  if (!branch.split)
    return failure();
  return SmallVector<Value>(branch.split->getResults());
}

/// The same If with what its branches yield now. Null after an error, which was reported.
IfOp Importer::remake(IfOp op) {
  b.setInsertionPoint(op);
  b.setLoc(op.getLoc());
  size_t count = 0;
  for (Region &region : op->getRegions())
    count = std::max<size_t>(count, region.front().getTerminator()->getNumOperands());
  auto fill = [&](Operation *made) {
    for (auto [to, from] : llvm::zip_equal(made->getRegions(), op->getRegions()))
      to.takeBody(from);
    return success();
  };
  auto made =
      cast_or_null<IfOp>(makeOp(b, IfOp::getOperationName(), op->getOperands(), op->getAttrs(), count, 2, fill));
  if (!made)
    return {};
  for (auto [before, now] : llvm::zip(op->getResults(), made->getResults()))
    before.replaceAllUsesWith(now);
  op->erase();
  b.setInsertionPointAfter(made);
  return made;
}

/// A scalar that holds the rank of `value`, which the run decides: another result of the If that `value` comes from.
Value Importer::addRank(Value value) {
  OpBuilder::InsertionGuard guard(b);
  auto op = value.getDefiningOp<IfOp>();
  unsigned number = cast<OpResult>(value).getResultNumber();
  for (Region &region : op->getRegions()) {
    Operation *yield = region.front().getTerminator();
    if (yield->getNumOperands() == 0) // the end of the run
      continue;
    Value rank;
    if (hasRankOfRun(yield->getOperand(number))) {
      rank = addRank(yield->getOperand(number));
    } else {
      int64_t known = cast<RankedTensorType>(yield->getOperand(number).getType()).getRank();
      rank = makeConstant(DenseElementsAttr::get(RankedTensorType::get({}, b.getI64Type()), known), op.getLoc());
    }
    yield->insertOperands(yield->getNumOperands(), rank);
  }
  return remake(op)->getResults().back();
}

// ---- Attributes ----------------------------------------------------------------------------------------------------

/// Models of the first IR versions leave the type out: it is that of the field which is there.
static int attributeType(const AttributeProto &a) {
  if (a.type() != AttributeProto::UNDEFINED)
    return a.type();
  return a.has_f()               ? AttributeProto::FLOAT
         : a.has_i()             ? AttributeProto::INT
         : a.has_s()             ? AttributeProto::STRING
         : a.has_t()             ? AttributeProto::TENSOR
         : a.has_g()             ? AttributeProto::GRAPH
         : a.floats_size()       ? AttributeProto::FLOATS
         : a.ints_size()         ? AttributeProto::INTS
         : a.strings_size()      ? AttributeProto::STRINGS
         : a.has_sparse_tensor() ? AttributeProto::SPARSE_TENSOR
         : a.tensors_size()      ? AttributeProto::TENSORS
         : a.graphs_size()       ? AttributeProto::GRAPHS
         : a.has_tp()            ? AttributeProto::TYPE_PROTO
                                 : AttributeProto::UNDEFINED;
}

/// Null for a reference to an attribute that the call of the function leaves out.
FailureOr<Attribute> Importer::convertAttribute(const AttributeProto &a, Scope &scope) {
  if (!a.ref_attr_name().empty()) {
    if (!scope.function)
      return emitError(b.getLoc()) << "the attribute '" << a.name()
                                   << "' refers to an attribute of a function, but is not in one";
    return scope.arguments.lookup(a.ref_attr_name());
  }
  switch (attributeType(a)) {
  case AttributeProto::FLOAT:
    return Attribute(b.getF32FloatAttr(a.f()));
  case AttributeProto::INT:
    return Attribute(b.getIntegerAttr(b.getIntegerType(64, /*isSigned=*/true), a.i()));
  case AttributeProto::STRING:
    return Attribute(b.getStringAttr(a.s()));
  case AttributeProto::FLOATS:
    return Attribute(b.getDenseF32ArrayAttr(ArrayRef<float>(a.floats().data(), a.floats_size())));
  case AttributeProto::INTS:
    return Attribute(b.getDenseI64ArrayAttr(SmallVector<int64_t>(a.ints().begin(), a.ints().end())));
  case AttributeProto::STRINGS: {
    if (llvm::any_of(a.strings(), [](StringRef text) { return text.contains('\0'); }))
      emitWarning(b.getLoc()) << "a string of '" << a.name()
                              << "' contains a zero byte; assumed: zero bytes in text are the bytes "
                              << "C0 80";
    return Attribute(b.getArrayAttr(llvm::map_to_vector(
        a.strings(), [&](StringRef text) -> Attribute { return b.getStringAttr(encodeZeroBytes(text)); })));
  }
  case AttributeProto::UNDEFINED:
    emitWarning(b.getLoc()) << "the attribute '" << a.name() << "' has neither a type nor a value; assumed: '"
                            << a.name() << "' is left out";
    return Attribute();
  case AttributeProto::TENSOR:
  case AttributeProto::SPARSE_TENSOR: {
    StringRef name = a.t().name().empty() ? "constant" : StringRef(a.t().name());
    ElementsAttr elements = attributeType(a) == AttributeProto::TENSOR
                                ? tensors.read(a.t(), name, b.getLoc())
                                : tensors.read(a.sparse_tensor(), name, b.getLoc());
    if (!elements)
      return failure();
    return Attribute(elements);
  }
  case AttributeProto::TYPE_PROTO: {
    Type type = convertType(a.tp());
    if (!type)
      return failure();
    return Attribute(TypeAttr::get(type));
  }
  default:
    return emitError(b.getLoc()) << "the attribute '" << a.name() << "' has a type that is not supported ("
                                 << attributeType(a) << ")";
  }
}

/// Graphs go to `bodies`.
LogicalResult Importer::convertAttributes(const NodeProto &node, Scope &scope, NamedAttrList &attributes,
                                          llvm::StringMap<Body> &bodies) {
  llvm::StringSet<> seen;
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.name().empty())
      return emitError(b.getLoc()) << "an attribute has no name";
    if (!seen.insert(attribute.name()).second)
      return emitError(b.getLoc()) << "the attribute '" << attribute.name() << "' is given twice";
    if (auto body = scope.bodies.find(attribute.ref_attr_name()); body != scope.bodies.end()) {
      bodies[attribute.name()] = body->second;
      continue;
    }
    if (attribute.ref_attr_name().empty() && attributeType(attribute) == AttributeProto::GRAPH) {
      bodies[attribute.name()] = {&attribute.g(), &scope};
      continue;
    }
    auto converted = convertAttribute(attribute, scope);
    if (failed(converted))
      return failure();
    if (*converted)
      attributes.append(attribute.name(), *converted);
  }
  return success();
}

// ---- Bodies --------------------------------------------------------------------------------------------------------

/// `inner` becomes the scope of what the present node, in `outer`, contains or calls.
LogicalResult Importer::enter(Scope &inner, const Scope &outer, StringRef name) {
  if (outer.depth >= options.maxDepth)
    return emitError(b.getLoc()) << "functions and bodies are nested more than " << options.maxDepth << " deep";
  inner.depth = outer.depth + 1;
  inner.prefix = cast<NameLoc>(b.getLoc()).getName().str() + "/" + name.str();
  if (inner.prefix.size() > 1024) // names must not grow without bound
    inner.prefix = "...";
  return success();
}

/// Builds the nodes of a graph here; gives its outputs.
/// `partly` gets those that could be built (null: could not), also after a failure.
FailureOr<SmallVector<Value>> Importer::buildBody(Body body, StringRef name, ValueRange arguments,
                                                  SmallVectorImpl<Value> *partly) {
  const GraphProto &graph = *body.graph;
  Scope scope;
  if (failed(enter(scope, *body.scope, (name + "/").str())))
    return failure();
  scope.outer = body.scope;
  scope.caller = body.scope->caller;
  scope.function = body.scope->function;
  scope.arguments = body.scope->arguments;
  scope.bodies = body.scope->bodies;
  scope.opsets = body.scope->opsets;
  collectInitializers(graph, scope);
  size_t count = 0;
  for (const ValueInfoProto &input : graph.input()) {
    if (scope.hasInitializer(input.name()))
      continue;
    // Some exporters list what a branch takes from outside as inputs, too.
    if (count == arguments.size()) {
      if (failed(lookup(input.name(), *body.scope)))
        return failure();
      continue;
    }
    if (!scope.values.try_emplace(input.name(), arguments[count++]).second)
      return emitError(b.getLoc()) << "two inputs of '" << name << "' are called '" << input.name() << "'";
  }
  if (count != arguments.size()) {
    auto hidden = llvm::find_if(graph.input(), [&](auto &input) { return scope.hasInitializer(input.name()); });
    InFlightDiagnostic error = emitError(b.getLoc()) << "'" << name << "' has " << count
                                                     << " inputs where the operator gives " << arguments.size();
    if (hidden != graph.input().end())
      error << ": its input '" << hidden->name() << "' is also an initializer of it, and so takes no value";
    return error;
  }
  SmallVector<StringRef> outputs;
  for (const ValueInfoProto &output : graph.output())
    outputs.push_back(output.name());
  outputs.append(options.keptValues.begin(), options.keptValues.end());
  build(graph.node(), outputs, scope);
  SmallVector<Value> values;
  for (StringRef output : outputs) {
    auto value = lookup(output, scope);
    values.push_back(succeeded(value) ? *value : Value());
  }
  if (partly)
    partly->assign(values.begin(), values.end());
  if (llvm::is_contained(values, Value()))
    return failure(); // which was reported
  return values;
}

/// A graph as an upgrade of its node sees it.
NodeGraph Importer::describeGraph(Body body, StringRef name) {
  NodeGraph graph;
  graph.build = [this, body, name = name.str()](ValueRange arguments) {
    Location place = b.getLoc();
    auto values = buildBody(body, name, arguments);
    b.setLoc(place);
    return values;
  };
  llvm::StringSet<> defaults;
  for (const auto &tensor : body.graph->initializer())
    defaults.insert(tensor.name());
  ErrorCollector errors(&context); // what is declared badly counts as not declared
  for (const ValueInfoProto &input : body.graph->input())
    if (!defaults.contains(input.name()))
      graph.inputs.push_back({input.name(), input.has_type() ? convertType(input.type()) : Type()});
  graph.outputCount = body.graph->output_size();
  (void)errors.take();
  return graph;
}

LogicalResult Importer::fillBody(Body body, StringRef name, Region &region, TypeRange arguments) {
  Location place = b.getLoc();
  SmallVector<Type> types(arguments);
  // What a sequence gets that starts empty, the body's declaration may tell before the body is built.
  llvm::StringSet<> defaults;
  for (const auto &tensor : body.graph->initializer())
    defaults.insert(tensor.name());
  unsigned next = 0;
  for (const ValueInfoProto &input : body.graph->input()) {
    if (next == types.size())
      break;
    if (defaults.contains(input.name()))
      continue;
    Type &type = types[next++];
    auto sequence = dyn_cast<SequenceType>(type);
    const TypeProto &item = input.type().sequence_type().elem_type();
    if (sequence && sequence.getIsEmpty() && item.tensor_type().has_shape() &&
        getElementType(&context, item.tensor_type().elem_type()))
      if (Type joined = onnx::join(type, convertType(input.type(), 0)))
        type = joined;
  }
  Problems before;
  std::swap(problems, before);
  uint64_t nodesBefore = nodeCount;
  SmallVector<Value> made;
  auto attempt = [&] {
    Block *block = b.createBlock(&region, {}, types, SmallVector<Location>(types.size(), place));
    auto values = buildBody(body, name, block->getArguments(), &made);
    b.setLoc(place);
    return values;
  };
  auto values = attempt();
  // Else the body itself tells, by what it puts into the sequence: it is built again with that.
  auto learn = [&] {
    bool learned = false;
    for (unsigned i = 1; i < made.size() && i + 1 < types.size(); ++i) {
      auto empty = dyn_cast<SequenceType>(types[i + 1]);
      auto filled = made[i] ? dyn_cast<SequenceType>(made[i].getType()) : SequenceType();
      if (!empty || !empty.getIsEmpty() || !filled || filled.getIsEmpty())
        continue;
      types[i + 1] = filled;
      learned = true;
    }
    return learned;
  };
  bool startsEmpty = llvm::any_of(types, [](Type type) {
    auto sequence = dyn_cast<SequenceType>(type);
    return sequence && sequence.getIsEmpty();
  });
  if (failed(values) && startsEmpty) {
    Problems found;
    std::swap(problems, found);
    bool learned = learn();
    if (!learned) {
      llvm::SaveAndRestore guessing(takesAnyBranch, true);
      region.front().erase();
      (void)attempt();
      learned = learn();
    }
    problems = std::move(found);
    if (learned) {
      region.front().erase();
      problems = {};
      nodeCount = nodesBefore;
      values = attempt();
    }
  }
  before.add(problems);
  problems = std::move(before);
  if (succeeded(values))
    YieldOp::create(b, *values);
  return success(succeeded(values));
}

/// A Loop. Where a carried value has another rank after the first round than before it, that round stands before the
/// Loop, in a branch that runs where there is one: then the Loop hands on what it gets. `peeled` rounds stand there
/// already.
FailureOr<SmallVector<Value>> Importer::buildLoop(ArrayRef<Value> operands, Body body, unsigned peeled) {
  constexpr StringLiteral name = "body";
  constexpr unsigned mostPeeled = 4;
  Location place = b.getLoc();
  auto scalar = [&](int64_t value, unsigned width) -> Value {
    Type element = b.getIntegerType(width);
    return makeConstant(DenseElementsAttr::get(RankedTensorType::get({}, element), b.getIntegerAttr(element, value)),
                        place);
  };
  bool changesRank = false;
  auto fill = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    auto arguments = cast<OnnxBodyInterface>(op).getBodyArguments();
    Region &region = op->getRegion(0);
    if (failed(arguments) || failed(fillBody(body, name, region, *arguments)))
      return failure();
    Block &block = region.front();
    if (peeled) {
      b.setInsertionPointToStart(&block);
      auto number = make<AddOp>(b, {block.getArgument(0), scalar(peeled, 64)});
      block.getArgument(0).replaceAllUsesExcept(number, number);
    }
    for (auto [before, after] :
         llvm::zip(block.getArguments().drop_front(2), block.getTerminator()->getOperands().drop_front(1))) {
      auto from = dyn_cast<RankedTensorType>(before.getType()), to = dyn_cast<RankedTensorType>(after.getType());
      changesRank |= from && to && (from.getRank() != to.getRank() || hasRankOfRun(after));
    }
    return success(!changesRank || peeled == mostPeeled);
  };
  size_t resultCount = LoopOp::countResults(body.graph->output_size(), operands.size());
  if (Operation *op = makeOp(b, LoopOp::getOperationName(), operands, {}, resultCount, 1, fill))
    return SmallVector<Value>(op->getResults());
  b.setLoc(place);
  if (!changesRank || peeled == mostPeeled)
    return failure();

  bool isLimited = !isa<NoneType>(operands[0].getType()), hasCondition = !isa<NoneType>(operands[1].getType());
  Value enters = hasCondition ? operands[1] : scalar(1, 1);
  if (isLimited) {
    auto another = make<GreaterOp>(b, {operands[0], scalar(0, 64)});
    auto both = another ? make<AndOp>(b, {enters, another.getResult()}) : AndOp();
    if (!both)
      return failure();
    enters = both.getResult();
  }
  size_t states = operands.size() - 2;
  SmallVector<Value> slices;
  auto buildRound = [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> arguments{scalar(peeled, 64), scalar(1, 1)};
    llvm::append_range(arguments, operands.drop_front(2));
    auto made = buildBody(body, name, arguments);
    b.setLoc(place);
    if (failed(made))
      return failure();
    slices.assign(made->begin() + 1 + states, made->end());
    SmallVector<Value> next{none(), made->front()};
    if (isLimited) {
      auto fewer = make<SubOp>(b, {operands[0], scalar(1, 64)});
      if (!fewer)
        return failure();
      next[0] = fewer.getResult();
    }
    next.append(made->begin() + 1, made->begin() + 1 + states);
    auto rest = buildLoop(next, body, peeled + 1);
    if (failed(rest))
      return failure();
    for (auto [slice, stack] : llvm::zip_equal(slices, MutableArrayRef(*rest).drop_front(states))) {
      auto first = make<UnsqueezeOp>(b, {slice, scalar(0, 64)});
      auto whole = first ? make<ConcatOp>(b, {first.getResult(), stack},
                                          b.getNamedAttr("axis", b.getIntegerAttr(b.getIntegerType(64, true), 0)))
                         : ConcatOp();
      if (!whole)
        return failure();
      stack = whole.getResult();
    }
    return rest;
  };
  auto buildNothing = [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> values(operands.drop_front(2));
    for (Value slice : slices) {
      auto type = cast<RankedTensorType>(slice.getType());
      SmallVector<int64_t> sizes{0};
      for (AffineExpr dim : getDims(type))
        sizes.push_back(getConstant(dim).value_or(0));
      values.push_back(makeConstant(
          DenseElementsAttr::get(RankedTensorType::get(sizes, type.getElementType()), ArrayRef<Attribute>()), place));
    }
    return values;
  };
  if (auto known = knownBranch(enters); known == 0u)
    return buildRound();
  auto fillBranches = [&](Operation *op) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    for (unsigned branch : {0, 1}) {
      b.createBlock(&op->getRegion(branch));
      auto values = branch == 0 ? buildRound() : buildNothing();
      b.setLoc(place);
      if (failed(values))
        return failure();
      YieldOp::create(b, *values);
    }
    return success();
  };
  Operation *op = makeOp(b, IfOp::getOperationName(), enters, {}, resultCount, 2, fillBranches);
  b.setLoc(place);
  if (!op)
    return failure();
  return SmallVector<Value>(op->getResults());
}

// ---- Functions -----------------------------------------------------------------------------------------------------

/// A call of a function of the model is replaced by the nodes of its body.
LogicalResult Importer::buildCall(const NodeProto &node, const FunctionProto &callee, ArrayRef<Value> operands,
                                  Scope &scope, SmallVectorImpl<Value> &results) {
  for (const Scope *outer = &scope; outer; outer = outer->caller)
    if (outer->function == &callee)
      return emitError(b.getLoc()) << "the function calls itself";
  if (static_cast<int>(operands.size()) > callee.input_size())
    return emitError(b.getLoc()) << "the node has " << operands.size() << " inputs; the function takes "
                                 << callee.input_size();
  Scope body;
  body.caller = &scope;
  body.function = &callee;
  if (failed(enter(body, scope, "")) || failed(readOpsets(callee.opset_import(), body, b.getLoc())))
    return failure();
  for (auto &entry : scope.opsets) // a body without its own imports means the model's
    body.opsets.try_emplace(entry.first(), entry.second);

  NamedAttrList arguments;
  if (failed(convertAttributes(node, scope, arguments, body.bodies)))
    return failure();
  for (NamedAttribute argument : arguments)
    body.arguments[argument.getName()] = argument.getValue();
  for (const AttributeProto &byDefault : callee.attribute_proto())
    if (!body.arguments.count(byDefault.name()) && !body.bodies.count(byDefault.name())) {
      auto converted = convertAttribute(byDefault, scope);
      if (failed(converted))
        return failure();
      body.arguments[byDefault.name()] = *converted;
    }
  for (int i = 0; i < callee.input_size(); ++i)
    body.values[callee.input(i)] = i < static_cast<int>(operands.size()) ? operands[i] : none();

  Location call = b.getLoc();
  SmallVector<StringRef> outputs(callee.output().begin(), callee.output().end());
  build(callee.node(), outputs, body);
  b.setLoc(call);
  for (StringRef output : outputs) {
    auto value = lookup(output, body);
    results.push_back(succeeded(value) ? *value : Value());
  }
  return success();
}

// ---- One name for different sizes ----------------------------------------------------------------------------------

llvm::StringMap<std::string> Importer::findContradictions() {
  llvm::StringMap<std::string> found;
  for (auto [output, type] : llvm::zip(graph.output(), function.getResultTypes())) {
    const auto &shape = output.type().tensor_type().shape();
    if (!isa<RankedTensorType>(type) || shape.dim_size() != static_cast<int>(getDims(type).size()))
      continue;
    for (auto [dim, info] : llvm::zip_equal(getDims(type), shape.dim())) {
      // A size that only the run knows may well be the one of that name.
      auto symbol = symbols.find(givenName(info));
      if (symbol != symbols.end() && !isa<AffineSymbolExpr>(dim))
        found.try_emplace(symbol->first(), output.name());
    }
  }
  return found;
}

OtherSymbols Importer::joinWhatMeets() {
  // Symbols of one name, each with the one that it is joined with.
  DenseMap<AffineExpr, AffineExpr> joined;
  auto rootOf = [&](AffineExpr symbol) {
    while (joined.contains(symbol) && joined[symbol] != symbol)
      symbol = joined[symbol];
    return symbol;
  };
  llvm::StringMap<SmallVector<std::pair<std::string, AffineExpr>>> places; // by the name that the model gives
  DenseMap<AffineExpr, StringRef> names;
  for (const ValueInfoProto &input : graph.input())
    for (int axis = 0; axis < input.type().tensor_type().shape().dim_size(); ++axis) {
      auto other = otherSymbols.find(placeOf(input.name(), axis));
      auto symbol = symbols.find(other == otherSymbols.end() ? dimName(input, axis) : other->second);
      if (symbol == symbols.end())
        continue;
      AffineExpr expr = getAffineSymbolExpr(symbol->second, &context);
      auto &entry = *places.try_emplace(dimName(input, axis)).first;
      entry.second.emplace_back(placeOf(input.name(), axis), expr);
      names.try_emplace(expr, entry.first());
      joined.try_emplace(expr, expr);
    }
  auto meet = [&](AffineExpr a, AffineExpr b) {
    auto x = names.find(a), y = names.find(b);
    if (x != names.end() && y != names.end() && x->second == y->second)
      joined[rootOf(a)] = rootOf(b);
  };
  function.walk([&](Operation *op) {
    if (!op->hasTrait<Broadcasts>())
      return;
    SmallVector<Dims> shapes;
    for (Type type : op->getOperandTypes())
      if (isa<RankedTensorType>(type)) {
        shapes.push_back(getDims(type));
        for (const Dims &before : ArrayRef(shapes).drop_back())
          for (auto [a, z] : llvm::zip(llvm::reverse(before), llvm::reverse(shapes.back())))
            meet(a, z);
      }
  });
  OtherSymbols result;
  for (const auto &entry : places) {
    AffineExpr first = rootOf(entry.second.front().second);
    DenseMap<AffineExpr, std::string> called{{first, entry.first().str()}};
    for (const auto &[place, symbol] : entry.second) {
      auto name = called.try_emplace(rootOf(symbol), place).first;
      if (name->second != entry.first())
        result[place] = name->second;
    }
  }
  return result;
}

/// Some exporters give one name to sizes that differ. Where an output contradicts it, the dimensions of that name are
/// let differ, but for those that the model broadcasts with each other.
static OwningOpRef<ModuleOp> buildWithOtherSymbols(const ModelProto &model, TensorReader &tensors, MLIRContext &context,
                                                   Location loc, const ImportOptions &options,
                                                   const llvm::StringMap<std::string> &contradictions) {
  OtherSymbols others;
  llvm::StringSet<> seen;
  for (const ValueInfoProto &input : model.graph().input())
    for (int axis = 0; axis < input.type().tensor_type().shape().dim_size(); ++axis)
      if (std::string name = dimName(input, axis); contradictions.contains(name) && !seen.insert(name).second)
        others[placeOf(input.name(), axis)] = placeOf(input.name(), axis);
  if (others.empty())
    return {};
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  Importer apart(model, tensors, context, loc, options, others);
  OwningOpRef<ModuleOp> module = apart.run(nullptr);
  if (!module)
    return {};
  others = apart.joinWhatMeets();
  return others.empty() ? OwningOpRef<ModuleOp>()
                        : Importer(model, tensors, context, loc, options, others).run(nullptr);
}

OwningOpRef<ModuleOp> onnxc::buildModule(const ModelProto &model, TensorReader &tensors, MLIRContext &context,
                                         Location loc, const ImportOptions &options, bool *isUnsupported,
                                         size_t *unbuilt) {
  context.loadDialect<OnnxDialect, func::FuncDialect>();
  Importer importer(model, tensors, context, loc, options);
  OwningOpRef<ModuleOp> module = importer.run(isUnsupported);
  if (unbuilt)
    *unbuilt = importer.getUnbuilt();
  auto contradictions = module ? importer.findContradictions() : llvm::StringMap<std::string>();
  if (contradictions.empty())
    return module;
  OwningOpRef<ModuleOp> other = buildWithOtherSymbols(model, tensors, context, loc, options, contradictions);
  if (!other)
    return module;
  for (const auto &entry : contradictions)
    emitWarning(NameLoc::get(StringAttr::get(&context, entry.second)))
        << "the model calls the size of this output '" << entry.first()
        << "', as that of inputs, but it is another; assumed: inputs' dimensions of that name may differ";
  return other;
}
