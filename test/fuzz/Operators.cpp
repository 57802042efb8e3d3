//===- test/fuzz/Operators.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Models of one or two operators. See Operators.h.
#include "test/fuzz/Operators.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using namespace fuzz;
using proto::AttributeProto;
using proto::TensorProto;

static constexpr int kElementTypes[] = {TensorProto::FLOAT,        TensorProto::INT64,    TensorProto::BOOL,
                                        TensorProto::UINT8,        TensorProto::INT8,     TensorProto::INT32,
                                        TensorProto::UINT32,       TensorProto::FLOAT16,  TensorProto::BFLOAT16,
                                        TensorProto::FLOAT8E4M3FN, TensorProto::COMPLEX64};

/// Whether the verifier has no complaint about operand `types.size() - 1`, the last one whose type is given. It
/// complains about the first wrong one: those before it must be right.
static bool acceptsLast(RegisteredOperationName info, ArrayRef<Type> types, Arity arity, DictionaryAttr attributes) {
  MLIRContext *context = info.getContext();
  std::string complaint = "operand #" + std::to_string(types.size() - 1) + " ", complaints;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    complaints += diagnostic.str();
    return success();
  });
  Block block;
  OpBuilder b(context);
  OperationState state(UnknownLoc::get(context), info.getStringRef());
  for (unsigned k = 0; k < arity.operands; ++k)
    state.operands.push_back(block.addArgument(k < types.size() ? types[k] : Type(b.getNoneType()), state.location));
  state.addAttributes(attributes.getValue());
  state.addTypes(SmallVector<Type>(arity.results, RankedTensorType::get({}, b.getF32Type())));
  Operation *op = Operation::create(state);
  (void)info.verifyInvariants(op);
  op->destroy();
  return !StringRef(complaints).contains(complaint);
}

std::vector<Operator> fuzz::describeOperators(MLIRContext &context) {
  std::vector<Operator> operators;
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
  Builder b(&context);
  Type i64 = b.getIntegerType(64, /*isSigned=*/true);
  auto vector = RankedTensorType::get({1}, b.getF32Type());
  const std::pair<int, Attribute> kinds[] = {
      {AttributeProto::INT, IntegerAttr::get(i64, 1)},
      {AttributeProto::FLOAT, b.getF32FloatAttr(1)},
      {AttributeProto::STRING, b.getStringAttr("")},
      {AttributeProto::INTS, b.getDenseI64ArrayAttr({1})},
      {AttributeProto::FLOATS, b.getDenseF32ArrayAttr({1})},
      {AttributeProto::STRINGS, b.getStrArrayAttr({"a"})},
      {AttributeProto::TENSOR, DenseElementsAttr::get(vector, 1.0f)},
  };
  for (RegisteredOperationName info : context.getRegisteredOperationsByDialect("onnx")) {
    if (!info.hasInterface<OnnxOpInterface>())
      continue;
    Arity arity = info.getInterface<OnnxOpInterface>()->getArity();
    Operator op{info.stripDialect().str(), arity.operands, arity.results, arity.variadicOperands, {}, {}};
    NamedAttrList attributes;
    for (StringAttr name : info.getAttributeNames())
      for (auto [kind, example] : kinds) {
        NamedAttrList one;
        one.set(name, example);
        if (succeeded(info.verifyInherentAttrs(one, [&] { return emitError(UnknownLoc::get(&context)); }))) {
          op.attributes[name.str()] = kind;
          attributes.set(name, example);
          break;
        }
      }
    SmallVector<Type> right;
    for (unsigned i = 0; i < arity.operands; ++i) {
      std::vector<int> types;
      auto isAccepted = [&](Type type) {
        right.resize(i + 1);
        right[i] = type;
        return acceptsLast(info, right, arity, attributes.getDictionary(&context));
      };
      auto tensor = [&](int type) { return RankedTensorType::get({2}, getElementType(&context, type)); };
      for (int type : kElementTypes)
        if (isAccepted(tensor(type)))
          types.push_back(type);
      if (isAccepted(b.getNoneType()))
        types.push_back(0);
      right[i] = types.empty() ? Type(b.getNoneType()) : types[0] ? Type(tensor(types[0])) : b.getNoneType();
      op.operandTypes.push_back(types);
    }
    operators.push_back(op);
  }
  llvm::sort(operators, [](const Operator &a, const Operator &b) { return a.name < b.name; });
  return operators;
}

