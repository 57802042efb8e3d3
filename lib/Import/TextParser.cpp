//===- lib/Import/TextParser.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A recursive-descent parser of ONNX's text syntax. After the first error every token is the end of the input, so that
// all loops end; only the first error is reported.
#include "lib/Import/TextParser.h"
#include "dialects/onnx/support/ElementTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "onnx.pb.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"

using namespace mlir;
using namespace onnxc::proto;
using google::protobuf::RepeatedPtrField;

/// Graphs in attributes and types in types, together.
static constexpr unsigned kMaxDepth = 64;

namespace {
struct Token {
  enum Kind { End, Word, String, Integer, Float, Arrow, Punctuation };
  Kind kind = End;
  std::string text; ///< of a string: without quotes and escapes
  size_t offset = 0;
};

class Parser {
public:
  Parser(StringRef text, StringRef path, MLIRContext &context) : text(text), path(path), context(context) { advance(); }

  LogicalResult parse(ModelProto &model) {
    parseModel(model);
    return failure(hasFailed);
  }

private:
  // Tokens
  void advance();
  void skipSpace();
  void lexNumber();
  void lexString();
  void error(const Twine &message);
  bool is(char c) const { return token.kind == Token::Punctuation && token.text[0] == c; }
  bool accept(char c) {
    if (!is(c))
      return false;
    advance();
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      error("expected '" + Twine(c) + "'");
  }
  std::string take() {
    std::string taken = std::move(token.text);
    advance();
    return taken;
  }
  /// Runs `item` on comma-separated items up to `close`; none is fine.
  void list(char close, llvm::function_ref<void()> item) {
    if (accept(close))
      return;
    do
      item();
    while (accept(','));
    expect(close);
  }
  /// Guards recursion. False, after an error, when it went too deep.
  struct Nested {
    explicit Nested(Parser &parser) : parser(parser) {
      if (++parser.depth > kMaxDepth)
        parser.error("nested too deep");
    }
    ~Nested() { --parser.depth; }
    Parser &parser;
  };

  // Literals
  std::string word(const char *what);
  std::string name(const char *what); ///< a word or a string
  std::string string();
  int64_t integer();
  uint64_t unsignedInteger();
  llvm::APFloat number(const llvm::fltSemantics &semantics);
  bool isNumber() const {
    return token.kind == Token::Integer || token.kind == Token::Float ||
           (token.kind == Token::Word && isFloatWord(token.text));
  }
  static bool isFloatWord(StringRef word) {
    return word.equals_insensitive("inf") || word.equals_insensitive("infinity") || word.equals_insensitive("nan");
  }

  // Grammar, from the whole to its parts
  void parseModel(ModelProto &model);
  void parseFunction(FunctionProto &function);
  void parseOpsets(RepeatedPtrField<OperatorSetIdProto> &opsets);
  void parseStrings(RepeatedPtrField<StringStringEntryProto> &entries);
  void parseGraph(GraphProto &graph);
  void parseValues(char close, RepeatedPtrField<ValueInfoProto> &values, RepeatedPtrField<TensorProto> *initializers,
                   bool keepInitialized);
  void parseNodes(RepeatedPtrField<NodeProto> &nodes);
  void parseNode(NodeProto &node);
  void parseNames(RepeatedPtrField<std::string> &names);
  void parseFunctionValues(RepeatedPtrField<std::string> &names, RepeatedPtrField<ValueInfoProto> &typed);
  void parseAttributes(RepeatedPtrField<AttributeProto> &attributes);
  void parseAttribute(AttributeProto &attribute, std::string name);
  void parseAttributeValue(AttributeProto &attribute, int expected);
  bool isType() const;
  void parseType(TypeProto &type);
  void parseShape(TensorShapeProto &shape);
  void parseTensor(TensorProto &tensor, const TypeProto &type);
  void parseElement(TensorProto &tensor);

  StringRef text, path;
  MLIRContext &context;
  size_t position = 0;
  Token token;
  unsigned depth = 0;
  bool hasFailed = false;
};
} // namespace

