//===- lib/Driver/Operators.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asks the dialect about its operators. Names and versions are in their definitions and in the table of upgrades. Which
// element types an operator takes is a rule of its verifier and its inference, so these are asked: with operands for
// which they find no fault, and then with every element type in the place of one.
#include "lib/Driver/Operators.h"
#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/Constant.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "lib/Driver/Pipeline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include <map>
#include <random>

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;

namespace {
/// An operand to try: of no type it is absent. A size of -1 is not known: most rules have no complaint about it.
struct Operand {
  Type element;
  SmallVector<int64_t> sizes;
  bool isConstant = false;
};
using Operands = SmallVector<Operand>;

class Prober {
public:
  explicit Prober(MLIRContext &context) : context(context), b(UnknownLoc::get(&context), &context) {
    for (int64_t type = 1; type < 64; ++type)
      if (Type element = getElementType(&context, type))
        elements.push_back(element);
  }

  void probe(RegisteredOperationName info, OperatorInfo &out);

private:
  bool isAccepted(ArrayRef<Operand> operands, std::string *complaint = nullptr);
  void findAttributes();
  bool obeyComplaint(StringRef complaint);
  SmallVector<Type> acceptedAlone(unsigned i, ArrayRef<Operand> before);
  std::optional<Operands> findOperands(std::optional<unsigned> wanted = std::nullopt);
  Operand anyOperand(Type element, unsigned rank);
  bool takes(unsigned i, Type element, const Operands &operands);

  MLIRContext &context;
  ImplicitLocOpBuilder b;
  SmallVector<Type> elements;
  std::minstd_rand random;

  std::optional<RegisteredOperationName> info;
  Arity arity;
  unsigned operandCount = 0; ///< with a variadic tail of one
  NamedAttrList attributes;
};
} // namespace

/// Makes the operation in a function of its own, whose arguments are the operands.
bool Prober::isAccepted(ArrayRef<Operand> operands, std::string *complaint) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (complaint)
      *complaint += diagnostic.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getLoc());
  b.setInsertionPointToStart(module->getBody());
  auto function = func::FuncOp::create(b, "main", b.getFunctionType({}, {}));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  SmallVector<Value> values;
  unsigned symbols = 0;
  for (const Operand &operand : operands) {
    if (!operand.element) {
      values.push_back(NoneOp::create(b, b.getNoneType()));
      continue;
    }
    Dims dims;
    for (int64_t size : operand.sizes)
      dims.push_back(size < 0 ? getAffineSymbolExpr(symbols++, &context) : makeDim(&context, size));
    RankedTensorType type = makeTensor(dims, operand.element);
    if (operand.isConstant && operand.element.isIntOrFloat() && type.hasStaticShape()) {
      Attribute one = isa<FloatType>(operand.element) ? Attribute(b.getFloatAttr(operand.element, 1))
                                                      : Attribute(b.getIntegerAttr(operand.element, 1));
      values.push_back(ConstantOp::create(b, type, DenseElementsAttr::get(type, one)));
    } else {
      values.push_back(entry->addArgument(type, b.getLoc()));
    }
  }
  function->setAttr("onnx.symbols", b.getStrArrayAttr(SmallVector<StringRef>(symbols, "")));
  function.setType(b.getFunctionType(entry->getArgumentTypes(), {}));
  return makeOp(b, info->getStringRef(), values, attributes.getAttrs(), std::max(arity.results, 1u));
}

/// Element types that the verifier has no complaint about for operand `i`, first a null one when it may be absent. It
/// complains about the first wrong operand: those before must be right.
SmallVector<Type> Prober::acceptedAlone(unsigned i, ArrayRef<Operand> before) {
  SmallVector<Type> accepted;
  std::string about = "operand #" + std::to_string(i) + " ";
  auto attempt = [&](Type element) {
    Operands operands(before);
    operands.push_back({element, {-1}});
    operands.resize(operandCount);
    std::string complaint;
    if (isAccepted(operands, &complaint) || !StringRef(complaint).contains(about))
      accepted.push_back(element);
  };
  attempt({});
  for (Type element : elements)
    attempt(element);
  return accepted;
}