// ---- Models --------------------------------------------------------------------------------------------------------

static int64_t smallInteger(Random &random) { return choose<int64_t>(random, {1, 1, 2, 2, 3, 0, -1, 4}); }
static int64_t anyInteger(Random &random) { return pick(random, 8) ? smallInteger(random) : nastyInteger(random); }

static void setAttribute(AttributeProto &attribute, const std::string &name, int kind, size_t rank, Random &random) {
  attribute.set_name(name);
  if (pick(random, 20) == 0)
    kind = 1 + pick(random, 8);
  attribute.set_type(static_cast<AttributeProto::AttributeType>(kind));
  size_t length = choose<size_t>(random, {rank, rank, rank > 2 ? rank - 2 : 1, rank > 2 ? 2 * rank - 4 : 2, 0, 1, 2});
  bool isPermutation = pick(random, 3) == 0;
  switch (kind) {
  case AttributeProto::INT:
    attribute.set_i(anyInteger(random));
    return;
  case AttributeProto::FLOAT:
    attribute.set_f(choose(random, {0.0f, 1.0f, 0.5f, -1.0f, 1e38f, std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::quiet_NaN()}));
    return;
  case AttributeProto::STRING:
    attribute.set_s(
        choose<std::string>(random, {"",          "NOTSET",    "SAME_UPPER",    "VALID",         "constant",
                                     "reflect",   "edge",      "wrap",          "linear",        "nearest",
                                     "cubic",     "bilinear",  "asymmetric",    "align_corners", "tf_crop_and_resize",
                                     "floor",     "forward",   "bidirectional", "add",           "mul",
                                     "max",       "none",      "DCR",           "CRD",           "tanh",
                                     "ij,jk->ik", "...i->...", "\xff\xfe",      "sum",           "mean"}));
    return;
  case AttributeProto::INTS:
    for (size_t i = 0; i < length; ++i)
      attribute.add_ints(isPermutation ? static_cast<int64_t>(length - 1 - i) : anyInteger(random));
    return;
  case AttributeProto::FLOATS:
    for (size_t i = 0; i < length; ++i)
      attribute.add_floats(choose(random, {0.0f, 1.0f, 0.5f, 2.0f, -1.0f, 1e38f}));
    return;
  case AttributeProto::STRINGS:
    for (size_t i = 0; i < length; ++i)
      attribute.add_strings(choose<std::string>(random, {"Sigmoid", "Tanh", "Relu", "", "a"}));
    return;
  default: {
    auto &tensor = *attribute.mutable_t();
    tensor.set_data_type(choose<int>(random, {TensorProto::FLOAT, TensorProto::INT64, TensorProto::BOOL}));
    tensor.add_dims(1);
    tensor.mutable_raw_data()->assign(tensor.data_type() == TensorProto::FLOAT   ? 4
                                      : tensor.data_type() == TensorProto::INT64 ? 8
                                                                                 : 1,
                                      static_cast<char>(random() % 3));
  }
  }
}

static size_t widthOf(int type) {
  switch (type) {
  case TensorProto::INT64:
  case TensorProto::COMPLEX64:
    return 8;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 4;
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 2;
  default:
    return 1;
  }
}

using Shape = std::vector<int64_t>;

/// A constant with small numbers, or (integers) hostile ones.
static void addInitializer(proto::GraphProto &graph, const std::string &name, int type, const Shape &shape,
                           Random &random) {
  auto &tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(type);
  size_t count = 1;
  for (int64_t size : shape) {
    tensor.add_dims(size);
    count *= size;
  }
  std::string &data = *tensor.mutable_raw_data();
  data.assign(count * widthOf(type), 0);
  for (size_t i = 0; i < count; ++i) {
    int64_t integer = anyInteger(random);
    float number = static_cast<float>(integer);
    uint16_t half = choose<uint16_t>(random, {0, 0x3c00, 0x4000, 0xbc00, 0x7c00});
    const void *from = type == TensorProto::FLOAT     ? static_cast<const void *>(&number)
                       : type == TensorProto::FLOAT16 ? static_cast<const void *>(&half)
                                                      : &integer;
    std::memcpy(data.data() + i * widthOf(type), from, widthOf(type));
  }
}

