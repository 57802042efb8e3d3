//===- lib/Driver/Diagnostics.cpp --------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Diagnostics in the words of somebody who has a model, not an IR. See Diagnostics.h.
#include "lib/Driver/Diagnostics.h"
#include "lib/Emit/HiddenCharacters.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace onnxc;

/// A damaged model can be odd in more ways than anybody reads.
static constexpr size_t kMaxKinds = 64, kMaxNames = 4, kMaxAssumptions = 8;

std::string onnxc::escapeText(StringRef text) {
  std::string out;
  llvm::raw_string_ostream os(out);
  auto *at = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  auto *end = reinterpret_cast<const llvm::UTF8 *>(text.end());
  while (at != end) {
    const llvm::UTF8 *start = at;
    llvm::UTF32 c = 0;
    if (llvm::convertUTF8Sequence(&at, end, &c, llvm::strictConversion) != llvm::conversionOK) {
      at = start + 1;
      os << llvm::format("\\x%02x", *start);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      os << (c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (isHidden(c)) {
      os << llvm::format(c < 0x80 ? "\\x%02x" : "\\u{%x}", c);
    } else {
      os << StringRef(reinterpret_cast<const char *>(start), at - start);
    }
  }
  return out;
}

DiagnosticLog::Entry DiagnosticLog::makeEntry(Diagnostic &diagnostic) const {
  Entry entry;
  entry.place = path;
  entry.severity = diagnostic.getSeverity();
  diagnostic.getLocation()->walk([&](Location loc) {
    if (auto name = dyn_cast<NameLoc>(loc)) {
      entry.node = name.getName().str();
      return WalkResult::interrupt();
    }
    if (auto file = dyn_cast<FileLineColLoc>(loc)) {
      entry.place =
          file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (entry.node == path) // the model's own location
    entry.node.clear();
  std::string message = diagnostic.str();
  StringRef rest = message;
  if (rest.starts_with("'")) { // "'onnx.Conv' op group 3 does not ..."
    auto [name, after] = rest.drop_front().split("' op ");
    if (!after.empty()) {
      rest = after;
      if (name.consume_front("onnx."))
        entry.type = name.str();
    }
  }
  entry.message = rest.str();
  return entry;
}

void DiagnosticLog::addWarning(Entry entry) {
  std::string kind = entry.place + '\0' + entry.type + '\0' + entry.message;
  auto known = warningKinds.find(kind);
  if (known == warningKinds.end()) {
    if (warningKinds.size() == kMaxKinds) {
      droppedKinds.insert(llvm::xxh3_64bits(kind) >> 1); // two values are reserved by the set
      return;
    }
    known = warningKinds.try_emplace(kind, entries.size()).first;
    entries.push_back(entry);
  }
  Entry &first = entries[known->second];
  if (first.nodes.insert(llvm::xxh3_64bits(entry.node) >> 1).second && first.names.size() < kMaxNames)
    first.names.push_back(entry.node);
}

void DiagnosticLog::add(Diagnostic &diagnostic) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
    return addWarning(makeEntry(diagnostic));
  entries.push_back(makeEntry(diagnostic));
  for (Diagnostic &note : diagnostic.getNotes())
    entries.push_back(makeEntry(note));
}

void DiagnosticLog::addError(StringRef message) {
  Entry entry;
  entry.place = path;
  entry.message = message.str();
  entries.push_back(std::move(entry));
}

std::string DiagnosticLog::text(Style style) const {
  std::string text;
  llvm::SmallVector<std::string> assumptions;
  auto line = [&](StringRef place, StringRef severity, const Twine &message) {
    text += escapeText((place + ": " + severity + ": " + message).str()) + "\n";
  };
  for (const Entry &entry : entries) {
    bool isWarning = entry.severity == DiagnosticSeverity::Warning;
    if (isWarning && !style.showsWarnings)
      continue;
    bool becomesError = isWarning && style.warningsAreErrors;
    static const char *const severities[] = {"note", "warning", "error", "remark"};
    std::string message;
    if (!entry.node.empty())
      message = "node '" + entry.node + "'" + (entry.type.empty() ? "" : " (" + entry.type + ")") + ": ";
    else if (!entry.type.empty())
      message = entry.type + ": ";
    message += entry.message;
    if (entry.nodes.size() > 1)
      message += " [" + std::to_string(entry.nodes.size()) + " times: at " + llvm::join(entry.names, ", ") +
                 (entry.nodes.size() > entry.names.size() ? ", ...]" : "]");
    if (becomesError)
      message += " [-Werror]";
    line(entry.place, becomesError ? "error" : severities[static_cast<int>(entry.severity)], message);
    if (StringRef assumed = StringRef(entry.message).split("; assumed: ").second;
        isWarning && !assumed.empty() && !llvm::is_contained(assumptions, assumed))
      assumptions.push_back(assumed.str());
  }
  if (!style.showsWarnings)
    return text;
  if (!droppedKinds.empty())
    line(path, style.warningsAreErrors ? "error" : "warning", "and " + Twine(droppedKinds.size()) + " more warnings");
  if (style.tellsAssumptions && !assumptions.empty()) {
    size_t count = assumptions.size();
    if (count > kMaxAssumptions)
      assumptions.resize(kMaxAssumptions);
    line(path, "note",
         "assumed: " + llvm::join(assumptions, "; ") + (count > kMaxAssumptions ? "; ..." : "") +
             " (-Werror refuses such a model)");
  }
  return text;
}