/// Gives values to the attributes that the operator can't do without.
void Prober::findAttributes() {
  attributes = {};
  Type i64 = b.getIntegerType(64, /*isSigned=*/true);
  const Attribute examples[] = {
      IntegerAttr::get(i64, 1),
      b.getF32FloatAttr(1),
      b.getStringAttr(""),
      b.getDenseI64ArrayAttr({1}),
      b.getDenseF32ArrayAttr({1}),
      b.getStrArrayAttr({"a"}),
      DenseElementsAttr::get(RankedTensorType::get({1}, b.getF32Type()), 1.0f),
  };
  StringRef start = "requires attribute '";
  for (std::string complaint; !isAccepted(Operands(operandCount), &complaint); complaint.clear()) {
    StringRef text = complaint;
    if (!text.contains(start))
      return;
    StringRef name = text.drop_front(text.find(start) + start.size()).split('\'').first;
    ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
    auto fits = [&](Attribute example) {
      NamedAttrList one;
      one.set(name, example);
      return succeeded(info->verifyInherentAttrs(one, [&] { return emitError(b.getLoc()); }));
    };
    const Attribute *example = llvm::find_if(examples, fits);
    if (example == std::end(examples) || attributes.get(name))
      return;
    attributes.set(name, *example);
  }
}

/// `direction is "LEFT" or "RIGHT", not ""`: a verifier that wants one of a few words names them.
bool Prober::obeyComplaint(StringRef complaint) {
  for (NamedAttribute attribute : attributes)
    if (auto word = dyn_cast<StringAttr>(attribute.getValue());
        word && word.empty() && complaint.contains(attribute.getName().getValue()) && complaint.contains('"')) {
      attributes.set(attribute.getName(), b.getStringAttr(complaint.split('"').second.split('"').first));
      return true;
    }
  return false;
}

/// Sizes that are not known or 1 fit most others; now and then one of them is something else.
Operand Prober::anyOperand(Type element, unsigned rank) {
  Operand operand{element, SmallVector<int64_t>(rank, random() % 2 ? 1 : -1), random() % 4 == 0};
  if (rank && random() % 2)
    operand.sizes[random() % rank] = random() % 4 + 1;
  return operand;
}

/// Operands that the operator accepts, `wanted` among them. Most take some of one rank and others that are vectors or
/// scalars, in any sizes; for the others a fixed series of random ones is tried.
std::optional<Operands> Prober::findOperands(std::optional<unsigned> wanted) {
  SmallVector<SmallVector<Type>> accepted;
  Operands before;
  SmallVector<unsigned> present;
  for (unsigned i = 0; i < operandCount; ++i) {
    accepted.push_back(acceptedAlone(i, before));
    if (i == wanted && !accepted[i].empty() && !accepted[i].front())
      accepted[i].erase(accepted[i].begin());
    if (accepted[i].empty())
      return std::nullopt;
    before.push_back({accepted[i].back(), {-1}});
    if (accepted[i].front()) // it may not be absent
      present.push_back(i);
  }
  std::string complaint;
  auto fits = [&](const Operands &operands) {
    complaint.clear();
    return isAccepted(operands, &complaint) || (obeyComplaint(complaint) && isAccepted(operands));
  };
  const Type preferred[] = {b.getF32Type(), b.getI64Type(), b.getIntegerType(8, false), b.getI1Type()};
  unsigned ways = 1;
  for (unsigned i = 1; i < std::min<unsigned>(present.size(), 6); ++i)
    ways *= 3;
  for (int64_t size : {-1, 1, 2})
    for (Type type : preferred)
      for (unsigned rank : {2, 4, 3, 1, 5, 0})
        for (unsigned choice = 0; choice < ways; ++choice) {
          Operands operands(operandCount);
          unsigned rest = choice;
          for (unsigned i : present) {
            unsigned ownRank = i == present[0] || rest % 3 == 0 ? rank : rest % 3 == 1 ? 1 : 0;
            rest = i == present[0] ? rest : rest / 3;
            operands[i] = {llvm::is_contained(accepted[i], type) ? type : accepted[i].front(),
                           SmallVector<int64_t>(ownRank, size), size > 0 && i != present[0]};
          }
          if (fits(operands))
            return operands;
        }
  random.seed(1);
  for (int attempt = 0; attempt < 30000; ++attempt) {
    Operands operands(operandCount);
    // One shape for all but the first, or any.
    Type type = preferred[random() % 2 ? 0 : random() % std::size(preferred)];
    unsigned rank = random() % 5, otherRank = random() % 2 ? rank : random() % 5;
    bool isPlain = random() % 2;
    Operand shared = anyOperand({}, otherRank);
    for (unsigned i = 0; i < operandCount; ++i) {
      bool isOptional = !accepted[i].front();
      if (isOptional && random() % 2)
        continue;
      Type other = preferred[random() % std::size(preferred)];
      Type element = llvm::is_contained(accepted[i], type) && (isPlain || random() % 2) ? type
                     : llvm::is_contained(accepted[i], other)                           ? other
                                                                                        : accepted[i].back();
      operands[i] = i == 0    ? anyOperand({}, rank)
                    : isPlain ? shared
                              : anyOperand({}, random() % 2 ? rank : random() % 4);
      operands[i].element = element;
    }
    if (fits(operands))
      return operands;
  }
  return std::nullopt;
}

