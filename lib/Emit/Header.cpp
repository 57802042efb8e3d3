//===- lib/Emit/Header.cpp ---------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes C that any C11 or C++11 compiler takes without a warning: the names of a model's tensors are what needs care.
#include "lib/Emit/Header.h"
#include "lib/Emit/HiddenCharacters.h"
#include "onnxc/abi.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <set>
#include <utility>

using namespace onnxc;

namespace {

const char kAbiText[] =
#include "runtime/AbiText.inc"
    ;

bool isPlain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string upper(std::string text) {
  for (char &c : text)
    c = char(toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Keywords of C and C++, usual macros, and the names that the generated functions use themselves.
const std::set<std::string> &reservedNames() {
  static const std::set<std::string> names = {
      "alignas", "alignof", "and", "and_eq", "asm", "assert", "atomic_cancel", "atomic_commit", "auto", "bitand",
      "bitor", "bool", "break", "case", "catch", "char", "class", "compl", "complex", "concept", "const", "const_cast",
      "consteval", "constexpr", "constinit", "continue", "co_await", "co_return", "co_yield", "decltype", "default",
      "delete", "do", "double", "dynamic_cast", "else", "enum", "errno", "explicit", "export", "extern", "false",
      "float", "for", "friend", "goto", "i", "if", "imaginary", "inline", "int", "linux", "long", "mutable",
      "namespace", "new", "noexcept", "noreturn", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
      "protected", "public", "register", "reinterpret_cast", "requires", "restrict", "return", "short", "signed",
      "sizeof", "static", "static_assert", "static_cast", "stderr", "stdin", "stdout", "struct", "switch", "template",
      "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "union", "unix",
      "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
      // ours
      "allocator", "call", "dims", "error", "inputs", "kept", "m", "model", "outputs", "pool", "room", "status",
      "weights", "workspace", "workspace_size"};
  return names;
}

/// Names that a parameter would hide, or that would hide it: those of the binary interface, which is in each header,
/// and those that standard headers define or may define.
bool isTaken(const std::string &name) {
  auto ends = [&](const std::string &end) {
    return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  static const std::set<std::string> macros = {"BUFSIZ",    "CHAR_BIT",   "EDOM",     "EILSEQ", "EOF",      "ERANGE",
                                               "FLT_RADIX", "FLT_ROUNDS", "HUGE_VAL", "I",      "INFINITY", "NAN",
                                               "NDEBUG",    "NULL",       "SNAN",     "WEOF",   "offsetof"};
  return upper(name).rfind("ONNXC_", 0) == 0 || ends("_t") || ends("_MAX") || ends("_MIN") || ends("_C") ||
         ends("_WIDTH") || macros.count(name);
}

/// Hands out identifiers that differ, even in capitals: some become part of macros.
class Names {
public:
  /// `prefix`: of the model's functions. Macros of it have names that no tensor's size may get.
  explicit Names(const std::string &prefix) : taken{"WORKSPACE", "STACK"} {
    for (const char *function : {"_model", "_dims", "_plan", "_workspace_size", "_run", "_release"})
      functions.insert(prefix + function);
  }

  std::string add(const std::string &text, const std::string &fallback) {
    std::string base = toIdentifier(text, fallback), name = base;
    if (reservedNames().count(name) || functions.count(name) || isTaken(name))
      name = base += "_";
    for (int i = 2; !taken.insert(upper(name)).second; ++i)
      name = base + "_" + std::to_string(i);
    return name;
  }

private:
  std::set<std::string> taken, functions;
};

struct TypeNames {
  const char *onnx, *c;
  unsigned parts = 1; ///< of the C type in an element
};

TypeNames typeNames(int32_t type) {
  switch (type) {
  case ONNXC_FLOAT:
    return {"float32", "float"};
  case ONNXC_UINT8:
    return {"uint8", "uint8_t"};
  case ONNXC_INT8:
    return {"int8", "int8_t"};
  case ONNXC_UINT16:
    return {"uint16", "uint16_t"};
  case ONNXC_INT16:
    return {"int16", "int16_t"};
  case ONNXC_INT32:
    return {"int32", "int32_t"};
  case ONNXC_INT64:
    return {"int64", "int64_t"};
  case ONNXC_STRING:
    return {"string", "char *const"};
  case ONNXC_BOOL:
    return {"bool", "bool"};
  case ONNXC_FLOAT16:
    return {"float16", "uint16_t"};
  case ONNXC_DOUBLE:
    return {"float64", "double"};
  case ONNXC_UINT32:
    return {"uint32", "uint32_t"};
  case ONNXC_UINT64:
    return {"uint64", "uint64_t"};
  case ONNXC_BFLOAT16:
    return {"bfloat16", "uint16_t"};
  case ONNXC_COMPLEX64: // float _Complex is no type of C++
    return {"complex64", "float", 2};
  case ONNXC_COMPLEX128:
    return {"complex128", "double", 2};
  case ONNXC_FLOAT8E4M3FN:
    return {"float8e4m3fn", "uint8_t"};
  case ONNXC_FLOAT8E4M3FNUZ:
    return {"float8e4m3fnuz", "uint8_t"};
  case ONNXC_FLOAT8E5M2:
    return {"float8e5m2", "uint8_t"};
  case ONNXC_FLOAT8E5M2FNUZ:
    return {"float8e5m2fnuz", "uint8_t"};
  case ONNXC_FLOAT8E8M0:
    return {"float8e8m0", "uint8_t"};
  case ONNXC_FLOAT6E2M3:
    return {"float6e2m3", "uint8_t"};
  case ONNXC_FLOAT6E3M2:
    return {"float6e3m2", "uint8_t"};
  case ONNXC_FLOAT4E2M1:
    return {"float4e2m1", "uint8_t"};
  case ONNXC_UINT4:
    return {"uint4", "uint8_t"};
  case ONNXC_INT4:
    return {"int4", "int8_t"};
  case ONNXC_UINT2:
    return {"uint2", "uint8_t"};
  case ONNXC_INT2:
    return {"int2", "int8_t"};
  }
  return {"unknown", "void"};
}

bool isTensor(const HeaderValue &value) { return !(value.type & (ONNXC_SEQUENCE | ONNXC_OPTIONAL | ONNXC_MAP)); }

bool isKnownByRun(const HeaderValue &value) {
  return std::count(value.dims.begin(), value.dims.end(), ONNXC_DIM_RUN) != 0;
}

/// Whether run() gets the memory of this output.
bool isAllocated(const HeaderValue &output) {
  return !isTensor(output) || output.type == ONNXC_STRING || isKnownByRun(output);
}

/// What a pointer to the data of a value that is only read points to.
std::string constElement(const HeaderValue &value) {
  return isTensor(value) ? std::string("const ") + typeNames(value.type).c : "const onnxc_value";
}

/// The character at `text[at]`, and its bytes; 0 bytes where UTF-8 has none.
std::pair<uint32_t, size_t> decode(const std::string &text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  uint32_t first = byte(at);
  size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  uint32_t c = size == 1 ? first : first & (0x7f >> size);
  for (size_t i = 1; i < size; ++i) {
    if (byte(at + i) >> 6 != 2)
      return {0, 0};
    c = c << 6 | (byte(at + i) & 0x3f);
  }
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  bool isCharacter = size && c >= least[size] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  return {c, isCharacter ? size : 0};
}

/// Text that may stand in a C comment and on one line, and reads as it is: no end of the comment, no other direction.
std::string inComment(const std::string &text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    auto [c, size] = decode(text, at);
    char escaped[16];
    if (size == 0 || isHidden(c)) {
      snprintf(escaped, sizeof(escaped), size && c >= 0x80 ? "<U+%04X>" : "_", unsigned(c));
      result += escaped;
    } else if (c == '*' || c == '\\') {
      result += '_';
    } else {
      result.append(text, at, size);
    }
    at += size ? size : 1;
  }
  return result;
}

/// Writes the header of one model; the members are what several of its parts need to agree on.
class Writer {
public:
  explicit Writer(const HeaderModel &model)
      : model(model), prefix(model.prefix), macro(upper(model.prefix)), names(model.prefix) {
    // All names are arguments of one function. None ends in '_' unless it is reserved: that is left for its variables.
    std::vector<bool> used(model.symbols.size());
    for (const HeaderValue &input : model.inputs)
      for (int64_t dim : input.dims)
        if (dim < 0 && dim != ONNXC_DIM_COMPUTED)
          used[size_t(-1 - dim)] = true;
    symbolNames.resize(model.symbols.size());
    for (size_t i = 0; i < model.symbols.size(); ++i)
      if (used[i])
        symbolNames[i] = names.add(model.symbols[i], "dim_" + std::to_string(i));
    for (size_t i = 0; i < model.inputs.size(); ++i)
      inputNames.push_back(names.add(model.inputs[i].name, "input_" + std::to_string(i)));
    for (size_t i = 0; i < model.outputs.size(); ++i)
      outputNames.push_back(names.add(model.outputs[i].name, "output_" + std::to_string(i)));
    dimsNames.resize(model.outputs.size());
    for (size_t i = 0; i < model.outputs.size(); ++i) {
      hasAllocated |= isAllocated(model.outputs[i]);
      if (isKnownByRun(model.outputs[i]))
        dimsNames[i] = names.add(outputNames[i] + "_dims", "");
    }
    for (unsigned output : model.rankOutputs)
      rankNames.push_back(names.add(outputNames[output] + "_rank", ""));
  }

  std::string write() {
    introduction();
    out += "#ifndef " + macro + "_H\n#define " + macro + "_H\n\n";
    out += std::string(kAbiText) + "\n";
    out += "#if ONNXC_ABI_VERSION != " + std::to_string(ONNXC_ABI_VERSION) + " || ONNXC_ABI_REVISION < " +
           std::to_string(ONNXC_ABI_REVISION) +
           "\n#error \"a header of an older onnxc came before this one: include this one first, or compile the other "
           "model again\"\n#endif\n\n";
    out += "#include <stdbool.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
    out += "/* The model's description of itself: for onnxc/runtime.h (onnxc_open_linked), and to look at. */\n"
           "const onnxc_model *" +
           prefix + "_model(void);\n\n";
    sizes();
    planning();
    running();
    if (hasAllocated)
      releasing();
    out += "#ifdef __cplusplus\n}\n#endif\n#endif\n";
    return std::move(out);
  }

private:
  const HeaderModel &model;
  std::string prefix, macro, out;
  Names names;
  std::vector<std::string> symbolNames; // empty: not chosen by the caller
  std::vector<std::string> inputNames, outputNames;
  std::vector<std::string> dimsNames; // of outputs with sizes that only run() knows; empty: plan() has them all
  std::vector<std::string> rankNames; // of model.rankOutputs
  bool hasAllocated = false;

  bool allocates() const { return model.allocates || hasAllocated; }

  bool isDynamic() const { return !shapeArguments().empty() || !model.planInputs.empty(); }

  std::string dataParameter(size_t input) const { return constElement(model.inputs[input]) + " *" + inputNames[input]; }
  std::string setData(size_t input) const {
    return "  inputs[" + std::to_string(input) + "].data = (void *)(uintptr_t)" + inputNames[input] + ";\n";
  }

  static bool isStatic(const HeaderValue &value) {
    for (int64_t dim : value.dims)
      if (dim < 0)
        return false;
    return true;
  }

  std::string shapeText(const HeaderValue &value) const { return describeType(value, symbolNames); }

  /// The arguments that choose shapes: symbols, and sizes of inputs that no symbol names.
  std::vector<std::string> shapeArguments() const {
    std::vector<std::string> arguments;
    for (const std::string &name : symbolNames)
      if (!name.empty())
        arguments.push_back(name);
    for (size_t i = 0; i < model.inputs.size(); ++i)
      for (size_t d = 0; d < model.inputs[i].dims.size(); ++d)
        if (model.inputs[i].dims[d] == ONNXC_DIM_COMPUTED)
          arguments.push_back(dimExpression(i, d));
    return arguments;
  }

  std::string dimExpression(size_t input, size_t axis) const {
    int64_t dim = model.inputs[input].dims[axis];
    if (dim >= 0)
      return std::to_string(dim);
    if (dim == ONNXC_DIM_COMPUTED)
      return inputNames[input] + "_dim" + std::to_string(axis) + "_";
    return symbolNames[size_t(-1 - dim)];
  }

  std::string shapeParameters() const {
    std::string text;
    for (const std::string &name : shapeArguments())
      text += "int64_t " + name + ", ";
    for (unsigned input : model.planInputs)
      text += dataParameter(input) + ", ";
    return text;
  }

  std::string passedShapes() const {
    std::string text;
    for (const std::string &name : shapeArguments())
      text += name + ", ";
    for (unsigned input : model.planInputs)
      text += inputNames[input] + ", ";
    return text;
  }

  void introduction() {
    out += "/* " + inComment(model.modelName) + ", compiled by onnxc for " + inComment(model.target) + ".\n *\n";
    auto list = [&](const char *what, const std::vector<HeaderValue> &values, const std::vector<std::string> &ids) {
      for (size_t i = 0; i < values.size(); ++i) {
        out += std::string(" *   ") + what + " " + ids[i] + ": " + shapeText(values[i]);
        if (ids[i] != values[i].name)
          out += "   (in ONNX: \"" + inComment(values[i].name) + "\")";
        out += "\n";
      }
    };
    list("input ", model.inputs, inputNames);
    list("output", model.outputs, outputNames);
    out += " *\n * Tensors are dense and row-major; the caller has all memory. Link with the model's .o, .a or .so.\n";
    if (hasAllocated)
      out += " * Outputs whose size only the run knows are in memory from an allocator: " + prefix + "_release.\n";
    if (!model.weightsFile.empty())
      out += " * The weights are in the file " + inComment(model.weightsFile) + " (" +
             std::to_string(model.weightsSize) + " bytes): map it, and pass its address.\n";
    out += " */\n";
  }

  /// Numbers of elements, for declarations of arrays.
  void sizes() {
    std::string lines;
    auto add = [&](const HeaderValue &value, const std::string &name) {
      if (!isStatic(value) || !isTensor(value))
        return;
      uint64_t count = typeNames(value.type).parts;
      for (int64_t dim : value.dims)
        count *= uint64_t(dim);
      lines += "#define " + macro + "_" + upper(name) + "_SIZE " + std::to_string(count) + "\n";
    };
    for (size_t i = 0; i < model.inputs.size(); ++i)
      add(model.inputs[i], inputNames[i]);
    for (size_t i = 0; i < model.outputs.size(); ++i)
      add(model.outputs[i], outputNames[i]);
    if (!lines.empty())
      out += "/* Elements of the tensors of fixed size. */\n" + lines + "\n";
    if (model.stackSize)
      out += "/* Bytes of stack that a call takes at most, on each thread, besides what functions of the pool and the "
             "allocator\n * take themselves. */\n#define " +
             macro + "_STACK_SIZE " + std::to_string(*model.stackSize) + "\n\n";
    if (model.workspaceSize && !isDynamic())
      out += "/* Bytes of workspace: for memory that is there from the start. */\n#define " + macro +
             "_WORKSPACE_SIZE " + std::to_string(*model.workspaceSize) + "\n\n";
  }

  /// The part of both functions that fills an onnxc_call.
  std::string callSetup() const {
    std::string text;
    auto tensors = [&](const char *array, const std::vector<HeaderValue> &values, const std::vector<std::string> &ids,
                       bool isInput) {
      std::string list;
      for (size_t i = 0; i < values.size(); ++i) {
        std::string dims = "NULL";
        if (isInput && !values[i].dims.empty()) {
          dims = ids[i] + "_dims_";
          text += "  int64_t " + dims + "[] = {";
          for (size_t d = 0; d < values[i].dims.size(); ++d)
            text += (d ? ", " : "") + dimExpression(i, d);
          text += "};\n";
        } else if (!values[i].dims.empty()) {
          dims = "dims->" + ids[i];
        }
        list += std::string(i ? ", " : "") + "{NULL, " + dims + "}";
      }
      if (!values.empty())
        text += std::string("  onnxc_tensor ") + array + "[] = {" + list + "};\n";
    };
    tensors("inputs", model.inputs, inputNames, true);
    tensors("outputs", model.outputs, outputNames, false);
    text += "  onnxc_call call = {sizeof(onnxc_call), -1, " + std::string(model.inputs.empty() ? "NULL" : "inputs") +
            ", " + (model.outputs.empty() ? "NULL" : "outputs") +
            ", NULL, NULL, 0, pool, NULL, NULL, NULL, "
            "0, 0, 0, NULL, NULL, 0, 0};\n";
    return text;
  }

  /// Models trust that sizes aren't negative; and the model may be of another compiler than the header.
  std::string checkedPlan(const std::string &table) const {
    std::string negative;
    for (const std::string &name : shapeArguments())
      negative += (negative.empty() ? "" : " || ") + name + " < 0";
    return table + "->abi_version != ONNXC_ABI_VERSION ? ONNXC_ERROR_UNSUPPORTED : " +
           (negative.empty() ? "" : negative + " ? ONNXC_ERROR_SHAPE : ") + "(onnxc_status)" + table + "->plan(&call)";
  }

  void planning() {
    bool isComplete = !std::any_of(model.outputs.begin(), model.outputs.end(), isKnownByRun);
    out += std::string("/* The sizes of the outputs") + (isComplete ? "" : "; -1 where only the run knows") +
           ". */\ntypedef struct " + prefix + "_dims {\n";
    bool any = false;
    for (size_t i = 0; i < model.outputs.size(); ++i) {
      if (model.outputs[i].dims.empty())
        continue;
      any = true;
      out += "  int64_t " + outputNames[i] + "[" + std::to_string(model.outputs[i].dims.size()) + "]; /* " +
             shapeText(model.outputs[i]) + " */\n";
    }
    if (!any)
      out += "  int64_t none; /* there are none */\n";
    out += "} " + prefix + "_dims;\n\n";

    out += "/* Writes the outputs' sizes and the bytes of workspace that " + prefix + "_run needs" +
           (isDynamic() ? " for these shapes" : "") +
           ", whatever\n * the pool. Returns ONNXC_OK, or an error when the model can't be run " +
           (isDynamic() ? "with them" : "here") + ". */\n";
    if (!model.planInputs.empty())
      out += "/* Sizes depend on the data of the inputs that it takes: they must be the same when the model runs. */\n";
    out += "static inline onnxc_status " + prefix + "_plan(" + shapeParameters() + "const onnxc_pool *pool, " + prefix +
           "_dims *dims, uint64_t *workspace_size) {\n";
    out += "  onnxc_status status;\n" + callSetup();
    for (unsigned input : model.planInputs)
      out += setData(input);
    out += "  status = " + checkedPlan(prefix + "_model()") + ";\n";
    if (!any)
      out += "  dims->none = 0;\n";
    out += "  *workspace_size = call.workspace_size;\n  return status;\n}\n\n";

    out += "/* Only the bytes of workspace; UINT64_MAX where the model can't be run. */\n";
    out += "static inline uint64_t " + prefix + "_workspace_size(" + shapeParameters() + "const onnxc_pool *pool) {\n";
    out += "  " + prefix + "_dims dims;\n  uint64_t workspace_size;\n";
    out += "  return " + prefix + "_plan(" + passedShapes() +
           "pool, &dims, &workspace_size) == ONNXC_OK ? workspace_size : UINT64_MAX;\n}\n\n";
  }

  void running() {
    out += "/* Computes the outputs.\n";
    std::vector<std::string> parameters;
    for (const std::string &name : shapeArguments())
      parameters.push_back("int64_t " + name);
    auto add = [&](const HeaderValue &value, const std::string &name, const std::string &parameter) {
      parameters.push_back(parameter + name);
      out += " *   " + name + ": " + shapeText(value);
      TypeNames type = typeNames(ONNXC_ELEMENT_TYPE(value.type));
      if (std::string(type.onnx).find("float") != std::string::npos && type.c[0] == 'u')
        out += " as bits";
      if (type.parts == 2)
        out += ", real and imaginary part by turns";
    };
    for (size_t i = 0; i < model.inputs.size(); ++i) {
      add(model.inputs[i], inputNames[i], constElement(model.inputs[i]) + " *");
      out += "\n";
    }
    for (size_t i = 0; i < model.outputs.size(); ++i) {
      const HeaderValue &output = model.outputs[i];
      bool allocated = isAllocated(output);
      add(output, outputNames[i],
          allocated ? constElement(output) + " **" : typeNames(output.type).c + std::string(" *"));
      out += allocated ? ", where to put its address\n" : "\n";
      if (dimsNames[i].empty())
        continue;
      parameters.push_back("int64_t *" + dimsNames[i]);
      out += " *   " + dimsNames[i] + ": room for the sizes of its " + std::to_string(output.dims.size()) +
             " dimension(s), or NULL\n";
    }
    for (size_t i = 0; i < rankNames.size(); ++i) {
      const std::string &name = rankNames[i];
      const HeaderValue &output = model.outputs[model.rankOutputs[i]];
      out += " *   " + name + ": where to put how many dimensions " + outputNames[model.rankOutputs[i]] +
             " has: the last ones of the " + std::to_string(output.dims.size()) +
             " sizes, the others are 1; may be NULL\n";
      parameters.push_back("int64_t *" + name);
    }
    out += " *   workspace: " + prefix + "_workspace_size() bytes, 64-byte aligned; may be NULL when that is 0\n";
    parameters.push_back("void *workspace");
    if (isDynamic()) {
      out += " *   workspace_size: the bytes that are there\n";
      parameters.push_back("uint64_t workspace_size");
    }
    if (!model.weightsFile.empty()) {
      out += " *   weights: the content of the weights file, 64-byte aligned\n";
      parameters.push_back("const void *weights");
    }
    if (allocates()) {
      out += " *   allocator: gives memory to this thread\n";
      parameters.push_back("const onnxc_allocator *allocator");
    }
    if (hasAllocated) {
      out += " *   kept: where to put what " + prefix + "_release takes when the outputs aren't needed any more\n";
      parameters.push_back("void **kept");
    }
    out += " *   pool: threads to compute with (onnxc/runtime.h makes some); NULL: only this one\n";
    out += " *   error: where to put the reason when the result is not ONNXC_OK; may be NULL\n";
    parameters.push_back("const onnxc_pool *pool");
    parameters.push_back("const char **error");
    out += " * Any number of threads may call this at the same time, each with its own workspace and outputs. */\n";
    out += "static inline onnxc_status " + prefix + "_run(";
    for (size_t i = 0; i < parameters.size(); ++i)
      out += (i ? ", " : "") + parameters[i];
    out += ") {\n  const onnxc_model *m = " + prefix + "_model();\n  " + prefix + "_dims room, *dims = &room;\n";
    if (!rankNames.empty())
      out += "  int64_t ranks_[" + std::to_string(rankNames.size()) + "];\n";
    out += "  onnxc_status status;\n" + callSetup();
    bool usesDims = false;
    for (const HeaderValue &output : model.outputs)
      usesDims |= !output.dims.empty();
    if (!usesDims)
      out += "  (void)dims;\n";
    for (size_t i = 0; i < model.inputs.size(); ++i)
      out += setData(i);
    for (size_t i = 0; i < model.outputs.size(); ++i) {
      std::string output = "outputs[" + std::to_string(i) + "]";
      if (!isAllocated(model.outputs[i]))
        out += "  " + output + ".data = " + outputNames[i] + ";\n";
      if (!dimsNames[i].empty())
        out += "  if (" + dimsNames[i] + ")\n    " + output + ".dims = " + dimsNames[i] + ";\n";
    }
    if (allocates())
      out += "  call.allocator = allocator;\n";
    if (!rankNames.empty())
      out += "  call.ranks = ranks_;\n";
    out += std::string("  call.weights = ") + (model.weightsFile.empty() ? "m->weights" : "weights") + ";\n";
    out += "  call.workspace = workspace;\n";
    out += "  status = " + checkedPlan("m") + ";\n";
    std::string enough = isDynamic() ? "call.workspace_size > workspace_size || " : "";
    if (allocates())
      enough += "!allocator || ";
    out += "  if (status == ONNXC_OK && (" + enough + "(call.workspace_size && !workspace)))\n";
    out += "    status = ONNXC_ERROR_ARGUMENT;\n";
    out += "  if (status == ONNXC_OK)\n    status = (onnxc_status)m->run(&call);\n";
    for (size_t i = 0; i < model.outputs.size(); ++i)
      if (isAllocated(model.outputs[i]))
        out += "  *" + outputNames[i] + " = status == ONNXC_OK ? (" + constElement(model.outputs[i]) + " *)outputs[" +
               std::to_string(i) + "].data : NULL;\n";
    for (size_t i = 0; i < rankNames.size(); ++i)
      out += "  if (status == ONNXC_OK && " + rankNames[i] + ")\n    *" + rankNames[i] + " = ranks_[" +
             std::to_string(i) + "];\n";
    if (hasAllocated)
      out += "  *kept = call.kept;\n";
    else if (allocates())
      out += "  if (call.kept)\n    m->release(&call);\n";
    out += "  if (status != ONNXC_OK && error)\n"
           "    *error = call.error_site >= 0                ? m->error_sites[call.error_site]\n"
           "             : status == ONNXC_ERROR_SHAPE    ? \"the model can't be run with these shapes\"\n";
    if (allocates())
      out += "             : !allocator                     ? \"the allocator is missing\"\n";
    out += "             : status == ONNXC_ERROR_ARGUMENT ? \"the workspace is missing or too small\"\n"
           "                                              : onnxc_status_text(status);\n";
    out += "  return status;\n}\n\n";
  }

  void releasing() {
    out +=
        "/* Gives back the memory of the outputs of one run. */\nstatic inline void " + prefix +
        "_release(const onnxc_allocator *allocator, void *kept) {\n"
        "  onnxc_call call = {sizeof(onnxc_call), -1, NULL, NULL, NULL, NULL, 0, NULL, allocator, kept, NULL, 0, 0, 0, "
        "NULL, NULL, 0, 0};\n"
        "  if (kept)\n    " +
        prefix + "_model()->release(&call);\n}\n\n";
  }
};

} // namespace

std::string onnxc::toIdentifier(const std::string &text, const std::string &fallback) {
  std::string name;
  for (char c : text) {
    if (isPlain(c))
      name += c;
    else if (!name.empty() && name.back() != '_') // leading underscores are reserved, double ones are in C++
      name += '_';
  }
  while (!name.empty() && name.back() == '_')
    name.pop_back();
  if (name.empty())
    return fallback;
  return isdigit(static_cast<unsigned char>(name[0])) ? "n" + name : name;
}

std::string onnxc::describeType(const HeaderValue &value, const std::vector<std::string> &symbols) {
  std::string element = typeNames(ONNXC_ELEMENT_TYPE(value.type)).onnx;
  if (!isTensor(value)) {
    std::string key = typeNames(ONNXC_ELEMENT_TYPE(value.type >> 16)).onnx;
    return std::string(value.type & ONNXC_OPTIONAL ? "optional " : "") +
           (value.type & ONNXC_SEQUENCE ? "sequence of " : "") +
           (value.type & ONNXC_MAP ? "map " + key + " -> " + element : element + "[...]");
  }
  std::string text = element + "[";
  for (size_t d = 0; d < value.dims.size(); ++d) {
    int64_t dim = value.dims[d];
    text += d ? "," : "";
    if (dim >= 0)
      text += std::to_string(dim);
    else if (dim == ONNXC_DIM_COMPUTED || dim == ONNXC_DIM_RUN || symbols[size_t(-1 - dim)].empty())
      text += "?";
    else
      text += symbols[size_t(-1 - dim)];
  }
  return text + "]";
}

std::string onnxc::generateHeader(const HeaderModel &model) { return Writer(model).write(); }
