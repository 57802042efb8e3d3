//===- lib/Driver/Diagnostics.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Diagnostics in the words of somebody who has a model, not an IR. See Diagnostics.h.
#include "lib/Driver/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

static void appendLine(llvm::raw_ostream &os, const std::string &path, Diagnostic &diagnostic) {
  std::string node, place = path;
  diagnostic.getLocation()->walk([&](Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc)) {
      node = name.getName().str();
      return WalkResult::interrupt();
    }
    if (auto file = dyn_cast<FileLineColLoc>(loc)) {
      place = file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  static const char *const severities[] = {"note", "warning", "error", "remark"};
  os << place << ": " << severities[static_cast<int>(diagnostic.getSeverity())] << ": ";
  std::string message = diagnostic.str();
  StringRef rest = message;
  std::string type;
  if (rest.starts_with("'")) { // "'onnx.Conv' op group 3 does not ..."
    auto [name, after] = rest.drop_front().split("' op ");
    if (!after.empty()) {
      rest = after;
      if (name.consume_front("onnx."))
        type = name.str();
    }
  }
  if (!node.empty() && node != path) // the model's own location has its path
    os << "node '" << node << "'" << (type.empty() ? "" : " (" + type + ")") << ": ";
  else if (!type.empty())
    os << type << ": ";
  os << rest << "\n";
}

void onnxc::appendDiagnostic(std::string &text, const std::string &path, Diagnostic &diagnostic) {
  llvm::raw_string_ostream os(text);
  appendLine(os, path, diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    appendLine(os, path, note);
}
