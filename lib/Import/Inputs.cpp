//===- lib/Import/Inputs.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The inputs and initializers of the model: their types, and the symbols of their sizes.
#include "dialects/onnx/support/ElementTypes.h"
#include "lib/Import/Importer.h"
#include "lib/Import/NearMiss.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::GraphProto;
using proto::TypeProto;
using proto::ValueInfoProto;

static constexpr int kMaxTypeDepth = 4; // optional(sequence(map(tensor)))

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

/// Names are identifiers (specification, IR.md, "Names Within a
/// Graph"): exporters that write "?" in several places don't mean that these are equal.
StringRef onnxc::givenName(const proto::TensorShapeProto::Dimension &dim) {
  return llvm::any_of(dim.dim_param(), llvm::isAlpha) ? StringRef(dim.dim_param()) : StringRef();
}

std::string onnxc::dimName(const ValueInfoProto &input, int axis) {
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

std::string onnxc::placeOf(StringRef input, int axis) { return (input + "_" + Twine(axis)).str(); }

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

bool onnxc::isBounded(ArrayRef<AffineExpr> dims, int64_t limit) {
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
  SmallVector<Attribute> attributes;
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
    attributes.push_back(b.getDictionaryAttr(b.getNamedAttr("onnx.name", b.getStringAttr(input.name()))));
  }
  function.setType(b.getFunctionType(entry.getArgumentTypes(), {}));
  function.setAllArgAttrs(attributes);
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
