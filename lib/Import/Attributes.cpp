//===- lib/Import/Attributes.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attributes of a node; graphs among them become bodies.
#include "dialects/onnx/support/Forgive.h"
#include "lib/Import/Importer.h"

using namespace mlir;
using namespace onnxc;
using namespace onnxc::onnx;
using proto::AttributeProto;
using proto::NodeProto;

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
  if (scope.function) // which may be called any number of times
    nodeCount += (a.s().size() + 8 * (a.ints_size() + a.floats_size()) + 32 * a.strings_size()) / kBytesOfNode;
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
  case AttributeProto::STRINGS:
    return Attribute(b.getArrayAttr(llvm::map_to_vector(a.strings(), [&](StringRef text) -> Attribute {
      return b.getStringAttr(encodeZeroBytes(b.getLoc(), a.name(), text));
    })));
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
