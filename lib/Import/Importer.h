//===- lib/Import/Importer.h -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The state that the files of the importer share. They build one operation per node, typed as it is built. A node that
// can't be built becomes a problem, its outputs are unknown from then on, and the walk goes on, so that all problems
// are found at once.
#pragma once

#include "dialects/onnx/OnnxOp.h"
#include "dialects/onnx/ops/ControlFlow.h"
#include "lib/Import/Problems.h"
#include "lib/Import/Tensors.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "onnx.pb.h"
#include "llvm/ADT/StringSet.h"
#include <set>

namespace onnxc {

struct Branch;
struct Scope;

/// A graph in an attribute, and what the names in it refer to.
struct Body {
  const proto::GraphProto *graph = nullptr;
  Scope *scope = nullptr;
};

/// The names that nodes of one graph or function body see.
struct Scope {
  /// Of a graph in an attribute: the graph of the node, whose names are seen, too.
  Scope *outer = nullptr;
  llvm::StringMap<const proto::TensorProto *> initializers;
  llvm::StringMap<const proto::SparseTensorProto *> sparseInitializers;
  /// A name with a null value is known but could not be built; what depends on it is not built either.
  llvm::StringMap<mlir::Value> values;
  llvm::StringMap<int64_t> opsets;
  /// In a function: what `ref_attr_name` refers to.
  llvm::StringMap<mlir::Attribute> arguments;
  llvm::StringMap<Body> bodies;
  /// The path of calls and bodies that led here, for names; and the functions on it.
  std::string prefix;
  const Scope *caller = nullptr;
  const proto::FunctionProto *function = nullptr;
  unsigned depth = 0, loopDepth = 0;

  /// The names that `around` has, and room for more.
  void extend(Scope &around);
  bool isMain() const { return !outer && !function; }
  bool hasInitializer(llvm::StringRef name) const { return initializers.count(name) || sparseInitializers.count(name); }
};

/// By input and axis (`placeOf`), the symbol of a dimension that isn't the one of its name.
using OtherSymbols = llvm::StringMap<std::string>;
std::string placeOf(llvm::StringRef input, int axis);

/// The name that the model gives to a dimension, or "".
llvm::StringRef givenName(const proto::TensorShapeProto::Dimension &dim);
/// What dimension `axis` of an input is called: its own name, or "<input>_<axis>".
std::string dimName(const proto::ValueInfoProto &input, int axis);

/// Whether the static part of the shape has a sane number of elements.
bool isBounded(llvm::ArrayRef<mlir::AffineExpr> dims, int64_t limit);

/// Bytes of a name, of numbers or text, that take as much as a node of a model does.
constexpr size_t kBytesOfNode = 1024;

/// Whether the node has made a value whose rank only the run knows.
bool makesRankOfRun(const proto::NodeProto &node, const Scope &scope);

class Importer {
public:
  Importer(const proto::ModelProto &model, TensorReader &tensors, mlir::MLIRContext &context, mlir::Location loc,
           const ImportOptions &options, const OtherSymbols &others = {})
      : model(model), graph(model.graph()), tensors(tensors), context(context), loc(loc), options(options),
        otherSymbols(others), b(loc, &context) {}

  mlir::OwningOpRef<mlir::ModuleOp> run(bool *isUnsupported);
  size_t getUnbuilt() const { return unbuilt; }

  // SharedNames.cpp
  /// The names of the inputs' dimensions that an output has for another size, and for which output.
  llvm::StringMap<std::string> findContradictions();
  /// Gives those dimensions of one of these names a common symbol that meet in a broadcast, where they have different
  /// ones.
  OtherSymbols joinWhatMeets();

private:
  using Nodes = google::protobuf::RepeatedPtrField<proto::NodeProto>;
  /// By node: the names that it reads, inputs and what graphs in its attributes take from around them.
  using Reads = std::vector<llvm::SmallVector<llvm::StringRef, 2>>;
  struct Order {
    std::vector<unsigned> nodes;
    Reads reads;
  };
  using Values = llvm::SmallVector<mlir::Value>;