// ---- Tokens --------------------------------------------------------------------------------------------------------

static bool isWordStart(char c) { return llvm::isAlpha(c) || c == '_'; }

void Parser::skipSpace() {
  while (position < text.size()) {
    if (text[position] == '#')
      position = std::min(text.find('\n', position), text.size());
    else if (llvm::isSpace(text[position]))
      ++position;
    else
      return;
  }
}

void Parser::advance() {
  skipSpace();
  token = {Token::End, "", position};
  if (hasFailed || position >= text.size())
    return;
  char c = text[position];
  char next = position + 1 < text.size() ? text[position + 1] : 0;
  if (c == '"')
    return lexString();
  if (llvm::isDigit(c) || (c == '-' && (llvm::isDigit(next) || isWordStart(next))))
    return lexNumber();
  if (isWordStart(c)) {
    token.kind = Token::Word;
    token.text = text.substr(position).take_while([](char c) { return llvm::isAlnum(c) || c == '_'; }).str();
  } else if (c == '=' && next == '>') {
    token.kind = Token::Arrow;
    token.text = "=>";
  } else {
    token.kind = Token::Punctuation;
    token.text = std::string(1, c);
  }
  position += token.text.size();
}

void Parser::lexString() {
  token.kind = Token::String;
  for (++position; position < text.size() && text[position] != '"'; ++position) {
    if (text[position] == '\\' && ++position == text.size())
      break;
    token.text.push_back(text[position]);
  }
  if (position >= text.size())
    return error("the string does not end");
  ++position;
}

void Parser::lexNumber() {
  size_t start = position;
  auto digits = [&] {
    while (position < text.size() && llvm::isDigit(text[position]))
      ++position;
  };
  auto acceptAny = [&](StringRef set) {
    return position < text.size() && set.contains(text[position]) ? (++position, true) : false;
  };
  token.kind = Token::Integer;
  acceptAny("-");
  if (position < text.size() && isWordStart(text[position])) { // -inf
    token.kind = Token::Float;
    while (position < text.size() && llvm::isAlpha(text[position]))
      ++position;
    if (!isFloatWord(text.slice(start + 1, position)))
      return error("expected a number");
  } else {
    digits();
    if (acceptAny(".")) {
      token.kind = Token::Float;
      digits();
    }
    if (acceptAny("eE")) {
      token.kind = Token::Float;
      acceptAny("+-");
      digits();
    }
  }
  token.text = text.slice(start, position).str();
}

void Parser::error(const Twine &message) {
  if (hasFailed)
    return;
  hasFailed = true;
  StringRef before = text.take_front(token.offset);
  unsigned line = before.count('\n') + 1;
  unsigned column = before.size() - (before.rfind('\n') + 1) + 1; // npos + 1 is 0
  InFlightDiagnostic diagnostic = emitError(FileLineColLoc::get(&context, path, line, column)) << message;
  if (token.kind == Token::End)
    diagnostic << ", found the end of the file";
  else
    diagnostic << ", found '" << StringRef(token.text).take_front(40) << "'";
  token = {Token::End, "", text.size()};
  position = text.size();
}

// ---- Literals ------------------------------------------------------------------------------------------------------

std::string Parser::word(const char *what) {
  if (token.kind != Token::Word)
    error(Twine("expected ") + what);
  return take();
}

std::string Parser::name(const char *what) { return token.kind == Token::String ? take() : word(what); }

std::string Parser::string() {
  if (token.kind != Token::String)
    error("expected a string");
  return take();
}

int64_t Parser::integer() {
  int64_t value = 0;
  if (token.kind != Token::Integer || StringRef(token.text).getAsInteger(10, value))
    error("expected a 64-bit integer");
  advance();
  return value;
}

uint64_t Parser::unsignedInteger() {
  uint64_t value = 0;
  if (token.kind != Token::Integer || StringRef(token.text).getAsInteger(10, value))
    error("expected an unsigned 64-bit integer");
  advance();
  return value;
}