/// One node; `first`, if not empty, is its first input.
static void addNode(proto::GraphProto &graph, const Operator &op, const Shape &base, int element, std::string first,
                    const std::string &prefix, Random &random) {
  auto &node = *graph.add_node();
  StringRef name = op.name; // ml.Scaler is Scaler of ai.onnx.ml
  if (name.consume_front("ml."))
    node.set_domain("ai.onnx.ml");
  else if (name.consume_front("ms."))
    node.set_domain("com.microsoft");
  node.set_op_type(name.str());
  size_t inputs = op.operands + (op.variadicOperands ? pick(random, 3) : 0);
  for (size_t i = 0; i < inputs; ++i) {
    if (i == 0 && !first.empty()) {
      node.add_input(first);
      continue;
    }
    std::vector<int> types = i < op.operandTypes.size() ? op.operandTypes[i] : std::vector<int>();
    auto allows = [&](int type) { return std::find(types.begin(), types.end(), type) != types.end(); };
    if (allows(0) && pick(random, 2)) {
      node.add_input("");
      continue;
    }
    int type = types.empty() || (allows(element) && pick(random, 8)) ? element : types[pick(random, types.size())];
    if (type == 0 || pick(random, 20) == 0)
      type = kElementTypes[pick(random, std::size(kElementTypes))];
    Shape shape = base;
    if (i > 0 && allows(TensorProto::INT64) && pick(random, 6) == 0)
      type = TensorProto::INT64;
    bool isParameter = i > 0 && type == TensorProto::INT64 && (!allows(TensorProto::FLOAT) || pick(random, 2));
    if (isParameter)
      shape = {choose<int64_t>(random, {int64_t(base.size()), int64_t(base.size()), 1, 2, int64_t(base.size() * 2)})};
    else if (i > 0 && pick(random, 4) == 0)
      shape = choose<Shape>(random, {{}, {base.empty() ? 1 : base[0]}, {base.size() > 1 ? base[1] : 1}, {1}, {2, 2}});
    else if (i > 0 && pick(random, 6) == 0)
      shape.assign(pick(random, 6), 2);
    std::string name = prefix + std::to_string(i);
    node.add_input(name);
    if (isParameter ? pick(random, 5) : pick(random, 4) == 0) {
      addInitializer(graph, name, type, shape, random);
      continue;
    }
    auto &input = *graph.add_input();
    input.set_name(name);
    auto &tensor = *input.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (int64_t size : shape) {
      auto &dim = *tensor.mutable_shape()->add_dim();
      if (pick(random, 12) == 0)
        dim.set_dim_param(choose<std::string>(random, {"N", "M"}));
      else
        dim.set_dim_value(pick(random, 40) ? size : nastyInteger(random));
    }
  }
  for (size_t i = 0, n = std::max<size_t>(op.results, 1 + pick(random, 40) / 38 * pick(random, 4)); i < n; ++i)
    node.add_output(prefix + "r" + std::to_string(i));
  for (const auto &[name, kind] : op.attributes)
    if (pick(random, 2))
      setAttribute(*node.add_attribute(), name, kind, base.size(), random);
}

proto::ModelProto fuzz::makeModel(const std::vector<Operator> &operators, size_t index, Random &random) {
  proto::ModelProto model;
  model.set_ir_version(10);
  auto &opset = *model.add_opset_import();
  opset.set_version(pick(random, 4) ? 28 : 1 + pick(random, 28));
  auto &classic = *model.add_opset_import();
  classic.set_domain("ai.onnx.ml");
  classic.set_version(pick(random, 4) ? 5 : 1 + pick(random, 5));
  auto &graph = *model.mutable_graph();
  graph.set_name("fuzz");
  const Operator &op = operators[index];
  Shape base(choose<size_t>(random, {4, 4, 3, 3, 2, 2, 1, 5, 0}));
  for (int64_t &size : base)
    size = choose<int64_t>(random, {1, 2, 3, 4, 4, 6, 8, 0, 17});
  int element = TensorProto::FLOAT;
  if (!op.operandTypes.empty() && !op.operandTypes[0].empty() && pick(random, 2))
    element = op.operandTypes[0][pick(random, op.operandTypes[0].size())];
  addNode(graph, op, base, element ? element : TensorProto::FLOAT, "", "a", random);
  std::string last = "a";
  if (pick(random, 3) == 0) {
    addNode(graph, operators[pick(random, operators.size())], base, element, "ar0", "b", random);
    last = "b";
  }
  const auto &node = graph.node(graph.node_size() - 1);
  for (const std::string &output : node.output())
    if (output == node.output(0) || pick(random, 2))
      graph.add_output()->set_name(output);
  return model;
}