  // ModelImporter.cpp
  void chooseChannelBlock(mlir::ModuleOp module);
  llvm::LogicalResult checkVersions();
  llvm::LogicalResult readOpsets(const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> &imports,
                                 Scope &scope, mlir::Location where);
  void addOutputs(Scope &scope);
  std::vector<std::string> listKept(const Scope &scope);
  void checkUses();

  // Inputs.cpp
  void collectInitializers(const proto::GraphProto &graph, Scope &scope);
  void addInputs(Scope &scope);
  void checkOverrides();
  mlir::Type convertInput(const proto::ValueInfoProto &input);
  llvm::FailureOr<onnx::Dims> convertInputShape(const proto::ValueInfoProto &input);
  mlir::AffineExpr symbol(llvm::StringRef name);
  /// What a value of any kind has; dimensions without a number are `?` without an expression.
  mlir::Type convertType(const proto::TypeProto &type, int depth = 0);
  mlir::Type giveShape(mlir::Type type, llvm::ArrayRef<int64_t> sizes);
  std::string commandWithShapes();

  // NodeOrder.cpp
  void build(const Nodes &nodes, llvm::ArrayRef<llvm::StringRef> outputs, Scope &scope);
  /// The nodes that `outputs` depend on, every one after what it depends on, otherwise in their own order; and what
  /// each of them reads.
  Order order(const Nodes &nodes, llvm::ArrayRef<llvm::StringRef> outputs, Scope &scope);

  // Nodes.cpp
  void buildNode(const proto::NodeProto &node, size_t index, Scope &scope);
  llvm::LogicalResult buildOperation(const proto::NodeProto &node, llvm::ArrayRef<mlir::Value> operands, Scope &scope,
                                     llvm::SmallVectorImpl<mlir::Value> &results);
  llvm::FailureOr<int64_t> getOpset(llvm::StringRef domain, llvm::StringRef type, Scope &scope);
  std::string suggestOperator(llvm::StringRef domain, llvm::StringRef type);
  llvm::LogicalResult dropUnknownAttributes(onnx::NodeForm &form, llvm::StringRef type,
                                            std::optional<mlir::RegisteredOperationName> op,
                                            llvm::ArrayRef<llvm::StringRef> bodyNames);
  /// The value called `name`: null when it could not be built. Failure, after an error, when there is none.
  llvm::FailureOr<mlir::Value> lookup(llvm::StringRef name, Scope &scope);
  mlir::Value none();
  mlir::Value makeConstant(mlir::ElementsAttr elements, mlir::Location where);
  llvm::LogicalResult checkResult(mlir::Value result, llvm::StringRef name, const Scope &scope);
  void checkDeclaredShape(mlir::RankedTensorType type, llvm::StringRef name, const proto::TypeProto::Tensor &declared);
  void nameSymbols(mlir::Value value, const proto::TypeProto &declared);
  std::string describe(const proto::NodeProto &node, const Scope &scope) const;

  // Attributes.cpp
  llvm::FailureOr<mlir::Attribute> convertAttribute(const proto::AttributeProto &attribute, Scope &scope);
  /// Graphs go to `bodies`.
  llvm::LogicalResult convertAttributes(const proto::NodeProto &node, Scope &scope, mlir::NamedAttrList &attributes,
                                        llvm::StringMap<Body> &bodies);

  // Bodies.cpp
  llvm::LogicalResult enter(Scope &inner, const Scope &outer, llvm::StringRef name);
  /// Builds the nodes of a graph here; gives its outputs.
  /// `partly` gets those that could be built (null: could not), also after a failure.
  llvm::FailureOr<Values> buildBody(Body body, llvm::StringRef name, mlir::ValueRange arguments,
                                    llvm::SmallVectorImpl<mlir::Value> *partly = nullptr);
  llvm::LogicalResult fillBody(Body body, llvm::StringRef name, mlir::Region &region, mlir::TypeRange arguments);
  llvm::FailureOr<Values> buildLoop(llvm::ArrayRef<mlir::Value> operands, Body body, unsigned peeled);
  onnx::NodeGraph describeGraph(Body body, llvm::StringRef name);