llvm::APFloat Parser::number(const llvm::fltSemantics &semantics) {
  llvm::APFloat value = llvm::APFloat::getZero(semantics);
  if (!isNumber()) {
    error("expected a number");
    return value;
  }
  StringRef digits = token.text;
  bool isNegative = digits.consume_front("-");
  if (digits.starts_with_insensitive("inf")) {
    value = llvm::APFloat::getInf(semantics);
  } else if (digits.starts_with_insensitive("nan")) {
    value = llvm::APFloat::getNaN(semantics);
  } else {
    auto status = value.convertFromString(digits, llvm::APFloat::rmNearestTiesToEven);
    if (!status) {
      llvm::consumeError(status.takeError());
      error("expected a number");
    }
  }
  if (isNegative)
    value.changeSign();
  advance();
  return value;
}

// ---- Models, functions, graphs -------------------------------------------------------------------------------------

void Parser::parseModel(ModelProto &model) {
  if (accept('<'))
    list('>', [&] {
      std::string field = word("a property of the model");
      expect(':');
      if (field == "ir_version")
        model.set_ir_version(integer());
      else if (field == "opset_import")
        parseOpsets(*model.mutable_opset_import());
      else if (field == "producer_name")
        model.set_producer_name(string());
      else if (field == "producer_version")
        model.set_producer_version(string());
      else if (field == "domain")
        model.set_domain(string());
      else if (field == "model_version")
        model.set_model_version(integer());
      else if (field == "doc_string")
        model.set_doc_string(string());
      else if (field == "metadata_props")
        parseStrings(*model.mutable_metadata_props());
      else
        error("a model has no property '" + field + "'");
    });
  parseGraph(*model.mutable_graph());
  while (token.kind != Token::End)
    parseFunction(*model.add_functions());
}

void Parser::parseFunction(FunctionProto &function) {
  if (accept('<'))
    list('>', [&] {
      std::string field = word("a property of the function");
      expect(':');
      if (field == "opset_import")
        parseOpsets(*function.mutable_opset_import());
      else if (field == "domain")
        function.set_domain(string());
      else if (field == "overload")
        function.set_overload(string());
      else if (field == "doc_string")
        function.set_doc_string(string());
      else
        error("a function has no property '" + field + "'");
    });
  function.set_name(name("the name of a function"));
  if (accept('<'))
    list('>', [&] {
      std::string attribute = name("the name of an attribute");
      if (is(':') || is('='))
        parseAttribute(*function.add_attribute_proto(), std::move(attribute));
      else
        function.add_attribute(std::move(attribute));
    });
  parseFunctionValues(*function.mutable_input(), *function.mutable_value_info());
  if (token.kind != Token::Arrow)
    error("expected '=>'");
  advance();
  parseFunctionValues(*function.mutable_output(), *function.mutable_value_info());
  if (accept('<'))
    parseValues('>', *function.mutable_value_info(), nullptr, true);
  parseNodes(*function.mutable_node());
}

void Parser::parseFunctionValues(RepeatedPtrField<std::string> &names, RepeatedPtrField<ValueInfoProto> &typed) {
  expect('(');
  list(')', [&] {
    ValueInfoProto *value = nullptr;
    if (isType()) {
      value = typed.Add();
      parseType(*value->mutable_type());
    }
    *names.Add() = name("the name of a value");
    if (value)
      value->set_name(names[names.size() - 1]);
  });
}

void Parser::parseOpsets(RepeatedPtrField<OperatorSetIdProto> &opsets) {
  expect('[');
  list(']', [&] {
    auto *opset = opsets.Add();
    opset->set_domain(string());
    expect(':');
    opset->set_version(integer());
  });
}

void Parser::parseStrings(RepeatedPtrField<StringStringEntryProto> &entries) {
  expect('[');
  list(']', [&] {
    auto *entry = entries.Add();
    entry->set_key(string());
    expect(':');
    entry->set_value(string());
  });
}