/// Whether the operator takes operand `i` with these elements: alone, or with the same in all that are like it or like
/// the first one.
bool Prober::takes(unsigned i, Type element, const Operands &operands) {
  for (Type like : {Type(), operands[i].element, operands[0].element}) {
    Operands changed(operands);
    for (Operand &operand : changed)
      if (operand.element && operand.element == like)
        operand.element = element;
    changed[i].element = element;
    if (isAccepted(changed))
      return true;
    // What `to` or `dtype` says may have to go with it.
    NamedAttrList given = attributes;
    auto restore = llvm::make_scope_exit([&] { attributes = given; });
    for (NamedAttribute attribute : given)
      if (auto integer = dyn_cast<IntegerAttr>(attribute.getValue()))
        for (Type other : elements) {
          attributes.set(attribute.getName(), IntegerAttr::get(integer.getType(), getOnnxType(other)));
          if (isAccepted(changed))
            return true;
        }
  }
  return false;
}

void Prober::probe(RegisteredOperationName name, OperatorInfo &out) {
  info = name;
  auto *interface = name.getInterface<OnnxOpInterface>();
  arity = interface->getArity();
  operandCount = arity.operands + arity.variadicOperands;
  SmallVector<StringRef> names;
  SplitString(interface->getArgumentNames(), names);
  llvm::erase_if(names, [&](StringRef argument) { return llvm::is_contained(name.getAttributeNames(), argument); });
  findAttributes();
  auto operands = findOperands();
  out.hasTypes = operands.has_value();
  for (unsigned i = 0; i < operandCount; ++i) {
    OperatorInfo::Input input;
    input.name = i < names.size() ? names[i].str() : std::to_string(i);
    input.isVariadic = arity.variadicOperands && i + 1 == operandCount;
    input.isOptional = operands && !(*operands)[i].element;
    auto with = input.isOptional ? findOperands(i) : operands;
    for (Type element : elements)
      if (with && takes(i, element, *with))
        input.types.push_back(getElementTypeName(element));
    out.inputs.push_back(input);
  }
}

std::vector<OperatorInfo> onnxc::listOperators() {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadDialect<OnnxDialect, func::FuncDialect>();
  std::map<std::pair<std::string, std::string>, OperatorInfo> operators;
  Prober prober(context);
  for (RegisteredOperationName op : context.getRegisteredOperationsByDialect("onnx")) {
    auto *interface = op.getInterface<OnnxOpInterface>();
    if (!interface || interface->getSinceVersion() == 0)
      continue;
    // onnx.ml.Scaler is Scaler of ai.onnx.ml, onnx.ms.MatMulNBits is one of com.microsoft,
    // onnx.ext.BertTokenizer one of ai.onnx.contrib.
    auto [domain, name] = op.stripDialect().contains('.') ? op.stripDialect().rsplit('.')
                                                          : std::make_pair(StringRef(), op.stripDialect());
    OperatorInfo info;
    info.domain = domain.empty()    ? "ai.onnx"
                  : domain == "ms"  ? "com.microsoft"
                  : domain == "ext" ? "ai.onnx.contrib"
                                    : ("ai.onnx." + domain).str();
    info.name = name.str();
    info.newest = interface->getSinceVersion();
    info.summary = interface->getSummary().str();
    prober.probe(op, info);
    if (domain == "ext") { // which has two names
      OperatorInfo &other = operators[{"com.microsoft.extensions", info.name}] = info;
      other.domain = "com.microsoft.extensions";
    }
    operators[{info.domain, info.name}] = std::move(info);
  }
  context.getLoadedDialect<OnnxDialect>()->forEachUpgrade([&](StringRef domain, StringRef name, int64_t below) {
    std::string shown = domain.empty() ? "ai.onnx" : domain.str();
    OperatorInfo &info = operators[{shown, name.str()}];
    info.domain = shown;
    info.name = name.str();
    if (!llvm::is_contained(info.upgradedBelow, below))
      info.upgradedBelow.push_back(below);
  });
  std::vector<OperatorInfo> sorted;
  for (auto &entry : operators)
    sorted.push_back(std::move(entry.second));
  return sorted;
}