  // Functions.cpp
  void collectFunctions();
  const proto::FunctionProto *findFunction(const proto::NodeProto &node) const;
  llvm::LogicalResult buildCall(const proto::NodeProto &node, const proto::FunctionProto &function,
                                llvm::ArrayRef<mlir::Value> operands, Scope &scope,
                                llvm::SmallVectorImpl<mlir::Value> &results);

  // RanksOfRun.cpp
  std::vector<unsigned> buildInBranches(const Nodes &nodes, const Reads &reads, unsigned origin,
                                        llvm::ArrayRef<unsigned> rest, llvm::ArrayRef<llvm::StringRef> outputs,
                                        Scope &scope);
  void openBranches(Branch &branch, onnx::IfOp op, llvm::ArrayRef<std::pair<llvm::StringRef, unsigned>> names);
  void buildInPlaces(const proto::NodeProto &node, unsigned index, Branch &root);
  llvm::FailureOr<Values> closeBranches(Branch &branch, llvm::ArrayRef<llvm::StringRef> names);
  onnx::IfOp remake(onnx::IfOp op);
  /// A scalar that holds the rank of `value`, which the run decides: another result of the If that `value` comes from.
  mlir::Value addRank(mlir::Value value);

  mlir::Location locate(llvm::StringRef name) { return mlir::NameLoc::get(mlir::StringAttr::get(&context, name)); }
  void problem(llvm::StringRef where, const llvm::Twine &what) { problems.add(locate(where), what.str(), where); }

  const proto::ModelProto &model;
  const proto::GraphProto &graph;
  TensorReader &tensors;
  mlir::MLIRContext &context;
  mlir::Location loc;
  const ImportOptions &options;
  const OtherSymbols otherSymbols;
  mlir::ImplicitLocOpBuilder b;
  Problems problems;

  mlir::func::FuncOp function;
  llvm::StringMap<const proto::TypeProto *> declared; ///< by value name, in the main graph
  llvm::StringMap<const proto::FunctionProto *> functions;
  llvm::StringMap<unsigned> symbols; ///< position in `symbolNames`
  llvm::SmallVector<std::string> symbolNames;
  llvm::StringMap<int64_t> dimValues; ///< symbolic dimensions that were made numbers
  mlir::Operation *lastConstant = nullptr;
  mlir::Value noneValue;
  bool hasTooManyNodes = false;                               ///< which was reported
  uint64_t nodeCount = 0;                                     ///< built so far; what is long counts as several
  llvm::DenseMap<const proto::FunctionProto *, Order> orders; ///< of the nodes of functions
  size_t unbuilt = 0;                                         ///< nodes
  /// By body: the sequences that it gets, with what it puts into those that start empty (fillBody).
  llvm::DenseMap<const proto::GraphProto *, llvm::SmallVector<mlir::Type>> items;
  /// Bodies of Loops that, with operands of such types, end a round with another rank than they begin it with.
  std::set<std::pair<const proto::GraphProto *, std::vector<const void *>>> rankChangers;
  /// While only types are looked for: a branch that can be built stands for an If.
  bool takesAnyBranch = false;
};

/// The model once more, with what `findContradictions` gave: null where that does not help.
mlir::OwningOpRef<mlir::ModuleOp> buildWithOtherSymbols(const proto::ModelProto &model, TensorReader &tensors,
                                                        mlir::MLIRContext &context, mlir::Location loc,
                                                        const ImportOptions &options,
                                                        const llvm::StringMap<std::string> &contradictions);

} // namespace onnxc