void Parser::parseGraph(GraphProto &graph) {
  Nested nested(*this);
  graph.set_name(name("the name of a graph"));
  if (accept('('))
    parseValues(')', *graph.mutable_input(), graph.mutable_initializer(), true);
  if (token.kind != Token::Arrow)
    error("expected '=>'");
  advance();
  expect('(');
  parseValues(')', *graph.mutable_output(), nullptr, true);
  if (accept('<'))
    parseValues('>', *graph.mutable_value_info(), graph.mutable_initializer(), false);
  parseNodes(*graph.mutable_node());
}

/// Typed names. One with a value is an initializer, and also a value where `keepInitialized`.
void Parser::parseValues(char close, RepeatedPtrField<ValueInfoProto> &values,
                         RepeatedPtrField<TensorProto> *initializers, bool keepInitialized) {
  list(close, [&] {
    ValueInfoProto value;
    if (isType())
      parseType(*value.mutable_type());
    value.set_name(name("a type or the name of a value"));
    bool isInitialized = initializers && accept('=');
    if (isInitialized) {
      TensorProto &tensor = *initializers->Add();
      tensor.set_name(value.name());
      parseTensor(tensor, value.type());
    }
    if (!isInitialized || keepInitialized)
      *values.Add() = std::move(value);
  });
}

// ---- Nodes and attributes ------------------------------------------------------------------------------------------

void Parser::parseNodes(RepeatedPtrField<NodeProto> &nodes) {
  expect('{');
  while (!hasFailed && !accept('}'))
    parseNode(*nodes.Add());
}

void Parser::parseNode(NodeProto &node) {
  if (accept('[')) {
    if (!is(']'))
      node.set_name(name("the name of a node"));
    expect(']');
  }
  parseNames(*node.mutable_output());
  expect('=');
  std::string type = word("an operator"), domain;
  while (accept('.')) {
    domain += (domain.empty() ? "" : ".") + type;
    type = word("an operator");
  }
  node.set_domain(domain);
  node.set_op_type(type);
  if (accept(':'))
    node.set_overload(word("an overload"));
  if (is('<'))
    parseAttributes(*node.mutable_attribute());
  expect('(');
  parseNames(*node.mutable_input());
  expect(')');
  if (node.attribute().empty() && is('<'))
    parseAttributes(*node.mutable_attribute());
}

/// Names with commas between them. An empty one, for an absent value, is "" or nothing before a comma.
void Parser::parseNames(RepeatedPtrField<std::string> &names) {
  while (token.kind == Token::Word || token.kind == Token::String || is(',')) {
    *names.Add() = is(',') ? "" : take();
    if (!accept(','))
      return;
  }
}

void Parser::parseAttributes(RepeatedPtrField<AttributeProto> &attributes) {
  expect('<');
  do
    parseAttribute(*attributes.Add(), word("the name of an attribute"));
  while (accept(','));
  expect('>');
}

/// By AttributeProto.AttributeType.
static constexpr StringLiteral attributeTypes[] = {
    "",        "float",   "int",    "string",        "tensor",         "graph",      "floats",     "ints",
    "strings", "tensors", "graphs", "sparse_tensor", "sparse_tensors", "type_proto", "type_protos"};

/// The type of an element of a list attribute; 0 when the type is no list that can be written.
static int elementOf(int listType) {
  switch (listType) {
  case AttributeProto::FLOATS:
    return AttributeProto::FLOAT;
  case AttributeProto::INTS:
    return AttributeProto::INT;
  case AttributeProto::STRINGS:
    return AttributeProto::STRING;
  case AttributeProto::TENSORS:
    return AttributeProto::TENSOR;
  case AttributeProto::GRAPHS:
    return AttributeProto::GRAPH;
  case AttributeProto::TYPE_PROTOS:
    return AttributeProto::TYPE_PROTO;
  default:
    return AttributeProto::UNDEFINED;
  }
}