// ---- Printing ------------------------------------------------------------------------------------------------------

static constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

static std::string describeVersions(const OperatorInfo &op) {
  if (op.newest == 0)
    return op.upgradedBelow.back() == kAny ? "any" : "before " + std::to_string(op.upgradedBelow.back());
  std::string text = std::to_string(op.newest);
  auto older = llvm::make_filter_range(op.upgradedBelow, [](int64_t below) { return below != kAny; });
  auto numbers = llvm::map_range(older, [](int64_t below) { return std::to_string(below); });
  std::string list = llvm::join(numbers, ", ");
  return list.empty() ? text : text + "; upgraded from before " + list;
}

/// "float16 float32 float64" of each input; what several have in a row is said once.
static std::string describeTypes(const OperatorInfo &op) {
  if (op.newest == 0)
    return "made of other operators on import";
  std::string text;
  for (auto [i, input] : llvm::enumerate(op.inputs)) {
    text += (i ? "; " : "") + input.name + (input.isOptional ? "?" : "") + (input.isVariadic ? "..." : "") + ": ";
    if (i && input.types == op.inputs[i - 1].types)
      text += "the same";
    else
      text += input.types.empty() ? "not determined" : llvm::join(input.types, " ");
  }
  return text;
}

void onnxc::printOperators(raw_ostream &os, OperatorFormat format) {
  std::vector<OperatorInfo> operators = listOperators();
  if (format == OperatorFormat::Json) {
    llvm::json::OStream json(os, 1);
    json.array([&] {
      for (const OperatorInfo &op : operators)
        json.object([&] {
          json.attribute("domain", op.domain);
          json.attribute("name", op.name);
          json.attribute("since_version", op.newest);
          json.attributeArray("upgraded_below", [&] {
            for (int64_t below : op.upgradedBelow)
              json.value(below);
          });
          json.attribute("summary", op.summary);
          json.attributeArray("inputs", [&] {
            for (const OperatorInfo::Input &input : op.inputs)
              json.object([&] {
                json.attribute("name", input.name);
                json.attribute("optional", input.isOptional);
                json.attribute("variadic", input.isVariadic);
                if (op.hasTypes)
                  json.attributeArray("types", [&] {
                    for (const std::string &type : input.types)
                      json.value(type);
                  });
              });
          });
        });
    });
    os << "\n";
    return;
  }
  if (format == OperatorFormat::Markdown) {
    os << "# Operators\n\n"
          "Written by `onnxc --list-ops=markdown`; `ninja operators-page` writes it anew. A version is that of the "
          "newest form,\n"
          "which is what is compiled; nodes of older forms are imported, too, and rewritten where their meaning "
          "differs.\n";
    StringRef domain;
    for (const OperatorInfo &op : operators) {
      if (domain != op.domain)
        os << "\n## " << op.domain << "\n\n| Operator | Version | Inputs and their element types |\n|---|---|---|\n";
      domain = op.domain;
      os << "| " << op.name << " | " << describeVersions(op) << " | " << describeTypes(op) << " |\n";
    }
    return;
  }
  for (const OperatorInfo &op : operators)
    os << op.domain << " " << op.name << " (" << describeVersions(op) << "): " << describeTypes(op) << "\n";
}