void Parser::parseAttribute(AttributeProto &attribute, std::string name) {
  attribute.set_name(std::move(name));
  int expected = AttributeProto::UNDEFINED;
  if (accept(':')) {
    auto it = llvm::find(attributeTypes, token.text);
    if (token.kind != Token::Word || it == std::end(attributeTypes))
      return error("expected the type of an attribute");
    expected = it - std::begin(attributeTypes);
    attribute.set_type(expected);
    advance();
  }
  expect('=');
  if (!accept('['))
    return parseAttributeValue(attribute, expected);

  if (is(']') && !elementOf(expected))
    return error("an empty list needs a type: <axes: ints = []>");
  if (expected && !elementOf(expected))
    return error("expected a single value");
  list(']', [&] {
    AttributeProto item;
    // After the first one, the others must be like it.
    parseAttributeValue(item, elementOf(attribute.type()));
    switch (item.type()) {
    case AttributeProto::FLOAT:
      attribute.set_type(AttributeProto::FLOATS);
      attribute.add_floats(item.f());
      return;
    case AttributeProto::INT:
      attribute.set_type(AttributeProto::INTS);
      attribute.add_ints(item.i());
      return;
    case AttributeProto::STRING:
      attribute.set_type(AttributeProto::STRINGS);
      attribute.add_strings(item.s());
      return;
    case AttributeProto::TENSOR:
      attribute.set_type(AttributeProto::TENSORS);
      *attribute.add_tensors() = std::move(*item.mutable_t());
      return;
    case AttributeProto::GRAPH:
      attribute.set_type(AttributeProto::GRAPHS);
      *attribute.add_graphs() = std::move(*item.mutable_g());
      return;
    case AttributeProto::TYPE_PROTO:
      attribute.set_type(AttributeProto::TYPE_PROTOS);
      *attribute.add_type_protos() = std::move(*item.mutable_tp());
      return;
    default:
      return error("expected a value");
    }
  });
}

/// One value. `expected` is its type if that is known: it makes an integer a float.
void Parser::parseAttributeValue(AttributeProto &attribute, int expected) {
  int type = AttributeProto::UNDEFINED;
  Token first = token;
  if (accept('@')) {
    attribute.set_ref_attr_name(name("the name of an attribute"));
    type = expected; // what the reference gives is not known here
  } else if (isType()) {
    TypeProto typeProto;
    parseType(typeProto);
    if (is('{') || is('=') || token.kind == Token::Word || token.kind == Token::String) {
      type = AttributeProto::TENSOR;
      if (!is('{') && !is('='))
        attribute.mutable_t()->set_name(name("the name of a tensor"));
      accept('=');
      parseTensor(*attribute.mutable_t(), typeProto);
    } else {
      type = AttributeProto::TYPE_PROTO;
      *attribute.mutable_tp() = std::move(typeProto);
    }
  } else if (token.kind == Token::Float || (token.kind == Token::Word && isFloatWord(token.text)) ||
             (token.kind == Token::Integer && expected == AttributeProto::FLOAT)) {
    type = AttributeProto::FLOAT;
    attribute.set_f(number(llvm::APFloat::IEEEsingle()).convertToFloat());
  } else if (token.kind == Token::Integer) {
    type = AttributeProto::INT;
    attribute.set_i(integer());
  } else if (token.kind == Token::String) {
    type = AttributeProto::STRING;
    attribute.set_s(string());
  } else if (token.kind == Token::Word) {
    type = AttributeProto::GRAPH;
    parseGraph(*attribute.mutable_g());
  } else {
    return error("expected the value of an attribute");
  }
  if (expected && type != expected && !hasFailed) {
    token = first; // the place to point at
    return error("expected a value of type " + attributeTypes[expected]);
  }
  attribute.set_type(type);
}

// ---- Types and tensors ---------------------------------------------------------------------------------------------

/// TensorProto.DataType by its name in the text syntax; 0 when there is none.
static int findElementType(StringRef name) {
  if (name == "float")
    return TensorProto::FLOAT;
  if (name == "double")
    return TensorProto::DOUBLE;
  for (int type = TensorProto::UINT8; type <= TensorProto::FLOAT6E3M2; ++type)
    if (type != TensorProto::DOUBLE && onnxc::onnx::getElementTypeName(type) == name)
      return type;
  return 0;
}

bool Parser::isType() const {
  return token.kind == Token::Word && (findElementType(token.text) || StringRef(token.text) == "seq" ||
                                       StringRef(token.text) == "map" || StringRef(token.text) == "optional" ||
                                       StringRef(token.text) == "sparse_tensor" || StringRef(token.text) == "opaque");
}

void Parser::parseType(TypeProto &type) {
  Nested nested(*this);
  std::string kind = word("a type");
  // "float" is a scalar, "float[]" of unknown rank.
  auto shape = [&](auto &tensor) {
    if (!accept('['))
      tensor.mutable_shape();
    else if (!accept(']'))
      parseShape(*tensor.mutable_shape());
  };
  if (int element = findElementType(kind)) {
    type.mutable_tensor_type()->set_elem_type(element);
    return shape(*type.mutable_tensor_type());
  }
  expect('(');
  if (kind == "seq") {
    parseType(*type.mutable_sequence_type()->mutable_elem_type());
  } else if (kind == "optional") {
    parseType(*type.mutable_optional_type()->mutable_elem_type());
  } else if (kind == "map") {
    type.mutable_map_type()->set_key_type(findElementType(word("the type of a key")));
    expect(',');
    parseType(*type.mutable_map_type()->mutable_value_type());
  } else if (kind == "sparse_tensor") {
    type.mutable_sparse_tensor_type()->set_elem_type(findElementType(word("the type of an element")));
    shape(*type.mutable_sparse_tensor_type());
  } else if (kind == "opaque") {
    type.mutable_opaque_type();
    while (!hasFailed && !is(')')) // its name says nothing to us
      advance();
  } else {
    error("expected a type");
  }
  expect(')');
}

void Parser::parseShape(TensorShapeProto &shape) {
  list(']', [&] {
    auto &dim = *shape.add_dim();
    if (accept('?'))
      return;
    if (token.kind == Token::Word || token.kind == Token::String)
      dim.set_dim_param(take());
    else
      dim.set_dim_value(integer());
  });
}

void Parser::parseTensor(TensorProto &tensor, const TypeProto &type) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape())
    return error("a tensor's value needs its type and shape before it");
  tensor.set_data_type(type.tensor_type().elem_type());
  for (const auto &dim : type.tensor_type().shape().dim()) {
    if (!dim.has_dim_value())
      return error("the shape of a tensor with a value must be numbers");
    tensor.add_dims(dim.dim_value());
  }
  if (is('[')) {
    tensor.set_data_location(TensorProto::EXTERNAL);
    parseStrings(*tensor.mutable_external_data());
  } else {
    expect('{');
    list('}', [&] { parseElement(tensor); });
  }
}

void Parser::parseElement(TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
  case TensorProto::COMPLEX64:
    return tensor.add_float_data(number(llvm::APFloat::IEEEsingle()).convertToFloat());
  case TensorProto::DOUBLE:
  case TensorProto::COMPLEX128:
    return tensor.add_double_data(number(llvm::APFloat::IEEEdouble()).convertToDouble());
  case TensorProto::INT64:
    return tensor.add_int64_data(integer());
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return tensor.add_uint64_data(unsignedInteger());
  case TensorProto::STRING:
    return tensor.add_string_data(string());
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    if (token.kind != Token::Integer) {
      const auto &semantics =
          tensor.data_type() == TensorProto::FLOAT16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat();
      return tensor.add_int32_data(number(semantics).bitcastToAPInt().getZExtValue());
    }
    [[fallthrough]];
  default: {
    Token start = token;
    int64_t value = integer();
    if (value != static_cast<int32_t>(value)) {
      token = start;
      return error("expected a 32-bit integer");
    }
    return tensor.add_int32_data(static_cast<int32_t>(value));
  }
  }
}

LogicalResult onnxc::parseText(StringRef text, StringRef path, MLIRContext &context, ModelProto &model) {
  return Parser(text, path, context).parse(model);
}
